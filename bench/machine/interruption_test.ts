import { assertEquals } from "@std/assert";

const module = new URL("./interruption.ts", import.meta.url).href;

/** A process that says when it listens and hears, and ends as asked after `milliseconds`; `signals` are sent 50 ms apart. */
async function asked(signals: Deno.Signal[], pause: number): Promise<{ code: number; heard: string[] }> {
  const program = `
    import { Interruption } from "${module}";
    const interruption = new Interruption();
    interruption.signal.addEventListener("abort", () => {
      console.log("heard");
      setTimeout(() => { interruption.stop(); Deno.exit(interruption.code + 100); }, 3000);
    });
    setInterval(() => {}, 1000);
    console.log("listening");
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", `--ext=ts`, "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const heard: string[] = [];
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    heard.push(...piece.trim().split("\n"));
    if (!piece.includes("listening")) continue;
    for (const [index, signal] of signals.entries()) {
      if (index > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      child.kill(signal);
    }
  }
  return { code: (await child.status).code, heard };
}

const ignore = Deno.build.os === "windows";

Deno.test({
  name:
    "Interruption hears the first request, takes a second one soon after for the same, and ends at a later one",
  ignore,
  async fn() {
    const heard = ["listening", "heard"];
    const [twice, terminated, hungUp, later] = await Promise.all([
      asked(["SIGINT", "SIGINT"], 50),
      asked(["SIGTERM"], 0),
      asked(["SIGHUP"], 0),
      asked(["SIGINT", "SIGTERM"], 1500),
    ]);
    assertEquals(twice, { code: 230, heard });
    assertEquals(terminated, { code: 243, heard });
    assertEquals(hungUp, { code: 229, heard });
    assertEquals(later, { code: 143, heard });
  },
});
