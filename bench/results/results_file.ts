import { UserError } from "../../src/errors.ts";
import { refusal, replaceText, writeFull } from "../../src/io/files.ts";

/**
 * `results.jsonl` while a run writes it: a header, then one line a record. Each line reaches the disk whole, or not at all. A file that
 * was taken away, with its folder or without, is written again: all lines are remembered.
 */
export class ResultsFile {
  #lock: Deno.FsFile;
  /** Bytes that stand in the file. */
  #size: number;

  private constructor(readonly path: string, readonly lines: string[], lock: Deno.FsFile) {
    this.#lock = lock;
    this.#size = sizeOf(lines);
  }

  /** Fills a file that exists and is empty with its header. Throws a UserError if it cannot. */
  static async create(path: string, header: object): Promise<ResultsFile> {
    return await ResultsFile.continue(path, [JSON.stringify(header)]);
  }

  /**
   * Goes on with a file of which `lines` are to stay, as they were found in `read`. Throws a UserError if another process writes it, or has
   * written since.
   */
  static async continue(path: string, lines: readonly string[], read?: string): Promise<ResultsFile> {
    const file = new ResultsFile(path, [...lines], await lock(path));
    if (read !== undefined && new TextDecoder().decode(await Deno.readFile(path)) !== read) {
      file.close();
      throw new UserError(`Another run has written ${path} meanwhile; run the command again`);
    }
    await file.#writeAll();
    return file;
  }

  /** All lines, as they stand in the file. */
  get text(): string {
    return this.lines.map((line) => line + "\n").join("");
  }

  /** Adds a record. Throws a UserError that says how to go on if the disk is full or the folder may not be written. */
  async append(record: object): Promise<void> {
    const line = JSON.stringify(record);
    this.lines.push(line);
    try {
      if (await this.#isWhole()) await this.#appendLine(line);
      else await this.#writeAll();
    } catch (error) {
      const why = error instanceof UserError ? error.message : refusal("write", error);
      if (why === undefined) throw error;
      this.lines.pop();
      throw new UserError(`A record cannot be written: ${why}`, { cause: error });
    }
  }

  /** Makes sure that the file is there, with all its lines. */
  async settle(): Promise<void> {
    if (!await this.#isWhole()) await this.#writeAll();
  }

  /** Lets others write the file. */
  close(): void {
    this.#lock.close();
  }

  async #isWhole(): Promise<boolean> {
    const found = await Deno.stat(this.path).catch(() => null);
    return found?.size === this.#size;
  }

  async #appendLine(line: string): Promise<void> {
    const bytes = new TextEncoder().encode(line + "\n");
    const file = await Deno.open(this.path, { write: true });
    try {
      await file.seek(this.#size, Deno.SeekMode.Start);
      await writeFull(file, bytes);
      await file.syncData();
      this.#size += bytes.length;
    } catch (error) {
      await file.truncate(this.#size).catch(() => {}); // the first error is the one to tell
      throw error;
    } finally {
      file.close();
    }
  }

  async #writeAll(): Promise<void> {
    const folder = this.path.slice(0, this.path.lastIndexOf("/"));
    await Deno.mkdir(folder, { recursive: true });
    await replaceText(this.path, this.text);
    this.#size = sizeOf(this.lines);
    this.#lock.close();
    this.#lock = await lock(this.path);
  }
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + new TextEncoder().encode(line).length + 1, 0);
}

/** Opens a file for as long as nobody else may; the system lets go when the process ends, however it does. */
async function lock(path: string): Promise<Deno.FsFile> {
  const file = await Deno.open(path, { read: true, write: true });
  if (await file.tryLock(true)) return file;
  file.close();
  throw new UserError(`Another run is writing ${path}; wait for it, or end it`);
}
