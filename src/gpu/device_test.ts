import { assertRejects } from "@std/assert";
import { gpuTest } from "../../kernels/testing/testing.ts";
import { webgpu } from "../adapter/runtime.ts";
import { UserError } from "../errors.ts";
import { openGpu } from "./device.ts";

/** Opens a device where the driver refuses every one with this message. */
async function openRefused(message: string): Promise<void> {
  const gpu = await webgpu();
  const { requestAdapter } = gpu;
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter.call(gpu, options);
    adapter!.requestDevice = () => Promise.reject(new DOMException(message, "OperationError"));
    return adapter;
  };
  try {
    await openGpu();
  } finally {
    gpu.requestAdapter = requestAdapter;
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
