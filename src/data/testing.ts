/** What tests of data have in common. */

/** An IDX file of bytes. */
export function idx(shape: readonly number[], values: readonly number[]): Uint8Array<ArrayBuffer> {
  const words = shape.flatMap((size) => [24, 16, 8, 0].map((shift) => size >> shift & 255));
  return Uint8Array.from([0, 0, 8, shape.length, ...words, ...values]);
}

/**
 * Four files of MNIST's form, by name: three images of 2 × 2 to train on and two that are held out. Image n, counted through both, has
 * 10n + 0, 1, 2, 3; the labels are 0, 1, 2 and 1, 4.
 */
export function idxFiles(): Record<string, Uint8Array<ArrayBuffer>> {
  const pictures = (...numbers: number[]) => numbers.flatMap((n) => [0, 1, 2, 3].map((i) => 10 * n + i));
  return {
    "train-images-idx3-ubyte": idx([3, 2, 2], pictures(0, 1, 2)),
    "train-labels-idx1-ubyte": idx([3], [0, 1, 2]),
    "t10k-images-idx3-ubyte": idx([2, 2, 2], pictures(3, 4)),
    "t10k-labels-idx1-ubyte": idx([2], [1, 4]),
  };
}

/** Documents of the Brown corpus, by name: `count` of them, each with the words "first document-NAME ." and a paragraph "second ./." */
export function brownFiles(count: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => {
      const name = `c${String.fromCharCode(97 + Math.floor(i / 50))}${String(i % 50 + 1).padStart(2, "0")}`;
      return [name, `\n\n\tfirst/jj document-${name}/nn ./.\n\n\n\tsecond/jj and/or/cc \`\`/\`\` ./.\n\n`];
    }),
  );
}

/** Writes files to a folder, which is made. Returns its path. */
export async function folderWith(
  path: string,
  files: Record<string, string | Uint8Array>,
): Promise<string> {
  await Deno.mkdir(path, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${path}/${name}`, bytes);
  }
  return path;
}
