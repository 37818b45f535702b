/**
 * Shims that wait for a task, each in a folder and a cgroup of its own that become the task's; and are taken back, all
 * three, when the task left nothing in them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, readFileSync, renameSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { basename, join } from "node:path";
import type { Writable } from "node:stream";
import type { Attempt } from "../../core/types.ts";
import { hasCode, messageOf, writeWhole } from "../files.ts";
import { randomBytes } from "../random.ts";
import type { Cgroups } from "./cgroups.ts";
import { nodeEnvironment, type Place } from "./environment.ts";
import { createFolder, emptyFolder } from "./folder.ts";
import { type Limits, limitsOf, NO_LIMITS } from "./limits.ts";
import type { ExecPlan } from "./plan.ts";
import { cgroupLine, type Run } from "./runFile.ts";
import { CHANNEL, shimText, taskText, WORK_FOLDER } from "./shim.ts";
import type { User } from "./user.ts";

/** How many wait. A burst of more is served too, only not ahead of time. */
const READY = 2;
/** The next ones are made once the tasks just started have had the processor. */
const REFILL_AFTER_MS = 20;
/** More than these are not kept for later, nor to wait until their task may be forgotten. */
const MOST_READY = 16;
const PREFIX = "warm-";
/** A folder without a task yet. */
export const isWarm = (name: string): boolean => name.startsWith(PREFIX);

export interface WarmOptions {
  tasks: string;
  cgroups: Cgroups | null;
  user: User;
  boot: string;
  place: Place;
  /** the machine has GPUs: tasks that ask for none must not see them */
  hidesGpus: boolean;
  plan: ExecPlan;
}

export interface Shim {
  pid: number;
  cgroup: string | null;
}
interface Warm extends Shim {
  child: ChildProcess;
  stdin: Writable;
  channel: Socket;
  folder: string;
  /** of its cgroup, now */
  limits: Limits;
  /** it has a task whose end is to be told */
  ended: ((signal: string | null) => void) | null;
}

export class WarmShims {
  readonly #options: WarmOptions;
  readonly #text: string;
  readonly #ready: Warm[] = [];
  /** by the key of their attempt, until that is removed */
  readonly #given = new Map<string, Warm>();
  #refill: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: WarmOptions) {
    this.#options = options;
    const score = Number(readFileSync("/proc/self/oom_score_adj", "utf8"));
    this.#text = shimText({ cgroups: options.cgroups?.trees ?? 0, resetOomScore: score < 0 });
  }

  /** Has the first ones made. */
  fill(): void {
    this.#refill ??= setTimeout(() => {
      this.#refill = null;
      try {
        while (!this.#closed && this.#ready.length < READY) this.#ready.unshift(this.#make());
      } catch {
        // the next start meets the same error and tells it
      }
    }, REFILL_AFTER_MS);
  }

  /**
   * Gives the attempt to a shim.
   *
   * @param ended is told once: its task is over, or it died by a signal
   * @param work takes the place of its work folder
   * @returns null when it has a folder already @throws when there can be no process
   */
  start(attempt: Attempt, ended: (signal: string | null) => void, work?: string): Shim | null {
    const { tasks, cgroups, plan } = this.#options;
    const warm = this.#limited(limitsOf(attempt.template.resources));
    this.fill();
    const folder = join(tasks, attempt.key);
    if (work !== undefined) this.#furnish(warm, work);
    try {
      renameSync(warm.folder, folder);
    } catch (error) {
      this.#discard(warm);
      if (hasCode(error, "ENOTEMPTY") || hasCode(error, "EEXIST")) return null;
      throw error;
    }
    warm.folder = folder;
    warm.ended = ended;
    this.#given.set(attempt.key, warm);
    // In Bun this leaves a turn later. A shim that it never reaches starts nothing, whatever became of us.
    warm.stdin.write(taskText(attempt, plan.line(attempt, folder)));
    // without a cgroup nobody could say that nothing is left of its task
    if (!cgroups) warm.stdin.end();
    return warm;
  }

  #furnish(warm: Warm, work: string): void {
    try {
      renameSync(work, join(warm.folder, WORK_FOLDER));
    } catch (error) {
      this.#discard(warm);
      throw new Error(`what was fetched can't be had: ${messageOf(error)}`);
    }
  }

  /**
   * A shim in a cgroup with these limits. They stay when it is taken back: most tasks ask for what the one before asked
   * for, and then nothing is to be written. One whose cgroup does not take them, because what is left in it is more, is
   * not used again.
   */
  #limited(limits: Limits): Warm {
    for (let ready = this.#ready.pop(); ready; ready = this.#ready.pop()) {
      try {
        this.#limit(ready, limits);
        return ready;
      } catch {
        this.#discard(ready);
      }
    }
    const made = this.#make();
    try {
      this.#limit(made, limits);
      return made;
    } catch (error) {
      this.#discard(made);
      throw error;
    }
  }

  #limit(warm: Warm, limits: Limits): void {
    const { cgroups } = this.#options;
    if (warm.cgroup !== null) cgroups?.limit(warm.cgroup, limits, warm.limits);
    warm.limits = limits;
  }

  /** The shim of an attempt that is over, where it waits for the next one. */
  waiting(key: string): Shim | null {
    const warm = this.#given.get(key);
    return warm && warm.ended === null ? warm : null;
  }

  /**
   * Takes back shim, folder and cgroup of an attempt that ended by itself and that nobody asks about any more.
   *
   * @returns false when they can't be used again; the shim is gone then
   */
  async takeBack(key: string, run: Run): Promise<boolean> {
    const warm = this.#given.get(key);
    if (!warm) return false;
    this.#given.delete(key);
    let kept = false;
    try {
      kept = this.#renew(warm, run);
    } finally {
      if (!kept) await this.#end(warm);
    }
    return kept;
  }

  #renew(warm: Warm, { start, exit }: Run): boolean {
    const { folder, cgroup, stdin } = warm;
    if (this.#closed || stdin.writableEnded || this.#ready.length >= MOST_READY || !start || !exit || cgroup === null)
      return false;
    if (this.#options.cgroups?.outOfMemory(cgroup)) return false;
    if (!emptyFolder(folder, cgroupLine(cgroup).length)) return false;
    warm.folder = join(this.#options.tasks, cgroup);
    renameSync(folder, warm.folder);
    this.#ready.push(warm);
    return true;
  }

  #make(): Warm {
    const { tasks, cgroups, user, boot, place, plan } = this.#options;
    const name = `${PREFIX}${randomBytes(6).toString("hex")}`;
    const folder = join(tasks, name);
    const opened: number[] = [];
    try {
      const cgroup = cgroups ? name : null;
      const files = createFolder(folder, user, opened);
      writeWhole(files.run, Buffer.from(cgroupLine(cgroup)));
      const stdio: ("pipe" | number)[] = ["pipe", files.stdout, files.run, files.stderr, "pipe"];
      if (cgroups) {
        const files = opened.length;
        cgroups.create(name, opened);
        stdio.push(...opened.slice(files));
      }
      const child = spawn("/bin/sh", ["-s", boot], {
        cwd: folder,
        env: nodeEnvironment(place, user.name),
        detached: true,
        stdio,
        ...plan.ids,
      });
      // told by the missing pid below, at once
      child.on("error", () => {});
      const {
        pid,
        stdin,
        stdio: { [CHANNEL]: channel },
      } = child;
      if (pid === undefined || stdin === null || !(channel instanceof Socket))
        throw new Error("no process could be started (too many, or no memory)");
      const warm: Warm = { child, pid, stdin, channel, cgroup, folder, limits: NO_LIMITS, ended: null };
      // told by its end
      for (const stream of [stdin, channel]) stream.on("error", () => {});
      stdin.write(this.#text);
      // without a cgroup its group is searched for leftovers, which needs its leader dead
      if (cgroup === null) channel.resume();
      else channel.on("data", () => this.#over(warm, null));
      child.once("exit", (_code, signal) => this.#died(warm, signal));
      return warm;
    } catch (error) {
      this.#remove(name);
      throw error;
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  }

  #over(warm: Warm, signal: string | null): void {
    const { ended } = warm;
    if (ended === null) return;
    warm.ended = null;
    if ([...this.#given.values()].filter((given) => given.ended === null).length > MOST_READY) warm.stdin.end();
    ended(signal);
  }

  #died(warm: Warm, signal: string | null): void {
    const at = this.#ready.indexOf(warm);
    if (at >= 0) this.#ready.splice(at, 1);
    const name = basename(warm.folder);
    if (isWarm(name)) this.#remove(name);
    else if (this.#given.get(name) === warm) this.#given.delete(name);
    this.#over(warm, signal);
  }

  #discard(warm: Warm): void {
    warm.child.kill("SIGKILL");
  }

  /** @returns when it is gone */
  async #end(warm: Warm): Promise<void> {
    if (warm.child.exitCode !== null || warm.child.signalCode !== null) return;
    const gone = once(warm.child, "exit");
    this.#discard(warm);
    await gone;
  }

  #remove(name: string): void {
    rmSync(join(this.#options.tasks, name), { recursive: true, force: true });
    this.#options.cgroups?.remove(name);
  }

  /** Those with a task end after it. @returns when none is left that waits */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#refill) clearTimeout(this.#refill);
    const given = [...this.#given.values()];
    for (const { ended, stdin } of given) if (ended) stdin.end();
    await Promise.all([...this.#ready, ...given.filter(({ ended }) => !ended)].map((warm) => this.#end(warm)));
  }
}
