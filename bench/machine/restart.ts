/** Starting this program again in another environment, for what a process must find when it starts (library paths). */

/**
 * Replaces this process by a fresh one with the same command line (so the same permissions and arguments) and more environment
 * variables. It is `execve`: process number, terminal, signals and exit code stay the same for whoever started this program.
 * Linux only; needs every permission, as the project's tasks have.
 */
export function restartWith(variables: Record<string, string>): never {
  const commandLine = Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1);
  const environment = Object.entries({ ...Deno.env.toObject(), ...variables });
  const path = pointers([Deno.execPath()]);
  const args = pointers(commandLine);
  const env = pointers(environment.map(([name, value]) => `${name}=${value}`));
  const libc = Deno.dlopen("libc.so.6", {
    execve: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  });
  libc.symbols.execve(Deno.UnsafePointer.create(path.table[0]), args.table, env.table);
  // Reached only on failure; naming the texts here also keeps them from being collected before the call.
  const bytes = path.texts.length + args.texts.length + env.texts.length;
  throw new Error(`Starting again failed (${bytes} bytes of arguments and environment)`);
}

/** C's `char *list[]`: texts that end in a zero byte, and a table of their addresses that ends in a null pointer. */
function pointers(list: string[]): { texts: Uint8Array; table: BigUint64Array<ArrayBuffer> } {
  const encoded = list.map((text) => new TextEncoder().encode(text + "\0"));
  const starts = encoded.map((_, index) =>
    encoded.slice(0, index).reduce((sum, text) => sum + text.length, 0)
  );
  const texts = new Uint8Array(new ArrayBuffer(encoded.reduce((sum, text) => sum + text.length, 0)));
  encoded.forEach((text, index) => texts.set(text, starts[index]));
  const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(texts));
  return { texts, table: new BigUint64Array([...starts.map((start) => BigInt(base) + BigInt(start)), 0n]) };
}
