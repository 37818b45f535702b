/** What an attempt may run at most, is left to end by itself, and how often it is tried. */
import type { Deadline, Exit } from "../../../agent/core/types.ts";
import { deadlineOf } from "../../../agent/host/guard/deadlines.ts";
import { GUARD_MARGIN_MS } from "../../../src/model/stopping.ts";
import type { SimProcess } from "../world/machine.ts";
import type { World } from "../world/world.ts";
import { launchedAs } from "./launches.ts";

/** The agent's ticks, a signal's time. */
const SLACK_MS = 5_000;
const ROUNDING_MS = 2;
/** A grace is cut so long before the deadline, by a clock that drifts. */
const CUT_MS = GUARD_MARGIN_MS + 500;

export class Times {
  readonly #world: World;
  readonly #terms = new Map<SimProcess, number>();
  /** by task */
  readonly #failures = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** TERM comes the grace before KILL. */
  signalled(process: SimProcess, signal: "TERM" | "KILL", nowMs: number): void {
    const termAtMs = this.#terms.get(process);
    if (signal === "TERM" && termAtMs === undefined) this.#terms.set(process, nowMs);
    if (signal === "TERM" || launchedAs(process) !== null || this.#mayBeUnknown(process)) return;
    const { stopGraceMs } = process.template;
    this.#world.checks.hold(
      "grace-given",
      termAtMs !== undefined && (nowMs - termAtMs >= stopGraceMs - ROUNDING_MS || this.#isCut(process)),
      () => `${process.key} is killed ${nowMs - (termAtMs ?? nowMs)} ms after TERM, its grace is ${stopGraceMs} ms`,
    );
  }

  /** The grace of a TERM that came late, since its agent was away when it was due, ends before the deadline. */
  #isCut(process: SimProcess): boolean {
    const { host, key, startedBootMs, template } = process;
    const deadlineMs = deadlineOf(host.guardEntries, key) ?? Number.POSITIVE_INFINITY;
    const isStartedLate = startedBootMs > deadlineMs - CUT_MS - template.stopGraceMs;
    return (this.#wasAway(process) || isStartedLate) && host.now() >= deadlineMs - CUT_MS;
  }

  /** What is unknown to its cluster gets the grace that most have. */
  #mayBeUnknown({ host }: SimProcess): boolean {
    return this.#world.clusterOfMachine(host).rebuilds > 0 || this.#world.hasCopy(host);
  }

  /** Only an agent that was there since the start, and did not wait for its disk, does in time what is to be done. */
  #wasAway({ host, startedBootMs }: SimProcess): boolean {
    const agent = this.#world.agents.find(({ machine, runs }) => runs && machine === host);
    if (agent === undefined || host.disk.wasSlow) return true;
    return agent.runsSinceMs > host.when(startedBootMs) + ROUNDING_MS;
  }

  deadline({ template, key }: SimProcess, { deadlineMs, termAtMs }: Deadline): void {
    if (deadlineMs === null) return;
    this.#world.checks.hold(
      "grace-given",
      termAtMs !== null && deadlineMs - termAtMs >= template.stopGraceMs,
      () => `${key} has its TERM at ${termAtMs} and its deadline at ${deadlineMs}`,
    );
  }

  ended(process: SimProcess, exit: Exit | undefined): void {
    this.#terms.delete(process);
    if (!exit) return;
    const { key, task, template } = process;
    const { checks } = this.#world;
    const { timeoutMs, stopGraceMs, retryMax } = template;
    const { ranMs = 0 } = exit;
    if (timeoutMs !== null && !this.#wasAway(process))
      checks.hold(
        "timeouts-kept",
        ranMs <= timeoutMs + stopGraceMs + SLACK_MS,
        () => `${key} ran for ${ranMs} ms, its timeout is ${timeoutMs} ms`,
      );
    // What was done and not heard of is done again, and that is no retry.
    if (!this.#world.mood.gentle || !this.#world.isAtMostOne(task) || process.told || !exit.code) return;
    const failures = (this.#failures.get(task) ?? 0) + 1;
    this.#failures.set(task, failures);
    checks.hold(
      "retries-kept",
      failures <= retryMax + 1,
      () => `${key} fails, the ${failures}th of its task, and it may be tried again ${retryMax} times`,
    );
  }
}
