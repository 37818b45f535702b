/** An agent of the bench: a node that has joined already, as a process with folders of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folderHash } from "../../agent/host/folders.ts";
import { Cgroups, openCgroups } from "../../agent/host/process/cgroups.ts";
import { taskUser } from "../../agent/host/process/user.ts";
import { agentCommand } from "../../test/support/agentUnderTest.ts";
import { cleanEnvironment, processesOf } from "../../test/system/processes.ts";
import { IDENTITY } from "./stubBroker.ts";

/** What it may take to end its tasks and its guard. */
const END_MS = 30_000;

export class BenchNode {
  readonly root = mkdtempSync(join(tmpdir(), "hansa-bench-agent-"));
  readonly #data = join(this.root, "data");
  readonly #child: ChildProcess;
  readonly startedAtMs: number;
  /** rejects when it ends without being told to */
  readonly died: Promise<never>;
  #left: Promise<number> | null = null;

  constructor(artifact: string, url: string, words: readonly string[] = []) {
    chmodSync(this.root, 0o711);
    mkdirSync(this.#data);
    writeFileSync(join(this.#data, "node.json"), JSON.stringify({ url, ...IDENTITY }));
    const log = openSync(join(this.root, "log"), "w");
    const [program, ...first] = agentCommand(artifact);
    const where = ["run", "--data", this.#data, "--run-dir", join(this.root, "run"), "--stop-tasks-on-exit"];
    this.startedAtMs = performance.now();
    this.#child = spawn(program, [...first, ...where, ...words], {
      env: cleanEnvironment(),
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.died = once(this.#child, "exit").then(([code, signal]) => {
      if (this.#left === null) throw new Error(`the agent has ended by itself: ${signal ?? `exit ${code}`}`);
      return new Promise<never>(() => {});
    });
    this.died.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  fds(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** Cgroups of attempts and of shims that wait for one; 0 where there are none. */
  cgroups(): number {
    const found = openCgroups(folderHash(this.#data), taskUser(null));
    return found instanceof Cgroups ? found.list().length : 0;
  }

  /** @returns how many processes it left behind */
  end(): Promise<number> {
    this.#left ??= this.#end();
    return this.#left;
  }

  async #end(): Promise<number> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, "exit");
      const late = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
      this.#child.kill("SIGTERM");
      await gone;
      clearTimeout(late);
    }
    const left = processesOf(this.root);
    rmSync(this.root, { recursive: true, force: true });
    return left.length;
  }
}
