/** What Deno would not let the program do, told by its flag. */

/** What is done with the thing that each flag allows. */
const deeds: Record<string, string> = {
  read: "read",
  write: "write",
  env: "use the environment variable",
  sys: "ask the system for",
  run: "run",
  ffi: "load the library",
  import: "import",
  net: "reach",
};

/** One sentence: what Deno refused, and the flag that allows it, for this one thing where its name can stand in a flag. */
export function permissionSentence({ message }: Pick<Error, "message">): string {
  const flag = missingFlag({ message });
  const deed = deeds[flag.slice("--allow-".length)];
  const thing = deed && message.match(/ access to "(.+)", run again/s)?.[1]; // Deno's own words
  if (!thing) return `Deno was not allowed to do this; run it with ${flag}`;
  const only = /^[\w./@%+:~-]+$/.test(thing) ? `=${thing}` : "";
  return `Deno was not allowed to ${deed} ${thing}; run it with ${flag}${only}`;
}

/** The flag that allows what Deno refused, such as "--allow-read". */
export function missingFlag({ message }: Pick<Error, "message">): string {
  return message.match(/--allow-[a-z]+/)?.[0] ?? "--allow-all";
}
