/**
 * What this machine offers below WebGPU, read from its file system: graphics cards, the Vulkan loader, installed Vulkan drivers.
 * It explains why no hardware adapter answers and what to install; the choice of the adapter itself never depends on it.
 *
 * Sources: `lspci`'s class and vendor numbers as Linux shows them in sysfs; the Vulkan loader's rules for finding driver manifests.
 */

import { isAbsolute, join } from "node:path";
import { programOutput } from "../io/program_output.ts";
import { readVariable } from "../environment_variables.ts";

/** A graphics card by a maker whose cards have Vulkan drivers on Linux. */
export interface GraphicsCard {
  vendor: "NVIDIA" | "AMD" | "Intel";
  /** PCI address ("0000:01:00.0"), or the device file where the PCI bus is hidden. */
  at: string;
}

/** A picture of the machine; empty lists where nothing was found or may be read. */
export interface DriverSurvey {
  /** Null where Deno may not look: then nobody knows. */
  cards: GraphicsCard[] | null;
  /** Device files of the kernel's graphics drivers, such as /dev/dri/renderD128 and /dev/nvidia0. */
  deviceFiles: string[];
  /** Path of libvulkan.so.1. */
  loader: string | null;
  /** Paths of the driver manifests (ICD files) that the loader would read. */
  manifests: string[];
  /** Version of NVIDIA's kernel driver. */
  nvidiaDriver: string | null;
}

/** Where a survey looks: a root folder other than "/" makes it testable. */
export interface SurveyOptions {
  root?: string;
  environment?: Record<string, string | undefined>;
}

const pciVendors: Record<string, GraphicsCard["vendor"]> = {
  "0x10de": "NVIDIA",
  "0x1002": "AMD",
  "0x8086": "Intel",
};
const pciDisplayClass = "0x03";

/** Looks at a Linux machine; on other systems, where Metal and Direct3D are always present, every answer is empty. */
export async function surveyDrivers({ root = "/", environment }: SurveyOptions = {}): Promise<DriverSurvey> {
  const machine = new Machine(root);
  const deviceFiles = [
    ...(await machine.list("/dev")).filter((path) => /\/nvidia\d+$/.test(path)),
    ...(await machine.list("/dev/dri")).filter((path) => /\/renderD\d+$/.test(path)),
  ];
  const variables = environment ?? readVariables();
  const cards = await findCards(machine, deviceFiles);
  return {
    cards: cards.length === 0 && machine.refused ? null : cards,
    deviceFiles,
    loader: await findLoader(machine, variables),
    manifests: await findManifests(machine, variables),
    nvidiaDriver: await readNvidiaDriver(machine),
  };
}

/** Version of NVIDIA's kernel driver; null where there is none, or Deno may not look. */
export function nvidiaDriver({ root = "/" }: SurveyOptions = {}): Promise<string | null> {
  return readNvidiaDriver(new Machine(root));
}

async function readNvidiaDriver(machine: Machine): Promise<string | null> {
  return await machine.read("/sys/module/nvidia/version") ??
    (await machine.read("/proc/driver/nvidia/version"))?.match(/\b\d+\.\d+(\.\d+)?\b/)?.[0] ?? null;
}

/**
 * The clause that says which card lies idle and what to do, or null when the machine shows no card. To be called when no
 * hardware adapter answered.
 */
export function driverRemedy(survey: DriverSurvey): string | null {
  const card = survey.cards?.[0];
  if (!card) return null;
  const nvidia = card.vendor === "NVIDIA";
  const major = survey.nvidiaDriver?.split(".")[0];
  const manifest = { NVIDIA: /nvidia/, AMD: /radeon|amd/, Intel: /intel/ }[card.vendor];
  const present = `an ${card.vendor} GPU (${card.at}) is present, but no Vulkan driver answers for it`;
  if (survey.loader && survey.manifests.some((path) => manifest.test(path))) {
    return `${present} although one is installed: ` +
      (nvidia
        ? "check that nvidia-smi works; a container must be started with NVIDIA_DRIVER_CAPABILITIES=all"
        : "check that your user may open /dev/dri/renderD* (group render); a container must be started with --device /dev/dri");
  }
  return `${present}: install libvulkan1 and ` +
    (nvidia
      ? `nvidia-driver (Debian) or libnvidia-gl-${major ?? "<driver version>"} (Ubuntu), ` +
        "or start the container with NVIDIA_DRIVER_CAPABILITIES=all"
      : "mesa-vulkan-drivers (Debian, Ubuntu)");
}

/**
 * File reading below a root folder, where what is missing or forbidden reads as absent. Deno itself reads below /dev, /proc and /sys only
 * for a program that may do everything; so these are listed by `ls` and read by `cat`, where it may run them.
 */
class Machine {
  /** Whether something could not be looked at for want of a permission. */
  refused = false;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Full paths of a folder's entries, sorted. */
  async list(folder: string): Promise<string[]> {
    const names = await this.#look(
      folder,
      (path) => Array.from(Deno.readDirSync(path), ({ name }) => name),
      async (path) => (await this.#ask("ls", path))?.split("\n").filter((name) => name !== "") ?? [],
    );
    return (names ?? []).map((name) => join(folder, name)).sort();
  }

  async read(path: string): Promise<string | null> {
    return await this.#look(
      path,
      (path) => Deno.readTextFileSync(path).trim(),
      (path) => this.#ask("cat", path),
    );
  }

  async exists(path: string): Promise<boolean> {
    const present = (path: string) => Deno.statSync(path) !== null;
    return await this.#look(path, present, () => Promise.resolve(null)) ?? false;
  }

  async #look<T>(
    path: string,
    byDeno: (path: string) => T,
    byProgram: (path: string) => Promise<T | null>,
  ): Promise<T | null> {
    const full = join(this.#root, path);
    // Asking first: an unpermitted read would stop at a prompt.
    if (Deno.permissions.querySync({ name: "read", path: full }).state !== "granted") {
      this.refused = true;
      return null;
    }
    try {
      return byDeno(full);
    } catch (error) {
      return error instanceof Deno.errors.NotCapable ? await byProgram(full) : null;
    }
  }

  async #ask(program: string, path: string): Promise<string | null> {
    const mayRun = Deno.permissions.querySync({ name: "run", command: program }).state === "granted";
    if (!mayRun) this.refused = true;
    return mayRun ? (await programOutput(program, [path])).text : null;
  }
}

async function findCards(machine: Machine, deviceFiles: string[]): Promise<GraphicsCard[]> {
  const cards: GraphicsCard[] = [];
  for (const device of await machine.list("/sys/bus/pci/devices")) {
    const isDisplay = (await machine.read(join(device, "class")))?.startsWith(pciDisplayClass);
    const vendor = isDisplay && pciVendors[await machine.read(join(device, "vendor")) ?? ""];
    if (vendor) cards.push({ vendor, at: device.slice(device.lastIndexOf("/") + 1) });
  }
  const nvidiaFile = deviceFiles.find((path) => path.includes("nvidia"));
  if (nvidiaFile && !cards.some((card) => card.vendor === "NVIDIA")) {
    cards.push({ vendor: "NVIDIA", at: nvidiaFile });
  }
  // A discrete card first: the first one is the one advice is about.
  const order = ["NVIDIA", "AMD", "Intel"];
  return cards.sort((a, b) => order.indexOf(a.vendor) - order.indexOf(b.vendor));
}

async function findLoader(
  machine: Machine,
  variables: Record<string, string | undefined>,
): Promise<string | null> {
  const libraries = ["/usr/local/lib", "/usr/lib64", "/usr/lib", "/lib64", "/lib"];
  const folders = splitPaths(variables.LD_LIBRARY_PATH);
  for (const folder of libraries) {
    folders.push(...(await machine.list(folder)).filter((path) => path.endsWith("-linux-gnu")), folder);
  }
  return await firstThat(folders.map((folder) => join(folder, "libvulkan.so.1")), machine);
}

async function firstThat(paths: string[], machine: Machine): Promise<string | null> {
  for (const path of paths) if (await machine.exists(path)) return path;
  return null;
}

async function findManifests(
  machine: Machine,
  variables: Record<string, string | undefined>,
): Promise<string[]> {
  const forced = splitPaths(variables.VK_DRIVER_FILES || variables.VK_ICD_FILENAMES);
  const home = variables.HOME ?? "/root";
  const folders = [
    variables.XDG_CONFIG_HOME ?? join(home, ".config"),
    ...(splitPaths(variables.XDG_CONFIG_DIRS || "/etc/xdg")),
    "/etc",
    variables.XDG_DATA_HOME ?? join(home, ".local/share"),
    ...(splitPaths(variables.XDG_DATA_DIRS || "/usr/local/share:/usr/share")),
  ].map((folder) => join(folder, "vulkan/icd.d"));
  const candidates: string[] = [];
  for (const path of forced.length > 0 ? forced : folders) {
    candidates.push(...path.endsWith(".json") ? [path] : await machine.list(path));
  }
  const present = await Promise.all(candidates.map((path) => machine.exists(path)));
  return candidates.filter((path, i) => path.endsWith(".json") && present[i]);
}

function splitPaths(list: string | undefined): string[] {
  return (list ?? "").split(":").filter((path) => isAbsolute(path));
}

/** What the Vulkan loader reads of the environment. */
const loaderVariables = [
  "LD_LIBRARY_PATH",
  "VK_DRIVER_FILES",
  "VK_ICD_FILENAMES",
  "HOME",
  "XDG_CONFIG_HOME",
  "XDG_CONFIG_DIRS",
  "XDG_DATA_HOME",
  "XDG_DATA_DIRS",
];

function readVariables(): Record<string, string | undefined> {
  return Object.fromEntries(loaderVariables.map((name) => [name, readVariable(name)]));
}
