/**
 * The engine of drivers that run a command on the machine itself: starts an attempt as a process group and cgroup of its
 * own, stops it, and says how it ended, also when it was started by an agent that is no more. Starting is
 * create-or-adopt by key, so that nothing runs twice. Such drivers differ in their plan of the command line alone; with
 * the plain one it is the process driver.
 */
import { renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Attempt, Exit, Found } from "../../core/types.ts";
import type { Driver, DriverEvents, DriverHealth } from "../driver.ts";
import { hasCode, messageOf } from "../files.ts";
import type { Log } from "../log.ts";
import { isAlive, statOf } from "../procfs.ts";
import { endedByAgent, endedByGuard, foldersIn, markStopped, readRun, removeFolder } from "./folder.ts";
import { DEFAULT_LIMITS, limitHealth } from "./limits.ts";
import { emptyEnd, measure } from "./output.ts";
import { type ExecPlan, plainPlan } from "./plan.ts";
import type { Run } from "./runFile.ts";
import { RUN_FILE } from "./shim.ts";
import { isWarm, type WarmOptions, WarmShims } from "./warmShims.ts";

/** How often attempts that are not our children are looked at. */
const WATCH_MS = 200;
/** SIGKILL is repeated this often: a process may be in a call that can't be interrupted. */
const KILL_AGAIN_MS = 1000;
/** How long what a task left behind may take to die before its end is told all the same. */
const LEFTOVERS_MS = 5000;
/** The same without a cgroup, where zombies that their parent has not taken notice of look alive. */
const GROUP_LEFTOVERS_MS = 100;
const VOID_RUN_FILE = "run.void";

export interface DriverOptions extends Omit<WarmOptions, "plan">, DriverEvents {
  /** how a command is run; else as it is */
  plan?: ExecPlan;
  log: Log;
}

interface Live {
  key: string;
  pid: number;
  /** boot-time ms at which `pid` was this attempt's for sure; null while it is our own child */
  seenMs: number | null;
  cgroup: string | null;
  signal: string | null;
  killTimer: NodeJS.Timeout | null;
  killAtMs: number;
  finishing: boolean;
}

export class ProcessDriver implements Driver {
  readonly #options: DriverOptions;
  readonly #plan: ExecPlan;
  readonly #shims: WarmShims;
  readonly #live = new Map<string, Live>();
  #watcher: NodeJS.Timeout | null = null;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#plan = options.plan ?? plainPlan(options);
    this.#shims = new WarmShims({ ...options, plan: this.#plan });
  }

  folder(key: string): string {
    return join(this.#options.tasks, key);
  }

  /** Keys of what runs now, with the shim's pid. */
  running(): Map<string, number> {
    return new Map([...this.#live].map(([key, { pid }]) => [key, pid]));
  }

  async probe(): Promise<DriverHealth> {
    const { cgroups } = this.#options;
    const { healthy, detail } = await this.#plan.probe();
    if (!healthy) return { healthy, detail, limits: [] };
    const health = limitHealth(cgroups?.controllers ?? [], cgroups?.options ?? DEFAULT_LIMITS);
    return { healthy, detail: `${detail}; ${health.detail}`, limits: health.limits };
  }

  /** After `sweep`, which would take what waits for a stranger's. */
  warmUp(): void {
    if (this.#plan.warmsUp) this.#shims.fill();
  }

  start(attempt: Attempt, work?: string): void {
    const { key } = attempt;
    if (this.#live.has(key)) return;
    try {
      const shim = this.#shims.start(attempt, (signal) => this.#ended(key, signal), work);
      if (shim === null) void this.#adopt(attempt, work);
      else {
        this.#add(key, shim.pid, null, shim.cgroup);
        this.#options.started(key);
      }
    } catch (error) {
      this.#options.startFailed(key, messageOf(error));
    }
  }

  #ended(key: string, signal: string | null): void {
    const live = this.#live.get(key);
    if (!live) return;
    live.signal = signal;
    void this.#finish(live);
  }

  #add(key: string, pid: number, seenMs: number | null, cgroup: string | null): Live {
    const live: Live = {
      ...{ key, pid, seenMs, cgroup, signal: null, killTimer: null },
      killAtMs: Number.POSITIVE_INFINITY,
      finishing: false,
    };
    this.#live.set(key, live);
    return live;
  }

  /** Its folder is there: it was started by an agent before us, or by a call before this one. */
  async #adopt(attempt: Attempt, work?: string): Promise<void> {
    const { key } = attempt;
    const found = await this.recover(key);
    switch (found.is) {
      case "never-started":
        await this.remove(key);
        if (work === undefined) this.start(attempt);
        else this.#options.startFailed(key, "there was a folder of it already, and it had not started");
        return;
      case "running":
        this.#options.started(key);
        this.watch(key);
        return;
      case "ended":
        this.#options.started(key);
        this.#options.exited(key, found.exit);
        return;
      case "other-boot":
        this.#options.startFailed(key, "it ran in an earlier boot of this machine");
    }
  }

  /** What became of an attempt that this agent did not start. After `never-started` it never will. */
  async recover(key: string): Promise<Found> {
    const folder = this.folder(key);
    const run = readRun(folder);
    if (!run?.start) return run && this.#lateShim(folder) ? this.#gone(key, run, null) : this.#neverStarted(key, run);
    const { pid, upMs, boot } = run.start;
    if (boot !== this.#options.boot) return { is: "other-boot" };
    if (!run.exit && !run.late && isAlive(pid, upMs)) {
      if (!this.#live.has(key)) this.#add(key, pid, upMs, run.cgroup);
      return { is: "running", startedAtMs: upMs };
    }
    return this.#gone(key, run, pid);
  }

  /**
   * The shim has not written its first line: perhaps it is about to. It looks for `run` after that line and in front of
   * the command, so once the file has another name it will not start. @returns true when it was quicker
   */
  #lateShim(folder: string): boolean {
    renameSync(join(folder, RUN_FILE), join(folder, VOID_RUN_FILE));
    const run = readRun(folder, VOID_RUN_FILE);
    if (run?.start && isAlive(run.start.pid, run.start.upMs)) this.#killGroup(run.start.pid);
    return run?.start != null;
  }

  async #neverStarted(key: string, run: Run | null): Promise<Found> {
    await this.#endLeftovers(key, run?.cgroup ?? null, null);
    await this.remove(key);
    return { is: "never-started" };
  }

  async #gone(key: string, { cgroup }: Run, pid: number | null): Promise<Found> {
    return { is: "ended", exit: await this.#settle(key, cgroup, pid, null) };
  }

  /** From now on `exited` is told of an attempt that `recover` found running. */
  watch(key: string): void {
    if (!this.#live.has(key)) return;
    this.#watcher ??= setInterval(() => this.#look(), WATCH_MS);
  }

  #look(): void {
    let adopted = 0;
    for (const live of this.#live.values()) {
      if (live.seenMs === null) continue;
      adopted++;
      if (!isAlive(live.pid, live.seenMs)) void this.#finish(live);
    }
    if (adopted === 0 && this.#watcher) {
      clearInterval(this.#watcher);
      this.#watcher = null;
    }
  }

  /** TERM to every process of it, KILL after the grace. A second call can only shorten the grace. */
  stop(key: string, graceMs: number): void {
    const live = this.#live.get(key);
    if (!live || live.finishing) return;
    const killAtMs = performance.now() + graceMs;
    if (killAtMs >= live.killAtMs) return;
    if (live.killTimer) clearTimeout(live.killTimer);
    live.killAtMs = killAtMs;
    live.killTimer = setTimeout(() => this.#kill(live), graceMs);
    this.#signal(live, "SIGTERM");
    this.#signal(live, "SIGCONT");
  }

  #signal(live: Live, signal: NodeJS.Signals): void {
    const { cgroups } = this.#options;
    const members = live.cgroup === null ? [] : (cgroups?.members(live.cgroup) ?? []);
    for (const pid of members) signalIfThere(pid, signal);
    if (members.length === 0) this.#signalGroup(live.pid, signal);
  }

  #kill(live: Live): void {
    if (live.finishing) return;
    try {
      markStopped(this.folder(live.key));
    } catch (error) {
      this.#options.log("warn", `${live.key}: can't mark it as stopped: ${messageOf(error)}`);
    }
    if (live.cgroup !== null) this.#options.cgroups?.kill(live.cgroup);
    this.#killGroup(live.pid);
    live.killTimer = setTimeout(() => this.#kill(live), KILL_AGAIN_MS);
  }

  #killGroup(pid: number): void {
    this.#signalGroup(pid, "SIGKILL");
  }

  /** A group that belongs to another user is not ours, whatever a file says. */
  #signalGroup(pid: number, signal: NodeJS.Signals): void {
    const owner = pid > 1 ? statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid : undefined;
    if (owner === this.#options.user.uid) signalIfThere(-pid, signal);
  }

  async #finish(live: Live): Promise<void> {
    if (live.finishing) return;
    live.finishing = true;
    if (live.killTimer) clearTimeout(live.killTimer);
    const exit = await this.#settle(live.key, live.cgroup, live.pid, live.signal);
    this.#live.delete(live.key);
    this.#options.exited(live.key, exit);
  }

  /** An end is told whatever the disk says. */
  async #settle(key: string, cgroup: string | null, pid: number | null, childSignal: string | null): Promise<Exit> {
    try {
      await this.#endLeftovers(key, cgroup, pid);
      const oom = cgroup === null ? null : this.#options.cgroups?.outOfMemory(cgroup);
      return { ...(await this.#describe(key, childSignal)), ...(oom && { oom }) };
    } catch (error) {
      this.#options.log("error", `${key}: can't read how it ended: ${messageOf(error)}`);
      return { code: null, signal: childSignal, vanished: true, stdout: emptyEnd(), stderr: emptyEnd() };
    }
  }

  /** The command is over; what it left in the background ends with it. */
  async #endLeftovers(key: string, cgroup: string | null, pid: number | null): Promise<void> {
    const { cgroups, log } = this.#options;
    if (cgroups && cgroup !== null) {
      const shim = this.#shims.waiting(key);
      if (shim && cgroups.members(cgroup).join() === String(shim.pid)) return;
      for (let waitMs = 1, waitedMs = 0; !cgroups.isEmpty(cgroup); waitedMs += waitMs, waitMs *= 2) {
        if (waitedMs > LEFTOVERS_MS) {
          log(
            "warn",
            `${key}: a process of it can't be ended (uninterruptible?): ${cgroups.members(cgroup).join(" ")}`,
          );
          return;
        }
        cgroups.kill(cgroup);
        await sleep(waitMs);
      }
      return;
    }
    // the leader is dead: as long as its group lives nobody else can have the number
    if (pid === null || pid <= 1 || livesAnew(pid)) return;
    for (let waitedMs = 0; waitedMs < GROUP_LEFTOVERS_MS && signalIfThere(-pid, "SIGKILL"); waitedMs += 5)
      await sleep(5);
  }

  async #describe(key: string, childSignal: string | null): Promise<Exit> {
    const folder = this.folder(key);
    const run = readRun(folder) ?? readRun(folder, VOID_RUN_FILE);
    const byGuard = run?.late || endedByGuard(folder);
    const [stdout, stderr] = await Promise.all([measure(join(folder, "stdout")), measure(join(folder, "stderr"))]);
    const output = { stdout, stderr, ...(byGuard && { byGuard }) };
    if (run?.exit) return { ...statusOf(run.exit), ...ranMs(run), ...output };
    if (run?.late) return { code: null, signal: null, ranMs: 0, ...output };
    if (byGuard || endedByAgent(folder)) return { code: null, signal: "SIGKILL", ...output };
    return { code: null, signal: childSignal, vanished: true, ...output };
  }

  /** Removes what is left of an attempt that is over. */
  async remove(key: string): Promise<void> {
    try {
      const folder = this.folder(key);
      const run = readRun(folder);
      if (run && (await this.#shims.takeBack(key, run))) return;
      if (run?.cgroup) this.#options.cgroups?.remove(run.cgroup);
      await removeFolder(folder);
    } catch (error) {
      this.#options.log("warn", `${key}: can't remove its folder: ${messageOf(error)}`);
    }
  }

  /** Ends and removes everything that is not named: left by an agent that lost its journal. @returns what it found */
  async sweep(known: ReadonlySet<string>): Promise<string[]> {
    const { cgroups, tasks, boot } = this.#options;
    const strangers = foldersIn(tasks).filter((key) => !known.has(key));
    for (const key of strangers) {
      const run = readRun(this.folder(key));
      const start = run?.start;
      const pid = start && start.boot === boot && isAlive(start.pid, start.upMs) ? start.pid : null;
      if (pid !== null) this.#killGroup(pid);
      await this.#endLeftovers(key, run?.cgroup ?? null, pid);
      await this.remove(key);
    }
    const inUse = new Set([...known].map((key) => readRun(this.folder(key))?.cgroup));
    for (const name of cgroups?.list() ?? []) {
      if (inUse.has(name)) continue;
      await this.#endLeftovers(name, name, null);
      cgroups?.remove(name);
    }
    return strangers.filter((key) => !isWarm(key));
  }

  async close(): Promise<void> {
    if (this.#watcher) clearInterval(this.#watcher);
    for (const { killTimer } of this.#live.values()) if (killTimer) clearTimeout(killTimer);
    await this.#shims.close();
  }
}

const statusOf = (exit: NonNullable<Run["exit"]>): Pick<Exit, "code" | "signal"> =>
  exit.signal === null ? { code: exit.code, signal: null } : { code: null, signal: exit.signal };

const ranMs = (run: Run): { ranMs?: number } =>
  run.start && run.exit ? { ranMs: Math.max(0, run.exit.upMs - run.start.upMs) } : {};

/** Another process has the pid of a dead one. */
const livesAnew = (pid: number): boolean => {
  const state = statOf(pid)?.state;
  return state !== undefined && state !== "Z" && state !== "X";
};

/** @returns false when there is no such process or group */
function signalIfThere(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (hasCode(error, "ESRCH")) return false;
    throw error;
  }
}
