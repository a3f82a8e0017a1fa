/**
 * JSON as people write it in files (RFC 8259). `JSON.parse` keeps the last of two fields of one name, and does not always say where a text
 * is wrong.
 */

/** Brackets within brackets: no document has as many, and a reader of them would run out of stack. */
const deepest = 100;

const white = /[ \t\n\r]*/y;
const string = /"(?:[^"\\\p{Cc}]|\u007f|[\u0080-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /(?:true|false|null)\b/y;

/** The value that a JSON text is. Throws a SyntaxError that says at which line and column it is none, or names a field a second time. */
export function parseJson(text: string): unknown {
  let at = 0;
  const result = value(0);
  if (at < text.length) fail("the end");
  return result;

  function value(depth: number): unknown {
    take(white);
    if (depth > deepest) refuse(at, `more than ${deepest} brackets are open`);
    const opening = text[at];
    const result = opening === "{"
      ? object(depth)
      : opening === "["
      ? array(depth)
      : JSON.parse(take(string) ?? take(number) ?? take(word) ?? fail("a value"));
    take(white);
    return result;
  }

  function object(depth: number): Record<string, unknown> {
    const fields = new Map<string, unknown>();
    list("}", () => {
      const start = at;
      const name: string = JSON.parse(take(string) ?? fail('a field\'s name in " "'));
      if (fields.has(name)) refuse(start, `the field ${JSON.stringify(name)} is given a second time`);
      take(white);
      expect(":");
      fields.set(name, value(depth + 1));
    });
    return Object.fromEntries(fields);
  }

  function array(depth: number): unknown[] {
    const values: unknown[] = [];
    list("]", () => values.push(value(depth + 1)));
    return values;
  }

  /** What stands between the bracket here and the one that closes it, separated by commas. */
  function list(closing: string, item: () => void): void {
    at++;
    take(white);
    if (text[at] === closing) return void at++;
    for (;;) {
      item();
      if (text[at] === closing) return void at++;
      expect(",", `"," or "${closing}"`);
      take(white);
    }
  }

  function take(token: RegExp): string | undefined {
    token.lastIndex = at;
    const found = token.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  }

  function expect(character: string, wanted = `"${character}"`): void {
    if (text[at] !== character) fail(wanted);
    at++;
  }

  function fail(wanted: string): never {
    const found = at < text.length ? JSON.stringify(String.fromCodePoint(text.codePointAt(at)!)) : "the end";
    return refuse(at, `${found} stands where ${wanted} should`);
  }

  function refuse(position: number, what: string): never {
    const lines = text.slice(0, position).split("\n");
    throw new SyntaxError(`at line ${lines.length}, column ${lines.at(-1)!.length + 1} ${what}`);
  }
}
