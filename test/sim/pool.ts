/** The simulator on every processor of this machine: threads over one bundle, which may have a rule less. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { build, type Plugin } from "esbuild";
import type { Season } from "./faults/season.ts";
import type { Story } from "./run.ts";
import type { Ask, Told } from "./worker.ts";

/** A piece of a source that is there just once, and what stands there instead. */
export interface Patch {
  /** from the root of the repository */
  file: string;
  find: string;
  replace: string;
}

const ROOT = resolve(import.meta.dirname, "../..");

/** @throws RangeError when what is to be replaced is not there, or more than once */
export function patched(text: string, { file, find, replace }: Patch): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined || more.length > 0)
    throw new RangeError(`${file} does not have this just once: ${find}`);
  return before + replace + after;
}

/** Source maps tell where a turn threw. @param name of the file in `dist/sim` */
async function bundle(name: string, patches: readonly Patch[]): Promise<string> {
  const outfile = resolve(ROOT, "dist/sim", `${name}.mjs`);
  const plugin: Plugin = {
    name: "patches",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const own = patches.filter(({ file }) => resolve(ROOT, file) === path);
        if (own.length === 0) return null;
        return { contents: own.reduce(patched, readFileSync(path, "utf8")), loader: "ts" };
      });
    },
  };
  await build({
    entryPoints: [resolve(import.meta.dirname, "worker.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    target: "es2024",
    loader: { ".sql": "text" },
    sourcemap: "inline",
    logLevel: "warning",
    plugins: [plugin],
  });
  return outfile;
}

interface StoryOptions {
  only?: readonly string[] | null;
  trace?: ((line: string) => void) | null;
  season?: Season | null;
}

interface Wanted {
  ask: Ask;
  line: (line: string) => void;
  done: (told: Told) => void;
  failed: (error: Error) => void;
}

export class Pool {
  readonly #path: string;
  readonly #threads = new Set<Worker>();
  readonly #idle: Worker[] = [];
  readonly #waiting: Wanted[] = [];

  private constructor(path: string, threads: number) {
    this.#path = path;
    for (let i = 0; i < threads; i++) this.#addThread();
  }

  static async open(
    name = "seeds",
    patches: readonly Patch[] = [],
    threads: number = availableParallelism(),
  ): Promise<Pool> {
    return new Pool(await bundle(name, patches), threads);
  }

  get size(): number {
    return this.#threads.size;
  }

  async story(seed: number, { only = null, trace = null, season = null }: StoryOptions = {}): Promise<Story> {
    const ask: Ask = {
      type: "story",
      seed,
      ...(only && { only }),
      ...(season && { season }),
      ...(trace && { isTraced: true }),
    };
    const told = await this.#ask(ask, trace ?? (() => {}));
    if (told.type !== "story") throw new TypeError(`a story was asked for, ${told.type} came`);
    return told.story;
  }

  /** Of all that the trace of a seed tells. */
  async hash(seed: number): Promise<string> {
    const told = await this.#ask({ type: "hash", seed }, () => {});
    if (told.type !== "hash") throw new TypeError(`a hash was asked for, ${told.type} came`);
    return told.hash;
  }

  /** What the version before this one would miss in what a seed says on the wire. */
  async missed(seed: number): Promise<string[]> {
    const told = await this.#ask({ type: "missed", seed }, () => {});
    if (told.type !== "missed") throw new TypeError(`what is missed was asked for, ${told.type} came`);
    return told.missed;
  }

  #ask(ask: Ask, line: (line: string) => void): Promise<Told> {
    return new Promise((done, failed) => {
      this.#waiting.push({ ask, line, done, failed });
      this.#next();
    });
  }

  #next(): void {
    const thread = this.#idle[0];
    const wanted = this.#waiting[0];
    if (!thread || !wanted) return;
    this.#idle.shift();
    this.#waiting.shift();
    const over = (end: () => void) => {
      thread.removeAllListeners("message");
      thread.removeAllListeners("error");
      end();
    };
    thread.on("message", (told: Told) => {
      if (told.type === "line") return wanted.line(told.line);
      over(() => wanted.done(told));
      this.#idle.push(thread);
      this.#next();
    });
    thread.on("error", (error) => {
      this.#threads.delete(thread);
      over(() => wanted.failed(new Error(`seed ${wanted.ask.seed}: ${error}`, { cause: error })));
      this.#addThread();
      this.#next();
    });
    thread.postMessage(wanted.ask);
  }

  #addThread(): void {
    const thread = new Worker(this.#path);
    this.#threads.add(thread);
    this.#idle.push(thread);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#threads].map((thread) => thread.terminate()));
  }
}
