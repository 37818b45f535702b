/**
 * A node's machine: a boot clock that drifts and may leap, a disk, a guard, and processes that live on when the agent
 * dies and die with the machine. It may be suspended: then its clock goes on and nothing else.
 */

import { noOutput } from "../../../agent/core/reply.ts";
import type { Attempt, Exit } from "../../../agent/core/types.ts";
import { deadlineOf, type Entries, parseDeadlines } from "../../../agent/host/guard/deadlines.ts";
import { readTemplate } from "../../../src/model/job.ts";
import { add, type Resources } from "../../../src/model/resources.ts";
import { Disk } from "./disk.ts";
import { SimGuard } from "./guard.ts";
import { ProcessOutput } from "./processOutput.ts";
import type { Chance } from "./random.ts";
import type { Timer } from "./timeline.ts";
import type { World } from "./world.ts";

export interface SimProcess {
  readonly key: string;
  readonly task: string;
  readonly epoch: number;
  readonly machine: string;
  readonly host: Machine;
  readonly template: Attempt["template"];
  readonly ports: readonly number[];
  readonly devices: readonly number[];
  readonly startedBootMs: number;
  readonly ignoresTerm: boolean;
  timers: MachineTimer[];
  /** somebody sent it a signal */
  told: boolean;
  ended: boolean;
}

/** A time of which a machine has been awake. */
export interface MachineTimer {
  cancel(): void;
}

export class Machine {
  readonly name: string;
  capacity: Resources;
  attributes: Readonly<Record<string, string>>;
  /** it was bought as another one */
  isRefitted = false;
  readonly disk = new Disk();
  readonly processes = new Map<string, SimProcess>();
  boot = "";
  up = true;
  guard: SimGuard | null = null;
  /** since when it is dead or stopped, world time */
  guardGoneMs = 0;
  /** on a file system that does not outlive the boot, where there is one */
  guardFile = "";
  guardEntries: Entries = new Map();
  isRunFolderFull = false;
  /** no process can be started but those that a shell waits for */
  hasNoGuards = false;
  /** awake time since which its agent is away */
  agentGoneMs = 0;
  /** world time of the last resume or leap of its clock: what is past its deadline then lives until the guard's round */
  jumpedAtMs = Number.NEGATIVE_INFINITY;
  /** the agent that watches */
  onExit: ((key: string, exit: Exit) => void) | null = null;
  onGuard: (() => void) | null = null;
  onResume: (() => void) | null = null;

  readonly #world: World;
  readonly #chance: Chance;
  readonly #shimChance: Chance;
  readonly #hasVolatileFolder: boolean;
  /** attempts that are started and whose shims have not said so yet */
  readonly #shims = new Map<string, { timer: MachineTimer; termAtMs: number | null }>();
  #rate = 1;
  #bootedAtMs = 0;
  #bootOffsetMs = 0;
  #boots = 0;
  /** all time that it was ever suspended, and is to be */
  #frozenMs = 0;
  #frozenUntilMs = Number.NEGATIVE_INFINITY;

  constructor(world: World, name: string, capacity: Resources, attributes: Readonly<Record<string, string>>) {
    this.#world = world;
    this.#chance = world.chanceOf(`machine ${name}`);
    this.#shimChance = world.chanceOf(`shims of ${name}`);
    this.name = name;
    this.capacity = capacity;
    this.attributes = attributes;
    const rate = 1 + (this.#chance.next() * 2 - 1) * MAX_DRIFT;
    this.#rate = world.season === "drifts" ? 1 - MAX_DRIFT / 2 : rate;
    this.#hasVolatileFolder = this.#chance.of(VOLATILE_FOLDER);
    this.powerOn();
  }

  // Time.

  /** CLOCK_BOOTTIME in ms */
  now(): number {
    return this.#bootOffsetMs + (this.#world.timeline.nowMs - this.#bootedAtMs) * this.#rate;
  }
  /** virtual time at which the boot clock shows `bootMs` */
  when(bootMs: number): number {
    return this.#bootedAtMs + (bootMs - this.#bootOffsetMs) / this.#rate;
  }

  get isFrozen(): boolean {
    return this.#frozenUntilMs > this.#world.timeline.nowMs;
  }
  /** What timers count by: stands still while it is suspended. */
  get awakeMs(): number {
    const { nowMs } = this.#world.timeline;
    return nowMs - this.#frozenMs + Math.max(0, this.#frozenUntilMs - nowMs);
  }

  /** When it has been awake for so long. */
  after(delayMs: number, run: () => void): MachineTimer {
    let timer: Timer;
    const wait = (waitMs: number, frozenMs: number): void => {
      timer = this.#world.timeline.after(waitMs, () => {
        const { nowMs } = this.#world.timeline;
        const lateMs = Math.max(this.#frozenMs - frozenMs, this.#frozenUntilMs - nowMs);
        if (lateMs > 0) wait(lateMs, this.#frozenMs);
        else run();
      });
    };
    wait(delayMs, this.#frozenMs);
    return {
      cancel: () => {
        timer.cancelled = true;
      },
    };
  }

  /** It stands still, and its boot clock goes on. */
  suspend(forMs: number): void {
    if (!this.up || this.isFrozen || forMs <= 0) return;
    const { timeline } = this.#world;
    const { boot } = this;
    this.guard?.keepBeat();
    this.#frozenMs += forMs;
    this.#frozenUntilMs = timeline.nowMs + forMs;
    timeline.at(this.#frozenUntilMs, () => {
      if (this.boot === boot && this.up) this.#resumed();
    });
  }

  #resumed(): void {
    this.#world.trace(() => `${this.name} is resumed`);
    this.jumpedAtMs = this.#world.timeline.nowMs;
    this.#world.watch.resumed(this);
    this.guard?.arm();
    this.onResume?.();
  }

  /** CLOCK_BOOTTIME goes on from later. */
  leap(byMs: number): void {
    if (!this.up || this.isFrozen) return;
    this.guard?.keepBeat();
    this.#bootOffsetMs += byMs;
    this.jumpedAtMs = this.#world.timeline.nowMs;
    this.guard?.arm();
    this.onResume?.();
  }

  // Power.

  powerOn(): void {
    this.up = true;
    this.boot = `${this.name}-boot-${++this.#boots}`;
    this.#bootedAtMs = this.#world.timeline.nowMs;
    this.#bootOffsetMs = this.#chance.int(2_000, 60_000);
    this.jumpedAtMs = Number.NEGATIVE_INFINITY;
    this.isRunFolderFull = false;
    this.hasNoGuards = false;
    this.writeGuardFile(this.#hasVolatileFolder ? "" : this.guardFile);
  }

  /** Another machine with a copy of what is on this one's disk. */
  copyOf(): Machine {
    const copy = new Machine(
      this.#world,
      `${this.name}-copy-${this.#world.machines.length}`,
      this.capacity,
      this.attributes,
    );
    this.disk.copyTo(copy.disk);
    return copy;
  }

  /** Power is gone: nothing that ran is left, and of what was written some is not on disk. */
  crash(): void {
    const { nowMs } = this.#world.timeline;
    this.up = false;
    this.#frozenMs -= Math.max(0, this.#frozenUntilMs - nowMs);
    this.#frozenUntilMs = nowMs;
    this.loseGuard();
    for (const process of [...this.processes.values()]) this.#end(process);
    for (const key of [...this.#shims.keys()]) this.void(key);
    this.disk.losePower(this.#chance);
    const chance = this.#world.chanceOf(`output on ${this.name} in ${this.boot}`);
    for (const output of this.disk.outputs.values()) if (chance.of(TORN)) output.tear(chance.int(0, 1_000));
  }

  // The guard.

  /** @throws when its folder is full */
  writeGuardFile(text: string): void {
    if (this.isRunFolderFull) throw new Error("no space left on device");
    this.guardFile = text;
    this.guardEntries = parseDeadlines(text, this.boot);
    this.guard?.arm();
  }

  /** One that can't say so beats in vain: its agent takes it for dead. */
  get canStartGuard(): boolean {
    return !this.hasNoGuards && !this.isRunFolderFull;
  }

  startGuard(): void {
    const { boot } = this;
    this.loseGuard();
    if (!this.canStartGuard) return;
    this.after(this.#chance.int(10, MOST_GUARD_START_MS), () => {
      if (this.boot !== boot || !this.up) return;
      this.guard?.kill();
      this.guard = new SimGuard(this);
      this.#world.trace(() => `${this.name} has a guard`);
    });
  }

  /** It is dead; its agent sees that with its next look. */
  loseGuard(): void {
    if (this.guard) this.guardGoneMs = this.#world.timeline.nowMs;
    this.guard?.kill();
    this.guard = null;
  }

  stopGuard(forMs: number): void {
    const { guard } = this;
    if (!guard?.runs) return;
    this.guardGoneMs = this.#world.timeline.nowMs;
    guard.stop();
    this.after(forMs, () => guard.resume());
  }

  get isGuarded(): boolean {
    return this.guard?.runs ?? false;
  }

  /**
   * How long it may be without a guard and without an agent, which would start one: until shortly before the first
   * deadline. Of what nobody ends longer than that nothing is promised.
   */
  get bearsMs(): number {
    return this.isGuarded ? Number.POSITIVE_INFINITY : this.unguardedMs;
  }

  /** The same if it had no guard. Where none comes up, the agent itself has to begin to stop what is near its deadline. */
  get unguardedMs(): number {
    let firstMs = Number.POSITIVE_INFINITY;
    for (const key of this.processes.keys()) {
      const endMs = this.canStartGuard ? deadlineOf(this.guardEntries, key) : this.guardEntries.get(key)?.termAtMs;
      firstMs = Math.min(firstMs, endMs ?? Number.POSITIVE_INFINITY);
    }
    return this.when(firstMs) - this.#world.timeline.nowMs - BACK_BEFORE_MS;
  }

  /** Until something is to be done to a process; null: there is nothing. */
  guardDueInMs(): number | null {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const key of this.processes.keys()) {
      const entry = this.guardEntries.get(key);
      if (!entry) continue;
      dueMs = Math.min(dueMs, this.disk.marks.has(key) ? entry.killAtMs : Math.min(entry.termAtMs, entry.killAtMs));
    }
    return Number.isFinite(dueMs) ? this.when(dueMs) - this.#world.timeline.nowMs : null;
  }

  endByGuard(key: string, signal: "TERM" | "KILL"): void {
    const process = this.processes.get(key);
    if (!process || (signal === "TERM" && this.disk.marks.has(key))) return;
    this.disk.marks.add(key);
    this.#signal(process, signal);
  }

  // Attempts.

  /** Create or adopt, by key. @returns whether it runs or ran already, or the driver's complaint */
  start(attempt: Attempt, deadlineMs: number | null): "started" | "adopted" | { failed: string } {
    const { key } = attempt;
    if (this.disk.starts.has(key)) return "adopted";
    if (this.disk.isFull) return { failed: "no space left on device" };
    this.disk.starts.set(key, this.boot);
    if (
      this.#world.faulty &&
      !this.#world.mood.calm &&
      this.#chance.of(START_FAILS) &&
      this.#world.happenings.strikes("start-failed", this.name)
    ) {
      this.disk.starts.delete(key);
      return { failed: "no such user" };
    }
    const lateMs = this.#shimLateMs();
    if (lateMs === 0) this.#begin(attempt, deadlineMs);
    else
      this.#shims.set(key, { timer: this.after(lateMs, () => this.#beginLate(attempt, deadlineMs)), termAtMs: null });
    return "started";
  }

  /** How long the shell of an attempt takes to come up. */
  #shimLateMs(): number {
    const { faulty, mood, happenings } = this.#world;
    if (!faulty || mood.gentle || mood.wide || !this.#shimChance.of(SHIM_LATE)) return 0;
    const lateMs = this.#shimChance.spread(1, MOST_LATE_MS);
    return happenings.strikes("shim-late", this.name) ? lateMs : 0;
  }

  /** TERM is not for its shim. */
  #beginLate(attempt: Attempt, deadlineMs: number | null): void {
    const { termAtMs } = this.#shims.get(attempt.key) ?? {};
    this.#shims.delete(attempt.key);
    this.#begin(attempt, deadlineMs);
    const process = this.processes.get(attempt.key);
    if (process && typeof termAtMs === "number") this.#world.times.signalled(process, "TERM", termAtMs);
  }

  /** Its shim looks at the clock, then it runs. */
  #begin(attempt: Attempt, deadlineMs: number | null): void {
    const { key } = attempt;
    // An earlier version says less of it.
    const template = readTemplate(attempt.template);
    if (deadlineMs !== null && deadlineMs <= this.now()) {
      const exit = { code: null, signal: null, byGuard: true, ranMs: 0, ...noOutput() };
      this.disk.exits.set(key, exit);
      this.onExit?.(key, exit);
      return;
    }
    const process: SimProcess = {
      key,
      task: attempt.task,
      epoch: attempt.epoch,
      machine: this.name,
      host: this,
      template,
      ports: attempt.ports,
      devices: attempt.devices,
      startedBootMs: this.now(),
      ignoresTerm: this.#chance.of(0.25),
      timers: [],
      told: false,
      ended: false,
    };
    this.processes.set(key, process);
    const work = this.#world.workOf(process.task, process.epoch);
    this.disk.outputs.set(key, new ProcessOutput(this.#world, key, work.ranMs));
    this.#world.watch.processStarted(this, process);
    process.timers.push(this.after(work.ranMs, () => this.#exit(process, { code: work.code, signal: null })));
    this.guard?.arm();
  }

  /** @returns whether its shim had not begun; after that it never will */
  void(key: string): boolean {
    const shim = this.#shims.get(key);
    shim?.timer.cancel();
    if (shim) this.disk.forget(key);
    return this.#shims.delete(key);
  }

  stop(key: string, signal: "TERM" | "KILL"): void {
    const process = this.processes.get(key);
    const shim = this.#shims.get(key);
    if (shim && signal === "TERM") shim.termAtMs ??= this.#world.timeline.nowMs;
    if (process) {
      this.#world.times.signalled(process, signal, this.#world.timeline.nowMs);
      process.told = true;
      this.#signal(process, signal);
    } else if (signal === "KILL" && this.void(key)) {
      this.disk.starts.set(key, this.boot);
      this.onExit?.(key, { code: null, signal: "SIGKILL", vanished: true, ...noOutput() });
    }
  }

  #signal(process: SimProcess, signal: "TERM" | "KILL"): void {
    if (signal === "KILL") this.#exit(process, { code: null, signal: "SIGKILL" });
    else if (!process.ignoresTerm) {
      const diesIn = this.#chance.int(0, 2_000);
      process.timers.push(this.after(diesIn, () => this.#exit(process, { code: null, signal: "SIGTERM" })));
    }
  }

  /** Somebody kills it. @param withShim which would have written down how it ended */
  kill(process: SimProcess, withShim: boolean): void {
    process.told = true;
    this.#exit(process, { code: null, signal: "SIGKILL", ...(withShim && { vanished: true }) });
  }

  /** Ends and removes all that is not named, as an agent does that has lost its journal. */
  sweep(known: ReadonlySet<string>): void {
    for (const key of [...this.disk.starts.keys()]) {
      if (known.has(key)) continue;
      const process = this.processes.get(key);
      this.void(key);
      if (process) this.kill(process, true);
      this.disk.forget(key);
    }
  }

  free(): Resources {
    let used: Resources = {};
    for (const process of this.processes.values()) used = add(used, process.template.resources);
    return add(this.capacity, used, -1);
  }

  #exit(process: SimProcess, how: Pick<Exit, "code" | "signal" | "vanished">): void {
    if (process.ended) return;
    const { key } = process;
    const byGuard = this.disk.marks.has(key);
    const exit: Exit = {
      ...how,
      ...(byGuard && { byGuard }),
      ranMs: Math.round(this.now() - process.startedBootMs),
      ...(this.disk.outputs.get(key)?.end() ?? noOutput()),
    };
    const isLost = this.disk.isFull && this.#chance.of(EXIT_LOST);
    if (!how.vanished && !isLost) this.disk.exits.set(key, exit);
    this.#end(process, exit);
    this.onExit?.(key, isLost ? { ...exit, code: null, signal: null, vanished: true } : exit);
  }

  #end(process: SimProcess, exit?: Exit): void {
    process.ended = true;
    this.disk.outputs.get(process.key)?.end();
    for (const timer of process.timers) timer.cancel();
    this.processes.delete(process.key);
    this.#world.watch.processEnded(this, process, exit);
  }
}

/** Clocks of machines run up to 1 % apart. */
const MAX_DRIFT = 0.01;
/** Of an output, when power is lost. */
const TORN = 0.3;
const START_FAILS = 0.02;
/** Machines that have a file system in memory. */
const VOLATILE_FOLDER = 0.8;
const SHIM_LATE = 0.02;
const MOST_LATE_MS = 3_000;
/** Ends that a full disk does not take. */
const EXIT_LOST = 0.3;
export const MOST_GUARD_START_MS = 150;
/** An agent or a guard is not taken away when nobody else would be in time for a deadline. */
export const SPARED_MS = 500;
/** An agent that comes back, the guard that it starts, and that one's first round. */
const BACK_BEFORE_MS = 1_500;
