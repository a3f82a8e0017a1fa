/** Prints one JSON document on standard output, in lines that a person can read, too. */
export function printJson(document: unknown): void {
  console.log(JSON.stringify(document, null, 2));
}
