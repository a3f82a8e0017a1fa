import { assertEquals, assertStringIncludes } from "@std/assert";
import { delimiter, dirname, join } from "node:path";
import { driverRemedy, nvidiaDriver, surveyDrivers } from "./driver_survey.ts";

/** Lays out a pretend file system, looks at it and clears it away. */
async function survey(
  files: Record<string, string>,
  environment: Record<string, string> = { HOME: "/home/ada" },
) {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(join(root, dirname(path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    return await surveyDrivers({ root, environment });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function pciDevice(address: string, vendor: string, deviceClass: string): Record<string, string> {
  const folder = `/sys/bus/pci/devices/${address}`;
  return { [`${folder}/vendor`]: `${vendor}\n`, [`${folder}/class`]: `${deviceClass}\n` };
}

const loader = { "/usr/lib/x86_64-linux-gnu/libvulkan.so.1": "" };
const h200 = pciDevice("0000:0f:00.0", "0x10de", "0x030200");

Deno.test("surveyDrivers() finds nothing on an empty machine, and there is no advice", async () => {
  const empty = await survey({});
  assertEquals(empty, { cards: [], deviceFiles: [], loader: null, manifests: [], nvidiaDriver: null });
  assertEquals(driverRemedy(empty), null);
});

Deno.test("surveyDrivers() passes over network cards and a server's console graphics", async () => {
  const { cards } = await survey({
    ...pciDevice("0000:00:02.0", "0x8086", "0x020000"),
    ...pciDevice("0000:03:00.0", "0x1a03", "0x030000"),
  });
  assertEquals(cards, []);
});

Deno.test("surveyDrivers() names a discrete card before the processor's own", async () => {
  const { cards } = await survey({ ...pciDevice("0000:00:02.0", "0x8086", "0x030000"), ...h200 });
  assertEquals(cards, [{ vendor: "NVIDIA", at: "0000:0f:00.0" }, { vendor: "Intel", at: "0000:00:02.0" }]);
});

Deno.test("surveyDrivers() finds loader and manifests where the environment says", async () => {
  const files = {
    "/opt/vulkan/libvulkan.so.1": "",
    "/opt/vulkan/icd.json": "{}",
    "/usr/share/vulkan/icd.d/lvp.json": "{}",
  };
  const found = await survey(files, {
    LD_LIBRARY_PATH: "/opt/vulkan",
    VK_DRIVER_FILES: "/opt/vulkan/icd.json",
  });
  assertEquals(found.loader, "/opt/vulkan/libvulkan.so.1");
  assertEquals(found.manifests, ["/opt/vulkan/icd.json"]);
});

Deno.test("surveyDrivers() finds manifests of the user and of the system", async () => {
  const { manifests } = await survey({
    "/home/ada/.local/share/vulkan/icd.d/own.json": "{}",
    "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json": "{}",
    "/usr/share/vulkan/icd.d/README": "",
  });
  assertEquals(manifests, [
    "/home/ada/.local/share/vulkan/icd.d/own.json",
    "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json",
  ]);
});

Deno.test("driverRemedy() names the package of the running NVIDIA driver", async () => {
  const remedy = driverRemedy(await survey({ ...h200, "/sys/module/nvidia/version": "580.95.05\n" }))!;
  assertStringIncludes(remedy, "an NVIDIA GPU (0000:0f:00.0) is present, but no Vulkan driver answers");
  assertStringIncludes(remedy, "install libvulkan1 and nvidia-driver (Debian) or libnvidia-gl-580 (Ubuntu)");
});

Deno.test("driverRemedy() knows a container that shows an NVIDIA card by its device file alone", async () => {
  const remedy = driverRemedy(await survey({ "/dev/nvidia0": "", "/dev/nvidiactl": "", ...loader }))!;
  assertStringIncludes(remedy, "an NVIDIA GPU (/dev/nvidia0)");
  assertStringIncludes(remedy, "NVIDIA_DRIVER_CAPABILITIES=all");
});

Deno.test("driverRemedy() names mesa-vulkan-drivers for AMD and Intel", async () => {
  for (const [vendor, name] of [["0x1002", "AMD"], ["0x8086", "Intel"]]) {
    const remedy = driverRemedy(await survey(pciDevice("0000:00:02.0", vendor, "0x030000")))!;
    assertStringIncludes(remedy, `an ${name} GPU`);
    assertStringIncludes(remedy, "install libvulkan1 and mesa-vulkan-drivers");
  }
});

Deno.test("driverRemedy() does not say to install what is installed", async () => {
  const remedy = driverRemedy(
    await survey({
      ...pciDevice("0000:03:00.0", "0x1002", "0x030000"),
      ...loader,
      "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json": "{}",
    }),
  )!;
  assertStringIncludes(remedy, "although one is installed");
  assertStringIncludes(remedy, "/dev/dri/renderD*");
});

const onLinux = Deno.build.os === "linux";

/** What stands in for `cat` and `ls` on a machine with two cards. */
const programs = {
  ls: 'case "$1" in /sys/bus/pci/devices) printf "0000:03:00.0\\n0000:01:00.0\\n" ;; *) exit 2 ;; esac',
  cat: `case "$1" in
    */0000:01:00.0/vendor) echo 0x10de ;;
    */0000:03:00.0/vendor) echo 0x1002 ;;
    */class) echo 0x030000 ;;
    /sys/module/nvidia/version) echo 580.95.05 ;;
    *) exit 1 ;;
  esac`,
};

Deno.test({
  name: "surveyDrivers() asks ls and cat for what Deno reads for nobody with fewer than all permissions",
  permissions: { read: true, write: true, env: true, run: true },
  ignore: !onLinux,
  async fn() {
    const folder = await Deno.makeTempDir();
    const path = Deno.env.get("PATH")!;
    try {
      for (const [name, script] of Object.entries(programs)) {
        await Deno.writeTextFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      }
      Deno.env.set("PATH", folder + delimiter + path);
      const { cards } = await surveyDrivers();
      assertEquals(cards, [{ vendor: "NVIDIA", at: "0000:01:00.0" }, { vendor: "AMD", at: "0000:03:00.0" }]);
      assertEquals(await nvidiaDriver(), "580.95.05");
    } finally {
      Deno.env.set("PATH", path);
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "surveyDrivers() knows that it does not know the cards where it may run neither",
  permissions: { read: true },
  ignore: !onLinux,
  async fn() {
    const survey = await surveyDrivers();
    assertEquals(survey.cards, null);
    assertEquals(driverRemedy(survey), null);
  },
});

Deno.test({
  name: "surveyDrivers() may be called without any permission",
  permissions: "none",
  async fn() {
    const nothing = { cards: null, deviceFiles: [], loader: null, manifests: [], nvidiaDriver: null };
    assertEquals(await surveyDrivers(), nothing);
  },
});
