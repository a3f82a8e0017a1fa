import { assertRejects } from "@std/assert";
import { gpuTest } from "../../kernels/testing/testing.ts";
import { webgpu } from "../adapter/runtime.ts";
import { UserError } from "../errors.ts";
import { openGpu } from "./device.ts";

/** Opens a device where the driver refuses every one with this message. */
async function openRefused(message: string): Promise<void> {
  webgpu();
  const { prototype } = GPUAdapter;
  const { requestDevice } = prototype;
  prototype.requestDevice = () => Promise.reject(new DOMException(message, "OperationError"));
  try {
    await openGpu();
  } finally {
    prototype.requestDevice = requestDevice;
  }
}

gpuTest("openGpu() says that the process has no device left, instead of blaming the device", async () => {
  await assertRejects(
    () => openRefused("Parent device is lost"),
    UserError,
    "no further device in this process",
  );
});

gpuTest("openGpu() leaves any other refusal as it is", async () => {
  await assertRejects(() => openRefused("Limit exceeded"), DOMException, "Limit exceeded");
});
