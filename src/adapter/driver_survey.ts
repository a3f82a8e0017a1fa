/**
 * What this machine offers below WebGPU, read from its file system: graphics cards, the Vulkan loader, installed Vulkan drivers.
 * It explains why no hardware adapter answers and what to install; the choice of the adapter itself never depends on it.
 *
 * Sources: `lspci`'s class and vendor numbers as Linux shows them in sysfs; the Vulkan loader's rules for finding driver manifests.
 */

import { isAbsolute, join } from "node:path";

/** A graphics card by a maker whose cards have Vulkan drivers on Linux. */
export interface GraphicsCard {
  vendor: "NVIDIA" | "AMD" | "Intel";
  /** PCI address ("0000:01:00.0"), or the device file where the PCI bus is hidden. */
  at: string;
}

/** A picture of the machine; empty lists where nothing was found or may be read. */
export interface DriverSurvey {
  cards: GraphicsCard[];
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
export function surveyDrivers({ root = "/", environment }: SurveyOptions = {}): DriverSurvey {
  const machine = new Machine(root);
  const deviceFiles = [
    ...machine.list("/dev").filter((path) => /\/nvidia\d+$/.test(path)),
    ...machine.list("/dev/dri").filter((path) => /\/renderD\d+$/.test(path)),
  ];
  const variables = environment ?? readVariables();
  return {
    cards: findCards(machine, deviceFiles),
    deviceFiles,
    loader: findLoader(machine, variables),
    manifests: findManifests(machine, variables),
    nvidiaDriver: machine.read("/sys/module/nvidia/version") ??
      machine.read("/proc/driver/nvidia/version")?.match(/\b\d+\.\d+(\.\d+)?\b/)?.[0] ?? null,
  };
}

/**
 * The clause that says which card lies idle and what to do, or null when the machine shows no card. To be called when no
 * hardware adapter answered.
 */
export function driverRemedy(survey: DriverSurvey): string | null {
  const card = survey.cards[0];
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

/** File reading below a root folder, where what is missing or forbidden reads as absent. */
class Machine {
  #root: string;
  #readable: boolean;

  constructor(root: string) {
    this.#root = root;
    // Asking first: an unpermitted read would stop at a prompt.
    this.#readable = Deno.permissions.querySync({ name: "read", path: root }).state === "granted";
  }

  /** Full paths of a folder's entries, sorted. */
  list(folder: string): string[] {
    if (!this.#readable) return [];
    try {
      return Array.from(Deno.readDirSync(join(this.#root, folder)), (entry) => join(folder, entry.name))
        .sort();
    } catch {
      return [];
    }
  }

  read(path: string): string | null {
    if (!this.#readable) return null;
    try {
      return Deno.readTextFileSync(join(this.#root, path)).trim();
    } catch {
      return null;
    }
  }

  exists(path: string): boolean {
    if (!this.#readable) return false;
    try {
      Deno.statSync(join(this.#root, path));
      return true;
    } catch {
      return false;
    }
  }
}

function findCards(machine: Machine, deviceFiles: string[]): GraphicsCard[] {
  const cards: GraphicsCard[] = [];
  for (const device of machine.list("/sys/bus/pci/devices")) {
    const vendor = pciVendors[machine.read(join(device, "vendor")) ?? ""];
    const isDisplay = machine.read(join(device, "class"))?.startsWith(pciDisplayClass);
    if (vendor && isDisplay) cards.push({ vendor, at: device.slice(device.lastIndexOf("/") + 1) });
  }
  const nvidiaFile = deviceFiles.find((path) => path.includes("nvidia"));
  if (nvidiaFile && !cards.some((card) => card.vendor === "NVIDIA")) {
    cards.push({ vendor: "NVIDIA", at: nvidiaFile });
  }
  // A discrete card first: the first one is the one advice is about.
  const order = ["NVIDIA", "AMD", "Intel"];
  return cards.sort((a, b) => order.indexOf(a.vendor) - order.indexOf(b.vendor));
}

function findLoader(machine: Machine, variables: Record<string, string | undefined>): string | null {
  const libraries = ["/usr/local/lib", "/usr/lib64", "/usr/lib", "/lib64", "/lib"];
  const folders = [
    ...splitPaths(variables.LD_LIBRARY_PATH),
    ...libraries.flatMap((
      folder,
    ) => [...machine.list(folder).filter((path) => path.endsWith("-linux-gnu")), folder]),
  ];
  return folders.map((folder) => join(folder, "libvulkan.so.1")).find((path) => machine.exists(path)) ?? null;
}

function findManifests(machine: Machine, variables: Record<string, string | undefined>): string[] {
  const forced = splitPaths(variables.VK_DRIVER_FILES || variables.VK_ICD_FILENAMES);
  const home = variables.HOME ?? "/root";
  const folders = [
    variables.XDG_CONFIG_HOME ?? join(home, ".config"),
    ...(splitPaths(variables.XDG_CONFIG_DIRS || "/etc/xdg")),
    "/etc",
    variables.XDG_DATA_HOME ?? join(home, ".local/share"),
    ...(splitPaths(variables.XDG_DATA_DIRS || "/usr/local/share:/usr/share")),
  ].map((folder) => join(folder, "vulkan/icd.d"));
  const candidates = forced.length > 0
    ? forced.flatMap((path) => path.endsWith(".json") ? [path] : machine.list(path))
    : folders.flatMap((folder) => machine.list(folder));
  return candidates.filter((path) => path.endsWith(".json") && machine.exists(path));
}

function splitPaths(list: string | undefined): string[] {
  return (list ?? "").split(":").filter((path) => isAbsolute(path));
}

function readVariables(): Record<string, string | undefined> {
  return Deno.permissions.querySync({ name: "env" }).state === "granted" ? Deno.env.toObject() : {};
}
