/** A copy of this project's sources in a folder of its own, so that `npm start` and builds there disturb nobody. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { cleanEnvironment, endAllOf } from "./processes.ts";
import { removeTraces } from "./traces.ts";

/** Where tests let a league keep its data. */
const DATA_FOLDERS = [".hansa", "demo"];
const PASSABLE_MODE = 0o711;
const OPEN_MODE = 0o777;
const LEFT_OUT = new Set([".git", ".hansa", "dist", "node_modules", "test", "docs"]);

export class Checkout {
  readonly root: string;
  /** where tasks may leave marks */
  readonly marks: string;

  constructor() {
    this.root = mkdtempSync(join(tmpdir(), "hansa-checkout-"));
    // tasks may run as another user
    chmodSync(this.root, PASSABLE_MODE);
    this.marks = join(this.root, "marks");
    mkdirSync(this.marks);
    chmodSync(this.marks, OPEN_MODE);
    for (const entry of readdirSync(".")) {
      if (!LEFT_OUT.has(entry)) cpSync(entry, join(this.root, entry), { recursive: true });
    }
    symlinkSync(resolve("node_modules"), join(this.root, "node_modules"));
  }

  /** An npm script, in a process group of its own as a terminal gives it. */
  npm(...words: string[]): Command {
    return new Command("npm", words, this.root);
  }

  async remove(): Promise<void> {
    await endAllOf(this.root);
    for (const data of DATA_FOLDERS) {
      const nodes = join(this.root, data, "nodes");
      for (const node of existsSync(nodes) ? readdirSync(nodes) : []) removeTraces(join(nodes, node));
    }
    rmSync(this.root, { recursive: true, force: true, maxRetries: 3 });
  }
}

export class Command {
  readonly #child: ChildProcess;
  readonly #end: Promise<unknown[]>;
  readonly #news: (() => void)[] = [];
  output = "";

  constructor(program: string, words: readonly string[], cwd: string) {
    this.#child = spawn(program, words, {
      cwd,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...cleanEnvironment(), CI: "true", HOME: cwd },
    });
    this.#end = once(this.#child, "close");
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
        for (const tell of this.#news.splice(0)) tell();
      });
    }
  }

  /** @throws with all that was said when it ends without saying it */
  async says(wanted: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = wanted.exec(this.output);
      if (found) return found;
      const news = new Promise<"news">((tell) => this.#news.push(() => tell("news")));
      if ((await Promise.race([news, this.#end])) !== "news" && !wanted.test(this.output)) {
        throw new Error(`ended without saying ${wanted}:\n${this.output}`);
      }
    }
  }

  /** What Ctrl-C in its terminal does. */
  interrupt(): void {
    const { pid } = this.#child;
    if (pid !== undefined) process.kill(-pid, "SIGINT");
  }

  /** @returns its exit code */
  async ended(): Promise<number | null> {
    await this.#end;
    return this.#child.exitCode;
  }
}
