/**
 * A node's machine: a boot clock that drifts, a disk, processes that live on when the agent dies and die with the
 * machine, and the guard, which ends every process by the deadline in its file whatever became of the agent.
 */

import { noOutput } from "../../../agent/core/reply.ts";
import type { Attempt, Deadline, Exit, JournalRecord } from "../../../agent/core/types.ts";
import { add, type Resources } from "../../../src/model/resources.ts";
import type { Chance } from "./random.ts";
import type { Timer } from "./timeline.ts";
import type { World } from "./world.ts";

export interface SimProcess {
  readonly key: string;
  readonly task: string;
  readonly epoch: number;
  readonly machine: string;
  readonly template: Attempt["template"];
  readonly ports: readonly number[];
  readonly startedBootMs: number;
  readonly ignoresTerm: boolean;
  timers: Timer[];
  guardTimers: Timer[];
  /** somebody sent it a signal */
  told: boolean;
  ended: boolean;
}

/** What outlives a reboot. Records are synced one batch at a time, so a crash tears at most the batch in hand. */
interface Disk {
  journal: JournalRecord[];
  /** attempts whose start was begun, with the boot it was in */
  starts: Map<string, string>;
  exits: Map<string, Exit>;
}

export class Machine {
  readonly name: string;
  capacity: Resources;
  attributes: Readonly<Record<string, string>>;
  readonly disk: Disk = { journal: [], starts: new Map(), exits: new Map() };
  readonly processes = new Map<string, SimProcess>();
  boot = "";
  up = true;
  /** does not outlive the boot */
  guardFile = new Map<string, Deadline>();
  /** told when a process ends; the agent that watches */
  onExit: ((key: string, exit: Exit) => void) | null = null;

  readonly #world: World;
  readonly #chance: Chance;
  #rate = 1;
  #bootedAtMs = 0;
  #bootOffsetMs = 0;
  #boots = 0;

  constructor(world: World, name: string, capacity: Resources, attributes: Readonly<Record<string, string>>) {
    this.#world = world;
    this.#chance = world.chanceOf(`machine ${name}`);
    this.name = name;
    this.capacity = capacity;
    this.attributes = attributes;
    this.#rate = 1 + (this.#chance.next() * 2 - 1) * MAX_DRIFT;
    this.powerOn();
  }

  /** CLOCK_BOOTTIME in ms */
  now(): number {
    return this.#bootOffsetMs + (this.#world.timeline.nowMs - this.#bootedAtMs) * this.#rate;
  }
  /** virtual time at which the boot clock shows `bootMs` */
  when(bootMs: number): number {
    return this.#bootedAtMs + (bootMs - this.#bootOffsetMs) / this.#rate;
  }

  powerOn(): void {
    this.up = true;
    this.boot = `${this.name}-boot-${++this.#boots}`;
    this.#bootedAtMs = this.#world.timeline.nowMs;
    this.#bootOffsetMs = this.#chance.int(2_000, 60_000);
    this.guardFile = new Map();
  }

  /** Another machine with a copy of what is on this one's disk. */
  copyOf(): Machine {
    const copy = new Machine(
      this.#world,
      `${this.name}-copy-${this.#world.machines.length}`,
      this.capacity,
      this.attributes,
    );
    copy.disk.journal.push(...this.disk.journal);
    for (const [key, boot] of this.disk.starts) copy.disk.starts.set(key, boot);
    for (const [key, exit] of this.disk.exits) copy.disk.exits.set(key, exit);
    return copy;
  }

  wipe(): void {
    this.disk.journal = [];
    this.disk.starts.clear();
    this.disk.exits.clear();
  }

  /** Power is gone: nothing that ran is left, and of what ended just now some is not on disk. */
  crash(): void {
    this.up = false;
    for (const process of [...this.processes.values()]) this.#end(process);
    for (const key of this.disk.exits.keys()) if (this.#chance.of(0.3)) this.disk.exits.delete(key);
  }

  /** Create or adopt, by key. @returns null when it runs or ran, or the driver's complaint */
  start(attempt: Attempt): "started" | "adopted" | { failed: string } {
    const { key, template } = attempt;
    if (this.disk.starts.has(key)) return "adopted";
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
    const deadlineMs = this.guardFile.get(key)?.deadlineMs ?? null;
    if (deadlineMs !== null && deadlineMs <= this.now()) {
      // The agent was stopped on its way here. What the design allows it, one tick of the guard, is no time in this world.
      this.disk.exits.set(key, { code: null, signal: "SIGKILL", byGuard: true, ranMs: 0, ...noOutput() });
      return "started";
    }
    const process: SimProcess = {
      key,
      task: attempt.task,
      epoch: attempt.epoch,
      machine: this.name,
      template,
      ports: attempt.ports,
      startedBootMs: this.now(),
      ignoresTerm: this.#chance.of(0.25),
      timers: [],
      guardTimers: [],
      told: false,
      ended: false,
    };
    this.processes.set(key, process);
    this.#world.watch.processStarted(this, process, this.guardFile.get(key));
    this.#schedule(process);
    this.#guard(process);
    return "started";
  }

  #schedule(process: SimProcess): void {
    const work = this.#world.workOf(process.task, process.epoch);
    process.timers.push(
      this.#world.timeline.after(work.ranMs, () => this.#exit(process, { code: work.code, signal: null })),
    );
  }

  stop(key: string, signal: "TERM" | "KILL"): void {
    const process = this.processes.get(key);
    if (!process) return;
    process.told = true;
    if (signal === "KILL") {
      this.#exit(process, { code: null, signal: "SIGKILL" });
      return;
    }
    if (process.ignoresTerm) return;
    const diesIn = this.#chance.int(0, 2_000);
    process.timers.push(
      this.#world.timeline.after(diesIn, () => this.#exit(process, { code: null, signal: "SIGTERM" })),
    );
  }

  setDeadlines(deadlines: readonly Deadline[]): void {
    this.guardFile = new Map(deadlines.map((deadline) => [deadline.key, deadline]));
    for (const process of this.processes.values()) this.#guard(process);
  }

  /** What is left of an attempt is removed. */
  forget(key: string): void {
    this.disk.exits.delete(key);
    this.disk.starts.delete(key);
  }

  free(): Resources {
    let used: Resources = {};
    for (const process of this.processes.values()) used = add(used, process.template.resources);
    return add(this.capacity, used, -1);
  }

  #guard(process: SimProcess): void {
    for (const timer of process.guardTimers) timer.cancelled = true;
    process.guardTimers = [];
    const deadline = this.guardFile.get(process.key);
    if (!deadline || deadline.deadlineMs === null) return;
    const byGuard = { byGuard: true };
    if (deadline.deadlineMs <= this.now()) {
      this.#exit(process, { code: null, signal: "SIGKILL", ...byGuard });
      return;
    }
    process.guardTimers.push(
      this.#world.timeline.at(this.when(deadline.deadlineMs), () =>
        this.#exit(process, { code: null, signal: "SIGKILL", ...byGuard }),
      ),
    );
    if (deadline.termAtMs !== null && !process.ignoresTerm) {
      process.guardTimers.push(
        this.#world.timeline.at(this.when(deadline.termAtMs) + this.#chance.int(0, 2_000), () =>
          this.#exit(process, { code: null, signal: "SIGTERM", ...byGuard }),
        ),
      );
    }
  }

  #exit(process: SimProcess, how: Pick<Exit, "code" | "signal" | "byGuard">): void {
    if (process.ended) return;
    const exit: Exit = { ...how, ranMs: Math.round(this.now() - process.startedBootMs), ...noOutput() };
    this.disk.exits.set(process.key, exit);
    this.#end(process, exit);
    this.onExit?.(process.key, exit);
  }

  #end(process: SimProcess, exit?: Exit): void {
    process.ended = true;
    for (const timer of [...process.timers, ...process.guardTimers]) timer.cancelled = true;
    this.processes.delete(process.key);
    this.#world.watch.processEnded(this, process, exit);
  }
}

/** Clocks of machines run up to 1 % apart. */
const MAX_DRIFT = 0.01;
const START_FAILS = 0.02;
