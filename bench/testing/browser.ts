/** A headless Chromium for tests of pages: an installed one, or that of the npm package which holds SwiftShader. */

import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { UserError } from "../../src/errors.ts";
import { fetchPackage, swiftShaderRuns, tarFiles } from "../../src/adapter/swiftshader.ts";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/** A browser: where it is, or how it is unpacked into a folder (200 MB, some seconds). */
export type Browser = (folder: string) => Promise<Program>;

interface Program {
  path: string;
  flags: string[];
  env: Record<string, string>;
}

/** A browser that runs here; null where none is installed and the package cannot be had. */
export async function findBrowser(): Promise<Browser | null> {
  const path = (Deno.env.get("PATH") ?? "").split(":")
    .flatMap((folder) => names.map((name) => join(folder, name))).find(isFile);
  return path ? () => Promise.resolve({ path, flags: ["--headless"], env: {} }) : await packagedBrowser();
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The package's browser; null where it cannot be had. */
async function packagedBrowser(): Promise<Browser | null> {
  if (!swiftShaderRuns()) return null;
  try {
    const bin = join(await fetchPackage(false), "bin");
    return (folder) => unpack(bin, folder);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

async function unpack(bin: string, folder: string): Promise<Program> {
  const read = async (name: string) =>
    new Uint8Array(brotliDecompressSync(await Deno.readFile(join(bin, name))));
  const path = join(folder, "chromium");
  await Deno.writeFile(path, await read("chromium.br"), { mode: 0o755 });
  for (const archive of ["al2023.tar.br", "swiftshader.tar.br"]) {
    for (const { name, bytes } of tarFiles(await read(archive))) {
      if (name.endsWith("/")) continue;
      await Deno.mkdir(dirname(join(folder, name)), { recursive: true });
      await Deno.writeFile(join(folder, name), bytes);
    }
  }
  return {
    path,
    flags: ["--headless=shell", "--no-zygote"],
    env: { LD_LIBRARY_PATH: `${join(folder, "lib")}:${folder}` },
  };
}

/** Milliseconds after which a browser that has not answered is taken to hang. */
const longestAnswer = 60_000;

/** A page in a browser, which is spoken to through pipes: no port is opened, and no permission for the network needed. */
export class Page {
  #child: Deno.ChildProcess;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #session: string | undefined;
  #folder: string;
  #next = 1;
  #waiting = new Map<number, { resolve(value: Record<string, unknown>): void; reject(error: Error): void }>();
  #reading: Promise<void>;
  /** What the page threw, or was refused. */
  readonly complaints: string[] = [];

  private constructor(child: Deno.ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.#writer = child.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Opens a page of a file. */
  static async open(browser: Browser, file: string): Promise<Page> {
    const folder = await Deno.makeTempDir({ prefix: "headroom-browser-" });
    const page = new Page(start(await browser(folder), folder), folder);
    try {
      await page.#load(file);
    } catch (error) {
      await page.close();
      throw error;
    }
    return page;
  }

  async #load(file: string): Promise<void> {
    const { targetId } = await this.command("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.command("Target.attachToTarget", { targetId, flatten: true });
    this.#session = sessionId as string;
    for (const domain of ["Runtime", "Page", "Log"]) await this.command(`${domain}.enable`);
    await this.command("Page.navigate", { url: `file://${file}` });
    await this.until("document.readyState === 'complete'");
  }

  /** Sends a command of the DevTools protocol. */
  async command(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = this.#next++;
    const answer = new Promise<Record<string, unknown>>((resolve, reject) =>
      this.#waiting.set(id, { resolve, reject })
    );
    const message = JSON.stringify({ id, method, params, ...this.#session && { sessionId: this.#session } });
    await this.#writer.write(new TextEncoder().encode(message + "\0"));
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), longestAnswer); // which rejects what waits
    return await answer.finally(() => clearTimeout(timer));
  }

  /** The value of an expression in the page. */
  async value<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.command("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value: T }).value;
  }

  /** Waits until an expression is true. */
  async until(expression: string): Promise<void> {
    for (let turn = 0; turn < 300; turn++) {
      if (await this.value(expression)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`It never came that ${expression}`);
  }

  async close(): Promise<void> {
    this.#session = undefined;
    await this.command("Browser.close").catch(() => {});
    await this.#child.status;
    await this.#reading;
    await this.#writer.close().catch(() => {});
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of this.#child.stdout) {
      const messages = (rest + decoder.decode(bytes, { stream: true })).split("\0");
      rest = messages.pop()!;
      for (const message of messages) this.#take(JSON.parse(message));
    }
    for (const { reject } of this.#waiting.values()) reject(new Error("The browser ended"));
  }

  #take({ id, result, error, method, params }: {
    id?: number;
    result?: Record<string, unknown>;
    error?: { message: string };
    method?: string;
    params?: object;
  }): void {
    if (method === "Runtime.exceptionThrown" || method === "Log.entryAdded") {
      this.complaints.push(JSON.stringify(params));
    }
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id!);
    if (error) waiting.reject(new Error(error.message));
    else waiting.resolve(result!);
  }
}

/** Starts a browser that reads commands from descriptor 3 and answers on 4, which a shell makes of stdin and stdout. */
function start({ path, flags, env }: Program, folder: string): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: [
      ...["-c", 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1', path, ...flags],
      ...[
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--remote-debugging-pipe",
        `--user-data-dir=${join(folder, "profile")}`,
      ],
    ],
    env,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
}
