/**
 * The rounds of a league: each decides greedily at once; when jobs contend, an alarm soon after has the optimiser make
 * a plan, which the rounds after it follow where there is a choice. Keeps what the last round saw, to explain it.
 */

import { isTerminal } from "../model/states.ts";
import type { ExplainView, JobView, RoundView } from "../model/views.ts";
import type { WaitReason } from "../protocol/levels.ts";
import type { LpSolver } from "../scheduling/assign/lp.ts";
import { explain } from "../scheduling/explain/explain.ts";
import { reasonOf, type Told } from "../scheduling/explain/reason.ts";
import type { Waiting } from "../scheduling/explain/waiting.ts";
import type { RoundInput, RoundResult } from "../scheduling/input.ts";
import { type Draft, draftOf } from "../scheduling/planning/draft.ts";
import { boundOf, isWorthwhile, type Optimised, optimise, problemKey } from "../scheduling/planning/optimise.ts";
import { type WhatIf, withWhatIf } from "../scheduling/planning/whatIf.ts";
import { round } from "../scheduling/round.ts";
import { starvedJobs } from "../scheduling/starving.ts";
import type { Fleet } from "./fleet.ts";
import type { Frameworks } from "./frameworks.ts";
import { Gauges } from "./gauges.ts";
import type { Ledger } from "./ledger.ts";
import type { Shares } from "./shares.ts";
import { type GrantState, isApplied, type JobMemory, remainingOf, roundJob, sumOf, unitOf } from "./state.ts";

/** More submissions may come together; one plan serves them all. */
const OPTIMISE_AFTER_MS = 50;
/** A decision is made anew after so long, should nothing else ask for it. */
const STANDS_MS = 1_000;
/** A plan stays good for a while: what ends is replaced by its like. */
const OPTIMISE_EVERY_MS = 2_000;

export class Rounds {
  readonly #fleet: Fleet;
  readonly #shares: Shares;
  readonly #frameworks: Pick<Frameworks, "inputs" | "chargedByRole">;
  readonly #solver: LpSolver | null;
  readonly #gauges: Gauges;
  #last: { input: RoundInput; result: RoundResult } | null = null;
  #optimised: Optimised | null = null;
  /** of the league that the plan was made for */
  #plannedFor: string | null = null;
  #dueAt: number | null = null;
  #optimisedAt = Number.NEGATIVE_INFINITY;
  #isFresh = false;
  /** nobody waits for what others have to give back */
  #isSettled = false;
  #decidedAt = Number.NEGATIVE_INFINITY;
  #rounds = 0;
  #optimisations = 0;

  constructor(
    fleet: Fleet,
    shares: Shares,
    frameworks: Pick<Frameworks, "inputs" | "chargedByRole">,
    ledger: Ledger,
    solver: LpSolver | null,
    now: number,
  ) {
    this.#frameworks = frameworks;
    this.#fleet = fleet;
    this.#shares = shares;
    this.#solver = solver;
    this.#gauges = new Gauges(ledger, fleet.total(), now);
  }

  /** @param jobs that are not over, oldest first */
  decide(jobs: readonly JobMemory[], now: number): RoundResult {
    this.#shares.accrue(jobs, this.#frameworks.chargedByRole(), now);
    const input = this.#inputOf(jobs, now);
    return this.#decided(input, round(input), now);
  }

  /** What rounds over these jobs would decide, with the plan of the optimiser that would follow. Nothing is kept. */
  draft(jobs: readonly JobMemory[], now: number, whatIf: WhatIf | null = null): Draft {
    const input = this.#inputOf(jobs, now);
    const known = { optimised: this.#optimised, plannedFor: this.#plannedFor };
    return draftOf(whatIf === null ? input : withWhatIf(input, whatIf), known, this.#solver);
  }

  /** The draft is the round of this turn. @param jobs that it was made of */
  adopt({ input, result, optimised, isAnew }: Draft, jobs: readonly JobMemory[], now: number): RoundResult {
    this.#shares.accrue(jobs, this.#frameworks.chargedByRole(), now);
    if (isAnew) this.#follow(optimised, input, now);
    return this.#decided(input, result, now);
  }

  #decided(input: RoundInput, result: RoundResult, now: number): RoundResult {
    this.#rounds += 1;
    this.#gauges.pass(this.#fleet.total(), now);
    this.#last = { input, result };
    this.#isFresh = true;
    this.#isSettled =
      result.contended && input.jobs.every(({ id }) => total(result.limits, id) >= total(result.entitled, id));
    this.#decidedAt = now;
    this.#schedule(input, result, now);
    return result;
  }

  /**
   * The last decision, if it stands although tasks of the job have ended: it goes on with as many, and nobody waits for
   * the room. Past use and what else drifts has its turn within a second.
   */
  standing(job: JobMemory, now: number): RoundResult | null {
    const sinceMs = now - this.#decidedAt;
    if (!this.#isSettled || this.#last === null || sinceMs < 0 || sinceMs >= STANDS_MS) return null;
    const { result } = this.#last;
    return remainingOf(job) >= unitOf(job) * total(result.entitled, job.id) ? result : null;
  }

  #inputOf(jobs: readonly JobMemory[], now?: number): RoundInput {
    return {
      partitions: this.#fleet.partitions(),
      jobs: jobs.map(roundJob),
      frameworks: this.#frameworks.inputs(),
      roles: this.#shares.policies,
      history: this.#shares.history(now),
      plan: this.#optimised?.plan ?? null,
      objective: this.#shares.settings.objective,
    };
  }

  #schedule(input: RoundInput, result: RoundResult, now: number): void {
    if (!result.contended || !isWorthwhile(input)) {
      this.#optimised = null;
      this.#plannedFor = null;
      this.#dueAt = null;
      return;
    }
    if (this.#dueAt !== null || problemKey(input) === this.#plannedFor) return;
    this.#dueAt = Math.max(now + OPTIMISE_AFTER_MS, this.#optimisedAt + OPTIMISE_EVERY_MS);
  }

  /** When the optimiser is to run; null: not now. A clock that jumped back delays it no longer than its period. */
  dueAt(now: number): number | null {
    return this.#dueAt === null ? null : Math.min(this.#dueAt, now + OPTIMISE_EVERY_MS);
  }

  /** Makes a plan if one is due. @returns whether there is a new one: another round follows it */
  optimise(now: number): boolean {
    const dueAt = this.dueAt(now);
    if (dueAt === null || now < dueAt || this.#last === null) return false;
    const { input, result } = this.#last;
    this.#follow(optimise(input, result, this.#solver, this.#optimised?.warm ?? null), input, now);
    return true;
  }

  /** Rounds follow the plan from now on. @param input that it was made for */
  #follow(optimised: Optimised | null, input: RoundInput, now: number): void {
    this.#dueAt = null;
    this.#optimisedAt = now;
    this.#optimisations += 1;
    this.#plannedFor = problemKey(input);
    this.#optimised = optimised;
  }

  /** How good the last round is, against a bound that no assignment can pass. */
  view(): RoundView | null {
    if (this.#last === null) return null;
    const { input, result } = this.#last;
    const { value, bound } = boundOf(input, result, this.#optimised?.warm ?? null);
    return {
      method: this.#optimised?.method ?? "greedy",
      objective: input.objective,
      value,
      bound,
      gapPct: bound > 0 ? (100 * (bound - value)) / bound : 0,
      jobs: input.jobs.length,
      partitions: input.partitions.length,
      contended: result.contended,
      ...this.#gauges.view(),
    };
  }

  /** The last round, once: for those who watch. */
  takeDecided(): RoundView | null {
    if (!this.#isFresh) return null;
    this.#isFresh = false;
    return this.view();
  }

  get graceMs(): number {
    return this.#shares.settings.graceMs;
  }
  get result(): RoundResult | null {
    return this.#last?.result ?? null;
  }

  // Why jobs wait.

  /** @param restoredMs for how long what a restored Broker does not know holds it; 0: nothing does */
  #waitingOf(job: JobMemory, restoredMs: number, now: number): Waiting {
    const last = this.#last ?? this.#sight([job]);
    const isKnown = last.input.jobs.some(({ id }) => id === job.id);
    const { input, result } = isKnown ? last : this.#sight([job]);
    const seen = input.jobs.find(({ id }) => id === job.id) ?? roundJob(job);
    const claimedAt = Math.min(...[...job.grants.values()].map((grant) => grant.claimedAt ?? Number.POSITIVE_INFINITY));
    const waiting = {
      input,
      result,
      job: seen,
      texts: job.template.constraints,
      held: heldFor(job),
      drained: this.#fleet.drained(),
      ...(Number.isFinite(claimedAt) && { graceLeftMs: claimedAt + this.#shares.settings.graceMs - now }),
      ...(job.takenBack !== null && { takenBack: job.takenBack }),
    };
    if (restoredMs > 0) return { ...waiting, local: "holding", silenceLeftMs: restoredMs };
    return { ...waiting, local: localReason(job), silenceLeftMs: silenceLeftMs(job, now) };
  }

  #sight(jobs: readonly JobMemory[]): { input: RoundInput; result: RoundResult } {
    const input = this.#inputOf(jobs);
    return { input, result: round(input) };
  }

  why(job: JobMemory, restoredMs: number, now: number): Told {
    return reasonOf(this.#waitingOf(job, restoredMs, now));
  }

  explain(job: JobMemory, view: JobView, restoredMs: number, now: number): ExplainView {
    const waiting = this.#waitingOf(job, restoredMs, now);
    const isSilent = waiting.local === "holding" || waiting.local === "mass-silence";
    if (isTerminal(job.state) || (view.counts.waiting === 0 && !isSilent)) {
      const sentence = `It does not wait: ${view.state}.`;
      return {
        job: job.id,
        state: view.state,
        reason: null,
        sentence,
        funnel: [],
        fix: null,
        position: null,
        estimateMs: null,
      };
    }
    const { reason, sentence, funnel, fix, position, estimateMs } = explain(waiting);
    return {
      job: job.id,
      state: view.state,
      reason,
      sentence,
      funnel: funnel.map(({ clause, nodes }) => ({ clause, nodes })),
      fix: fix && { text: fix.text, change: fix.command, startsNow: fix.startsNow },
      position,
      estimateMs,
    };
  }

  /** R, T, U of the design, the gap, and what must be none. */
  figures(now: number): Record<string, number> {
    this.#gauges.pass(this.#fleet.total(), now);
    const decided = this.view();
    return {
      rounds_total: this.#rounds,
      optimisations_total: this.#optimisations,
      round_gap_pct: decided?.gapPct ?? 0,
      round_value: decided?.value ?? 0,
      round_bound: decided?.bound ?? 0,
      round_contended: decided?.contended ? 1 : 0,
      starved_jobs: this.#last === null ? 0 : starvedJobs(this.#last.input, this.#last.result).length,
      ...this.#gauges.figures(),
    };
  }
}

const total = (limits: RoundResult["limits"], id: string): number =>
  [...(limits.get(id)?.values() ?? [])].reduce((a, b) => a + b, 0);

function heldFor({ template: { gang }, grants }: JobMemory): Waiting["held"] {
  if (gang === null) return null;
  const places = Math.max(0, ...[...grants.values()].map(({ reported }) => reported?.held ?? 0));
  return places === 0 ? null : { places, holdMs: gang.holdMs };
}

function localReason(job: JobMemory): WaitReason | "granting" | null {
  for (const grant of job.grants.values()) {
    const reason = reasonIn(grant);
    if (reason !== null) return reason;
  }
  return null;
}

/** Until the last of it is handed out again, ms; null: nobody knows. */
function silenceLeftMs(job: JobMemory, now: number): number | null {
  const times = [...job.grants.values()].flatMap(({ reported }) => reported?.silentUntil ?? []);
  return times.length === 0 ? null : Math.max(0, Math.max(...times) - now);
}

const reasonIn = (grant: GrantState): WaitReason | "granting" | null =>
  isApplied(grant) || sumOf(grant.limits) === 0 ? (grant.reported?.reason ?? null) : "granting";
