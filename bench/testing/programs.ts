import { delimiter } from "node:path";

/** Puts programs, each one shell script, in front of the machine's own for the length of `work`. */
export async function withPrograms(
  scripts: Record<string, string>,
  work: () => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = Deno.env.get("PATH")!;
  try {
    for (const [name, script] of Object.entries(scripts)) {
      await Deno.writeTextFile(`${folder}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    Deno.env.set("PATH", folder + delimiter + path);
    await work();
  } finally {
    Deno.env.set("PATH", path);
    await Deno.remove(folder, { recursive: true });
  }
}
