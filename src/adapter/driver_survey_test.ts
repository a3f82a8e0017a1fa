import { assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path";
import { driverRemedy, surveyDrivers } from "./driver_survey.ts";

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
    return surveyDrivers({ root, environment });
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
