/** Shims that wait for a task, each in a folder and a cgroup of its own that become the task's. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import type { Attempt } from "../../core/types.ts";
import { hasCode } from "../files.ts";
import type { Cgroups } from "./cgroups.ts";
import { createFolder, emptyFolder, reopenFolder } from "./folder.ts";
import { cgroupLine, type Run } from "./runFile.ts";
import { nodeEnvironment, type Place, shimText, taskLines, WORK_FOLDER } from "./shim.ts";
import type { User } from "./user.ts";

/** How many wait. A burst of more is served too, only not ahead of time. */
const READY = 2;
/** The next ones are made once the tasks just started have had the processor. */
const REFILL_AFTER_MS = 20;

/** Emptied folders kept for the next tasks. */
const MOST_SPARE = 16;
const PREFIX = "warm-";
/** A folder without a task yet. */
export const isWarm = (name: string): boolean => name.startsWith(PREFIX);

export interface WarmOptions {
  tasks: string;
  cgroups: Cgroups | null;
  user: User;
  boot: string;
  place: Place;
}

export interface Shim {
  child: ChildProcess;
  pid: number;
  cgroup: string | null;
}
interface Warm extends Shim {
  folder: string;
}

export class WarmShims {
  readonly #options: WarmOptions;
  readonly #text: string;
  readonly #ready: Warm[] = [];
  /** names of emptied folders whose cgroups are empty, too */
  readonly #spare: string[] = [];
  #refill: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: WarmOptions) {
    this.#options = options;
    const score = Number(readFileSync("/proc/self/oom_score_adj", "utf8"));
    this.#text = shimText({ cgroup: options.cgroups !== null, resetOomScore: score < 0 });
  }

  /** Has the first ones made. */
  fill(): void {
    this.#refill ??= setTimeout(() => {
      this.#refill = null;
      try {
        while (!this.#closed && this.#ready.length < READY) this.#ready.push(this.#make());
      } catch {
        // the next start meets the same error and tells it
      }
    }, REFILL_AFTER_MS);
  }

  /** Gives the attempt to a shim. @returns null when it has a folder already @throws when there can be no process */
  start(attempt: Attempt): Shim | null {
    const { tasks } = this.#options;
    const warm = this.#ready.shift() ?? this.#make();
    this.fill();
    const folder = join(tasks, attempt.key);
    try {
      renameSync(warm.folder, folder);
    } catch (error) {
      this.#discard(warm);
      if (hasCode(error, "ENOTEMPTY") || hasCode(error, "EEXIST")) return null;
      throw error;
    }
    warm.child.removeAllListeners("exit");
    const { stdin } = warm.child;
    stdin?.end(taskLines(attempt, join(folder, WORK_FOLDER)), () => stdin.destroy());
    return warm;
  }

  /**
   * Takes back the folder and the cgroup of an attempt that ended by itself. Only then nothing writes there any more:
   * its shim is known to be through, and its cgroup to be empty.
   */
  recycle(folder: string, { start, exit, cgroup }: Run): boolean {
    const { cgroups, tasks } = this.#options;
    if (this.#closed || this.#spare.length >= MOST_SPARE || !start || !exit) return false;
    if (!cgroups || cgroup === null || !isWarm(cgroup) || !cgroups.isEmpty(cgroup)) return false;
    if (!emptyFolder(folder)) return false;
    renameSync(folder, join(tasks, cgroup));
    this.#spare.push(cgroup);
    return true;
  }

  #make(): Warm {
    const { tasks, cgroups, user, boot, place } = this.#options;
    const spare = this.#spare.pop();
    const name = spare ?? `${PREFIX}${randomBytes(6).toString("hex")}`;
    const folder = join(tasks, name);
    const opened: number[] = [];
    try {
      const cgroup = cgroups ? name : null;
      const files = spare ? reopenFolder(folder, opened) : createFolder(folder, user, opened);
      writeSync(files.run, cgroupLine(cgroup));
      const stdio: ("pipe" | number)[] = ["pipe", files.stdout, files.run, files.stderr];
      if (cgroups) {
        const procs = cgroups.create(name);
        opened.push(procs);
        stdio.push(procs);
      }
      const child = spawn("/bin/sh", ["-c", this.#text, "sh", boot], {
        cwd: folder,
        env: nodeEnvironment(place, user.name),
        detached: true,
        stdio,
        ...user.ids,
      });
      // told by the missing pid below, at once
      child.on("error", () => {});
      child.stdin?.on("error", () => {});
      if (child.pid === undefined) throw new Error("no process could be started (too many, or no memory)");
      const warm: Warm = { child, pid: child.pid, cgroup, folder };
      child.once("exit", () => this.#died(warm));
      return warm;
    } catch (error) {
      this.#remove(name);
      throw error;
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  }

  #died(warm: Warm): void {
    const at = this.#ready.indexOf(warm);
    if (at >= 0) this.#ready.splice(at, 1);
    this.#remove(basename(warm.folder));
  }

  #discard(warm: Warm): void {
    warm.child.kill("SIGKILL");
  }

  #remove(name: string): void {
    rmSync(join(this.#options.tasks, name), { recursive: true, force: true });
    this.#options.cgroups?.remove(name);
  }

  /** @returns when none is left */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#refill) clearTimeout(this.#refill);
    const gone = this.#ready.map(({ child }) => new Promise((resolve) => child.once("exit", resolve)));
    for (const warm of this.#ready) this.#discard(warm);
    await Promise.all(gone);
    for (const name of this.#spare.splice(0)) this.#remove(name);
  }
}
