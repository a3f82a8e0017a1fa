import { project } from "../machine/environment.ts";

/** The script that makes this project's reports anew. */
export const script = ".ci/reports";

/** The rows of its tables: name, minutes and what makes it. */
export async function reportRows(): Promise<string[][]> {
  const { stdout } = await new Deno.Command(`${project}/${script}`, { args: ["--list"] }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n")
    .map((line) => line.split("|").map((part) => part.trim()));
}
