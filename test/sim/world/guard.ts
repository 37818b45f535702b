/**
 * The guard of a machine, a process of its own: what agent/host/guard/script.ts is in shell, a round a second over the
 * deadlines file. Rounds in which nothing is due are not played.
 */
import type { Deadline } from "../../../agent/core/types.ts";
import { type Beat, isFresh, mayStartAnother } from "../../../agent/host/guard/beat.ts";
import {
  deadlinesText,
  type Entries,
  entriesOf,
  mustWrite,
  parseDeadlines,
} from "../../../agent/host/guard/deadlines.ts";
import type { Machine, MachineTimer } from "./machine.ts";

/** A `sleep 1` and what a round itself takes. */
export const ROUND_MS = 1_100;
/** Rounds without anything to watch over and without an agent after which it ends. */
const IDLE_ROUNDS = 60;
/** A clock in 1/100 s, as the shell reads it. */
const HUNDREDTH_MS = 10;
const VERSION = "sim";
const PID = 1;

export class SimGuard {
  readonly #machine: Machine;
  /** awake time from which its rounds are counted */
  #roundsFromMs: number;
  #playedMs = Number.NEGATIVE_INFINITY;
  #timer: MachineTimer | null = null;
  #isStopped = false;
  #isOver = false;
  /** the last one from before its rounds stood still or the clock leapt */
  #oldBeatMs: number;
  #oldUntilMs: number;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#roundsFromMs = machine.awakeMs;
    this.#oldBeatMs = machine.now();
    this.#oldUntilMs = machine.awakeMs;
    this.#round();
  }

  get runs(): boolean {
    return !this.#isStopped;
  }

  get beat(): Beat {
    const { awakeMs } = this.#machine;
    const sinceMs = (awakeMs - this.#roundsFromMs) % ROUND_MS;
    const isOld = this.#isStopped || awakeMs - sinceMs < this.#oldUntilMs;
    return { pid: PID, atMs: isOld ? this.#oldBeatMs : this.#machine.now() - sinceMs, version: VERSION };
  }

  /** Before time is no more what it was: the beats until now stand. */
  keepBeat(): void {
    this.#oldBeatMs = this.beat.atMs;
    this.#oldUntilMs = this.#machine.awakeMs;
  }

  /** SIGSTOP */
  stop(): void {
    this.keepBeat();
    this.#isStopped = true;
    this.#timer?.cancel();
  }
  /** SIGCONT: the second that it was waiting is long over. */
  resume(): void {
    if (!this.#isStopped || this.#isOver) return;
    this.#isStopped = false;
    this.#roundsFromMs = this.#machine.awakeMs;
    this.#oldUntilMs = this.#machine.awakeMs;
    this.#round();
  }

  kill(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  /** The file, a process or a clock is another. */
  arm(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#isStopped || this.#isOver) return;
    const dueInMs = this.#machine.guardDueInMs();
    if (dueInMs === null) return;
    const dueMs = Math.max(this.#machine.awakeMs + Math.max(0, dueInMs), this.#playedMs + 1);
    const nextMs = this.#roundsFromMs + Math.ceil((dueMs - this.#roundsFromMs) / ROUND_MS) * ROUND_MS;
    this.#timer = this.#machine.after(nextMs - this.#machine.awakeMs, () => this.#round());
  }

  #round(): void {
    this.#playedMs = this.#machine.awakeMs;
    const nowMs = Math.floor(this.#machine.now() / HUNDREDTH_MS) * HUNDREDTH_MS;
    for (const [key, { termAtMs, killAtMs }] of this.#machine.guardEntries) {
      if (nowMs >= killAtMs) this.#machine.endByGuard(key, "KILL");
      else if (nowMs >= termAtMs) this.#machine.endByGuard(key, "TERM");
    }
    this.arm();
  }

  /** Whether it has ended by itself, its agent being away since `agentGoneMs` (awake time). */
  hasEnded(agentGoneMs: number): boolean {
    const { awakeMs, guardEntries, processes } = this.#machine;
    const idleMs = IDLE_ROUNDS * ROUND_MS;
    if (this.#isStopped || awakeMs - Math.max(agentGoneMs, this.#roundsFromMs) < idleMs) return false;
    const idleFromMs = this.#machine.now() - idleMs;
    return [...guardEntries].every(([key, { killAtMs }]) => killAtMs <= idleFromMs && !processes.has(key));
  }
}

/** The agent's side of it: what agent/host/guard/guard.ts is, over a simulated machine. */
export class GuardKeeper {
  readonly #machine: Machine;
  #stored: Entries;
  #startedAtMs = Number.NEGATIVE_INFINITY;

  /** @throws when the file can't be written */
  constructor(machine: Machine) {
    this.#machine = machine;
    this.#stored = parseDeadlines(machine.guardFile, machine.boot);
    this.#write(this.#stored);
  }

  get entries(): Entries {
    return this.#stored;
  }

  /** @throws when it can't be written */
  setDeadlines(deadlines: readonly Deadline[]): void {
    if (mustWrite(this.#stored, deadlines)) this.#write(entriesOf(deadlines));
  }

  #write(entries: Entries): void {
    const { boot } = this.#machine;
    this.#machine.writeGuardFile(deadlinesText({ pid: PID, seenMs: this.#machine.now(), boot }, entries));
    this.#stored = entries;
  }

  /** @returns whether one is seen alive now; starts one if not */
  check(): boolean {
    const nowMs = this.#machine.now();
    if (this.#lives(nowMs)) return true;
    if (mayStartAnother(this.#startedAtMs, nowMs)) {
      this.#startedAtMs = nowMs;
      this.#machine.startGuard();
    }
    return false;
  }

  #lives(nowMs: number): boolean {
    const { guard } = this.#machine;
    return guard !== null && isFresh(guard.beat, VERSION, nowMs);
  }

  /** The agent goes for good. */
  leave(): void {
    if (!this.#lives(this.#machine.now())) this.#machine.startGuard();
  }
}
