import { assertEquals } from "@std/assert";
import { runProcess } from "./process.ts";

Deno.test({
  name:
    "runProcess() ends in time, and without an error, where a process is gone and its own child holds the pipes",
  sanitizeResources: false, // the pipes are that child's
  sanitizeOps: false,
  async fn() {
    const begun = performance.now();
    const { code, late } = await runProcess({
      args: [],
      launcher: ["sh", "-c", "sleep 60 & exit 3"],
      timeoutSeconds: 0.5,
      read: (child) => new Response(child.stdout).text(),
    });
    assertEquals([code, late, performance.now() - begun < 30_000], [3, true, true]);
  },
});
