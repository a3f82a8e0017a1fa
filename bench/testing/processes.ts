/** Processes of Linux, asked of a shell: Deno itself reads below /proc only for a program that may do everything. */

/** A process that runs. */
export interface Running {
  readonly pid: number;
  readonly parent: number;
  /** Its command line. */
  readonly command: string;
  /** Whether it has loaded Vulkan: for a cell, that it has its job. */
  readonly atWork: boolean;
}

const script = `
for folder in /proc/[0-9]*; do
  grep -qzFx "$0" "$folder/environ" 2>/dev/null || continue
  parent=$(sed -n 's/^PPid:[^0-9]*//p' "$folder/status" 2>/dev/null)
  work=no; grep -q libvulkan "$folder/maps" 2>/dev/null && work=yes
  echo "$(basename "$folder") \${parent:-0} $work $(tr '\\0\\n' '  ' <"$folder/cmdline" 2>/dev/null)"
done`;

/** The processes that were started with the environment variable `mark`, as in "NAME=value", or by such a one. */
export async function runningWith(mark: string): Promise<Running[]> {
  const command = new Deno.Command("sh", { args: ["-c", script, mark], stderr: "null" });
  const { stdout } = await command.output();
  return new TextDecoder().decode(stdout).split("\n").flatMap((line) => {
    const [, pid, parent, work, command] = line.match(/^(\d+) (\d+) (yes|no) (.*)$/) ?? [];
    const ended = !command?.trim(); // and nobody has asked how
    return ended
      ? []
      : [{ pid: Number(pid), parent: Number(parent), command: command.trim(), atWork: work === "yes" }];
  });
}
