/** Plans: what would be decided now, told and not kept; and whether a submission still gets what its plan told. */
import { type Decision, tokenOf } from "../model/decision.ts";
import type { Template } from "../model/job.ts";
import type { WhatIfRequest } from "../model/planRequest.ts";
import type { PlannedJob, PlanView } from "../model/planView.ts";
import { Problem } from "../model/problems.ts";
import { changesBetween, decisionOf } from "../scheduling/planning/decided.ts";
import type { Draft } from "../scheduling/planning/draft.ts";
import { forecastOf } from "../scheduling/planning/forecast.ts";
import { boundOf } from "../scheduling/planning/optimise.ts";
import { preemptedFor } from "../scheduling/planning/preempted.ts";
import type { WhatIf } from "../scheduling/planning/whatIf.ts";
import type { JobBook } from "./book.ts";
import type { Fleet } from "./fleet.ts";
import type { Restored } from "./restored.ts";
import type { Rounds } from "./rounds.ts";
import { borrowsOf, type JobMemory, jobMemory, remainingOf, roundJob, sumOf, unitOf } from "./state.ts";
import type { BrokerStore } from "./store.ts";
import { resolved } from "./whatIf.ts";

/** Among so many of the newest jobs one that is alike is looked for, to learn how long its tasks ran. */
const ALIKE_AMONG = 100;

export class Plans {
  readonly #book: JobBook;
  readonly #fleet: Fleet;
  readonly #rounds: Rounds;
  readonly #restored: Restored;
  readonly #store: BrokerStore;

  constructor(book: JobBook, fleet: Fleet, rounds: Rounds, restored: Restored, store: BrokerStore) {
    this.#book = book;
    this.#fleet = fleet;
    this.#rounds = rounds;
    this.#restored = restored;
    this.#store = store;
  }

  /** @param job as it would be submitted; null: only what the others would have */
  view(job: JobMemory | null, request: WhatIfRequest | null, now: number): PlanView {
    const whatIf = request && resolved(request, job, this.#fleet);
    const jobs = this.#book.live();
    const draft = this.#rounds.draft(job === null ? jobs : [...jobs, job], now, whatIf);
    const others = this.#othersOf(draft, jobs);
    return {
      job: job && this.#jobOf(draft, job),
      others: job === null ? others : others.filter(({ before, after }) => after < before),
      round: roundOf(draft),
      whatIf: whatIf && toldWhatIf(whatIf),
      token: job === null || whatIf !== null ? null : tokenOf(this.#decisionOf(draft, job)),
    };
  }

  /**
   * The draft of a round in which the job gets just what was told of it.
   * @throws Problem `plan-changed` with the token of what it would get now
   */
  kept(job: JobMemory, told: Decision, now: number): Draft {
    const draft = this.#rounds.draft([...this.#book.live(), job], now);
    const decision = this.#decisionOf(draft, job);
    const changes = changesBetween(told, decision);
    if (changes.length === 0) return draft;
    throw new Problem("plan-changed", `it would not go as it was planned: ${changes.join("; ")}`, {
      data: { plan: tokenOf(decision) },
    });
  }

  /** What starts: nothing, as long as it may be a copy of what ran before a restore. */
  #decisionOf(draft: Draft, job: JobMemory): Decision {
    const decision = decisionOf(draft, roundJob(job), job.digest);
    return this.#restored.holds(job) ? { ...decision, places: [] } : decision;
  }

  #jobOf(draft: Draft, job: JobMemory): PlannedJob {
    const { template } = job;
    const seen = roundJob(job);
    const { places } = this.#decisionOf(draft, job);
    const startsNow = places.reduce((n, { tasks }) => n + tasks, 0);
    const limits = Object.fromEntries(places.map(({ partition, tasks }) => [partition, { limit: tasks }]));
    const { why, doneMs } = forecastOf(
      draft,
      seen,
      { texts: template.constraints, drained: this.#fleet.drained(), graceLeftMs: this.#rounds.graceMs },
      this.#meanRunMs(template),
      this.#restored.holdsForMs(job),
    );
    return {
      name: template.name,
      role: template.role,
      count: job.count,
      startsNow,
      waits: job.count - startsNow,
      places: places.map(({ partition, tasks }) => ({ partition, tasks, nodes: null, withoutNode: null })),
      borrows: borrowsOf(job, limits, (key) => this.#fleet.ownerOf(key)),
      preempts: preemptedFor(seen, draft.input, draft.result),
      why: why && {
        reason: why.reason,
        sentence: why.sentence,
        funnel: why.funnel.map(({ clause, nodes }) => ({ clause, nodes })),
        fix: why.fix && { text: why.fix.text, change: why.fix.command, startsNow: why.fix.startsNow },
        position: why.position,
      },
      nextStartMs: why?.estimateMs ?? null,
      doneMs,
    };
  }

  /** Of the newest job that does the same and was let run, if a task of it has ended. */
  #meanRunMs({ name, command }: Template): number | null {
    const wanted = JSON.stringify(command);
    for (const row of this.#store.jobs({ prefix: "", state: null, after: null, limit: ALIKE_AMONG })) {
      if (row.state === "cancelled" || row.state === "cancelling") continue;
      if (row.template.name !== name || JSON.stringify(row.template.command) !== wanted) continue;
      const { meanRunMs } = roundJob(this.#book.get(row.id) ?? jobMemory(row, this.#store.grantsOf(row.id)));
      if (meanRunMs !== null) return meanRunMs;
    }
    return null;
  }

  #othersOf({ result }: Draft, jobs: readonly JobMemory[]): PlanView["others"] {
    return jobs
      .filter(({ state }) => state !== "cancelling")
      .map((job) => {
        const most = (tasks: number) => Math.min(tasks, remainingOf(job));
        const granted = [...job.grants.values()].reduce((n, { limits }) => n + sumOf(limits), 0);
        return {
          job: job.id,
          name: job.template.name,
          role: job.template.role,
          before: most(granted),
          after: most(unitOf(job) * total(result.limits.get(job.id))),
          due: most(unitOf(job) * total(result.entitled.get(job.id))),
        };
      });
  }
}

function roundOf({ input, result, optimised }: Draft): PlanView["round"] {
  const { value, bound } = boundOf(input, result, optimised?.warm ?? null);
  const gapPct = bound > 0 ? (100 * (bound - value)) / bound : 0;
  const { objective } = input;
  return { method: optimised?.method ?? "greedy", objective, value, bound, gapPct, contended: result.contended };
}

const toldWhatIf = ({ withoutClusters, addNodes }: WhatIf): PlanView["whatIf"] => ({
  withoutClusters: [...withoutClusters],
  addNodes: addNodes.map(({ count, cluster, partition, shape: { capacity, attributes } }) => ({
    count,
    cluster,
    partition,
    resources: { ...capacity },
    attributes: { ...attributes },
  })),
});

const total = (counts: ReadonlyMap<string, number> | undefined): number =>
  [...(counts?.values() ?? [])].reduce((a, b) => a + b, 0);
