/** A word as a POSIX shell must be given it; control characters as bash and zsh read them, so that the command stays one line. */
export function shellWord(word: string): string {
  if (/^[\w.\/,=:@%+-]+$/.test(word)) return word;
  // deno-lint-ignore no-control-regex
  if (!/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(word)) return `'${word.replaceAll("'", `'\\''`)}'`;
  const escaped = [...word].map((character) => {
    if (character === "'" || character === "\\") return `\\${character}`;
    const code = character.codePointAt(0)!;
    const plain = code >= 0x20 && code < 0x7f || code > 0x9f && code !== 0x2028 && code !== 0x2029;
    return plain ? character : `\\u${code.toString(16).padStart(4, "0")}`;
  });
  return `$'${escaped.join("")}'`;
}

/** A command line that a shell reads as these words. */
export const shellCommand = (words: readonly string[]): string => words.map(shellWord).join(" ");

/** A text as code within a line of markdown, whatever backticks it holds. */
export function inlineCode(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const space = text.startsWith("`") || text.endsWith("`") ? " " : "";
  return `${fence}${space}${text}${space}${fence}`;
}
