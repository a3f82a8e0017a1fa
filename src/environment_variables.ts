/** Environment variables, of which a process with few permissions may use only some: the others read as unset. */

/** The value of a variable; undefined where it is unset, or Deno may not read it. */
export function readVariable(name: string): string | undefined {
  return mayUse(name) ? Deno.env.get(name) : undefined;
}

/** Sets a variable of this process and its children, where Deno may. */
export function setVariable(name: string, value: string): void {
  if (mayUse(name)) Deno.env.set(name, value);
}

/** Takes a variable away from this process and its children, where Deno may. */
export function forgetVariable(name: string): void {
  if (mayUse(name)) Deno.env.delete(name);
}

function mayUse(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}
