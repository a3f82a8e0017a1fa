import { UserError } from "../errors.ts";
import { readBytes, withFileErrors } from "../io/files.ts";
import { concatenate } from "./concatenate.ts";

/** The names of its documents: "c", the genre's letter, and a number. */
const documentName = /^c[a-r]\d\d$/;

/** Of the documents in order of their names, and so of each genre, every tenth is held out. */
const heldOutEvery = 10;

/** Between documents: the ASCII page break, which stands in none. */
const pageBreak = "\f";

/** The Brown corpus as plain text, split by document. */
export interface BrownText {
  train: Uint8Array<ArrayBuffer>;
  heldOut: Uint8Array<ArrayBuffer>;
  /** What was read, file after file. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** A document's name and its text. */
export interface Document {
  readonly name: string;
  readonly text: string;
}

/** Whether a path is a folder with a document of the Brown corpus. */
export async function holdsBrown(path: string): Promise<boolean> {
  return (await documentsOf(path)).length > 0;
}

/**
 * Reads the tagged Brown corpus (W. N. Francis and H. Kučera, 1964; "form C"): a file a document, `word/tag` between blanks, a sentence a
 * line. Whole documents are held out. Throws a `UserError` for files that cannot be read, or are no tagged text, and for fewer documents
 * than a split takes.
 */
export async function readBrown(folder: string): Promise<BrownText> {
  const names = await documentsOf(folder);
  const files: Uint8Array<ArrayBuffer>[] = [];
  for (const name of names) files.push(await readBytes(`${folder}/${name}`));
  const documents = names.map((name, i) => ({ name, text: withoutTags(files[i], `${folder}/${name}`) }));
  const { train, heldOut } = splitDocuments(documents);
  if (heldOut.length === 0) {
    throw new UserError(
      `${folder} holds ${names.length} documents of the Brown corpus, and every tenth is held out; give all of them`,
    );
  }
  return { train: joined(train), heldOut: joined(heldOut), bytes: concatenate(files) };
}

/** Every tenth document is held out, whole; the others are trained on. */
export function splitDocuments(
  documents: readonly Document[],
): { train: readonly Document[]; heldOut: readonly Document[] } {
  const isHeldOut = (index: number) => index % heldOutEvery === heldOutEvery - 1;
  return {
    train: documents.filter((_, index) => !isHeldOut(index)),
    heldOut: documents.filter((_, index) => isHeldOut(index)),
  };
}

/** Documents in a folder, by name; none where the path is no folder. */
async function documentsOf(path: string): Promise<string[]> {
  return await withFileErrors("read", path, async () => {
    if (!(await Deno.stat(path)).isDirectory) return [];
    const names: string[] = [];
    for await (const { name, isFile } of Deno.readDir(path)) {
      if (isFile && documentName.test(name)) names.push(name);
    }
    return names.sort();
  });
}

/** The words of a tagged text, a sentence a line, an empty line between paragraphs. Throws a `UserError` for a word without a tag. */
export function withoutTags(bytes: Uint8Array, source: string): string {
  const lines = new TextDecoder().decode(bytes).split("\n").map((line) =>
    line.split(/\s+/).filter((word) => word !== "").map((tagged) => {
      const end = tagged.lastIndexOf("/");
      if (end > 0) return tagged.slice(0, end);
      throw new UserError(`${source} holds "${tagged}", a word without a tag: it is damaged; copy it again`);
    }).join(" ")
  );
  return lines.join("\n").trim().replace(/\n{2,}/g, "\n\n") + "\n";
}

const joined = (documents: readonly Document[]) =>
  new TextEncoder().encode(documents.map(({ text }) => text).join(pageBreak));
