/**
 * Fetches what a task needs into a folder that is to be the task's own, before the task starts. The folder stays closed
 * to everybody until it is whole. The agent writes what comes from the web; what reads files of this machine, unpacks or
 * makes folders runs as the task's user, so that nothing is done for a task that it could not do itself.
 */
import { chownSync, mkdirSync } from "node:fs";
import { type FileHandle, open, realpath, rename } from "node:fs/promises";
import { join } from "node:path";
import { get } from "#agent/get";
import type { Uri } from "../../../src/model/container.ts";
import { formatAmount } from "../../../src/model/resources.ts";
import { messageOf, PRIVATE_FILE_MODE } from "../files.ts";
import { WORK_FOLDER } from "../process/shim.ts";
import type { User } from "../process/user.ts";
import type { Got, Way } from "./get/get.ts";
import { type Allowed, archiveOf, checkScheme, FetchError, isBelow, isInside, nameOf, sourceOf } from "./source.ts";
import { runTool, type Tool } from "./tool.ts";
import { checkLinks, sizeOf } from "./tree.ts";

export interface FetchOptions extends Way {
  allowed: Allowed;
  /** of all that a task has fetched, what is unpacked of it included */
  mostBytes: number;
  /** for tests: how long all of it may take */
  mostMs?: number;
}

const MOST_MS = 15 * 60_000;
/** A server that sends nothing for so long will not. */
const SILENT_MS = 60_000;
const MOST_REDIRECTS = 10;
/** While something is unpacked its size is looked at this often. */
const LOOK_MS = 500;
const OPEN_MODE = 0o644;
const PROGRAM_MODE = 0o755;
const OWN_MODE = 0o700;
const MIB = 1024 * 1024;

/**
 * @param folder the agent's own, new and closed
 * @returns the folder in it that is to be the task's
 * @throws FetchError, or what the signal was aborted with
 */
export async function fetchAll(
  uris: readonly Uri[],
  { folder, user, ...options }: FetchOptions & { folder: string; user: User },
  signal: AbortSignal,
): Promise<string> {
  const { mostMs = MOST_MS } = options;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), mostMs);
  const work = join(folder, WORK_FOLDER);
  mkdirSync(work, OWN_MODE);
  if ("uid" in user.ids) chownSync(work, user.ids.uid, user.ids.gid);
  const either = AbortSignal.any([signal, late.signal]);
  try {
    for (const uri of uris) {
      try {
        await new Fetch(uri, folder, work, user, options, either).run();
      } catch (error) {
        signal.throwIfAborted();
        if (late.signal.aborted) throw new FetchError(uri.value, `not all was there within ${mostMs / 60_000} min`);
        throw error instanceof FetchError ? error : new FetchError(uri.value, messageOf(error));
      }
    }
    return work;
  } finally {
    clearTimeout(timer);
  }
}

class Fetch {
  readonly #uri: Uri;
  readonly #folder: string;
  readonly #work: string;
  readonly #user: User;
  readonly #options: FetchOptions;
  readonly #signal: AbortSignal;

  constructor(uri: Uri, folder: string, work: string, user: User, options: FetchOptions, signal: AbortSignal) {
    this.#uri = uri;
    this.#folder = folder;
    this.#work = work;
    this.#user = user;
    this.#options = options;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const { value, executable, extract } = this.#uri;
    const name = nameOf(this.#uri);
    const source = sourceOf(value, this.#options.allowed);
    const part = join(this.#folder, "part");
    const opened: FileHandle[] = [];
    try {
      const file = await this.#make(part, executable ? PROGRAM_MODE : OPEN_MODE, opened);
      if (source.is === "web") await this.#fromWeb(source.url, file);
      else await this.#fromFile(source.path, file);
      const archive = extract && !executable ? archiveOf(name) : null;
      const again = async () => {
        const handle = await open(part, "r");
        opened.push(handle);
        return handle;
      };
      const [list, content] = archive ? [await again(), await again()] : [];
      await this.#place(part, name, await again());
      if (archive && list && content) await this.#unpack(archive, list, content);
    } finally {
      for (const handle of opened) await handle.close();
    }
  }

  /** A file of the task's user. */
  async #make(path: string, mode: number, opened: FileHandle[]): Promise<FileHandle> {
    const file = await open(path, "wx", PRIVATE_FILE_MODE);
    opened.push(file);
    await file.chmod(mode);
    const { ids } = this.#user;
    if ("uid" in ids) await file.chown(ids.uid, ids.gid);
    return file;
  }

  /** One name only is a rename that meets no link; folders are made and gone into as the task's user. */
  async #place(part: string, name: string, content: FileHandle): Promise<void> {
    if (!name.includes("/")) return rename(part, join(this.#work, name));
    const script = 'mkdir -p -- "$1" && rm -f -- "$2" && cat >"$2" && chmod "$3" "$2"';
    const mode = (this.#uri.executable ? PROGRAM_MODE : OPEN_MODE).toString(8);
    const folder = name.slice(0, name.lastIndexOf("/"));
    await this.#tool(["sh", "-c", script, "sh", `./${folder}`, `./${name}`, mode], { stdin: content });
    await rename(part, join(this.#folder, "placed"));
  }

  #tool(argv: Tool["argv"], use: Partial<Tool>): Promise<void> {
    return runTool({ argv, cwd: this.#work, user: this.#user, ...use }, this.#signal);
  }

  async #fromWeb(first: URL, file: FileHandle): Promise<void> {
    const silent = new AbortController();
    let timer = setTimeout(() => silent.abort(), SILENT_MS);
    const stillThere = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENT_MS);
    };
    try {
      const left = await this.#left();
      const got = await this.#answer(first, AbortSignal.any([this.#signal, silent.signal]));
      const bytes = await this.#write(got.body, file, left, stillThere);
      if (got.length !== null && bytes < got.length)
        throw new Error(`it broke off after ${bytes} of ${got.length} bytes`);
    } catch (error) {
      if (silent.signal.aborted) throw new Error(`nothing came for ${SILENT_MS / 1000} s`);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** @returns the one that leads nowhere else */
  async #answer(first: URL, signal: AbortSignal): Promise<Got> {
    const { value } = this.#uri;
    let url = first;
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      const got = await get(url, this.#options, signal);
      if (got.status >= 200 && got.status < 300) return got;
      await discard(got);
      const leads = got.status >= 300 && got.status < 400 && got.location !== null;
      if (!leads || !URL.canParse(got.location ?? "", url.href)) throw new Error(`the server says HTTP ${got.status}`);
      url = checkScheme(value, new URL(got.location ?? "", url), this.#options.allowed.schemes);
    }
    throw new Error(`it is redirected more than ${MOST_REDIRECTS} times`);
  }

  async #fromFile(path: string, file: FileHandle): Promise<void> {
    const { value } = this.#uri;
    const { folders } = this.#options.allowed;
    // what is meant by the name now, whatever links there are in it
    const real = await realpath(path);
    const allowed = await Promise.all(folders.map((folder) => realpath(folder).catch(() => null)));
    if (!allowed.some((folder) => folder !== null && isBelow(real, folder)))
      throw new FetchError(value, "it is a link to where this node's owner allows no files from (--fetch-from)");
    const left = await this.#left();
    const read = async (stdout: AsyncIterable<Uint8Array>) => void (await this.#write(stdout, file, left, () => {}));
    await this.#tool(["cat", "--", real], { cwd: "/", read });
  }

  /** How many bytes it may have yet. */
  async #left(): Promise<number> {
    return this.#options.mostBytes - (await sizeOf(this.#folder));
  }

  /** @returns how many bytes that were @throws when they are too many */
  async #write(body: AsyncIterable<Uint8Array>, file: FileHandle, left: number, came: () => void): Promise<number> {
    let bytes = 0;
    for await (const chunk of body) {
      this.#signal.throwIfAborted();
      came();
      bytes += chunk.length;
      if (bytes > left) throw this.#tooMuch();
      for (let done = 0; done < chunk.length; )
        done += (await file.write(chunk, done, chunk.length - done)).bytesWritten;
    }
    this.#signal.throwIfAborted();
    return bytes;
  }

  #tooMuch(): Error {
    const most = formatAmount("mem", (this.#options.mostBytes / MIB) * 1000);
    return new Error(`with it the task has more than ${most}, which is this node's limit (--max-fetch)`);
  }

  async #unpack(archive: NonNullable<ReturnType<typeof archiveOf>>, list: FileHandle, content: FileHandle) {
    const stop = new AbortController();
    const looking = setInterval(() => {
      void sizeOf(this.#folder).then((bytes) => bytes > this.#options.mostBytes && stop.abort());
    }, LOOK_MS);
    const signal = AbortSignal.any([this.#signal, stop.signal]);
    const tool = (argv: Tool["argv"], use: Partial<Tool>) =>
      runTool({ argv, cwd: this.#work, user: this.#user, ...use }, signal);
    const line = (name: string) => {
      if (!isInside(name) && !/^\.?\/*$/.test(name))
        throw new Error(`"${name}" in it would be outside of the task's folder`);
    };
    try {
      switch (archive.is) {
        case "tar":
          await tool(["tar", `-t${archive.flag}f`, "-"], { stdin: list, line });
          // not as whom it was packed
          await tool(["tar", `-xo${archive.flag}f`, "-"], { stdin: content });
          break;
        case "zip":
          // it wants to go to and fro in its file
          await tool(["unzip", "-Z1", "/dev/stdin"], { stdin: list, line, mayWarn: true });
          await tool(["unzip", "-qq", "-o", "/dev/stdin"], { stdin: content, mayWarn: true });
          break;
        case "gz":
          await this.#gunzip(archive.name, content, tool);
      }
    } catch (error) {
      this.#signal.throwIfAborted();
      throw stop.signal.aborted ? this.#tooMuch() : new Error(`it can't be unpacked: ${messageOf(error)}`);
    } finally {
      clearInterval(looking);
    }
    if ((await sizeOf(this.#folder)) > this.#options.mostBytes) throw this.#tooMuch();
    await checkLinks(this.#work);
  }

  async #gunzip(
    name: string,
    stdin: FileHandle,
    tool: (argv: Tool["argv"], use: Partial<Tool>) => Promise<void>,
  ): Promise<void> {
    const part = join(this.#folder, "part");
    const opened: FileHandle[] = [];
    try {
      const stdout = await this.#make(part, OPEN_MODE, opened);
      await tool(["gzip", "-dc"], { stdin, stdout });
      const content = await open(part, "r");
      opened.push(content);
      await this.#place(part, name, content);
    } finally {
      for (const handle of opened) await handle.close();
    }
  }
}

async function discard({ body }: Got): Promise<void> {
  for await (const _ of body) break;
}
