/**
 * The optimised round: which class of tasks in which partition, as a linear program over the whole league. What is fair
 * is decided before, by progressive filling; the program looks for the best place for it, and for more beside it. The
 * result is a plan, which rounds follow where there is a choice, and prices that bound what any assignment can reach.
 */
import type { PartitionKey } from "../../model/partition.ts";
import { type AssignResult, assign } from "../assign/assign.ts";
import { balance } from "../assign/balance.ts";
import { columnsOf } from "../assign/columns.ts";
import { dualBound, noChoices } from "../assign/lagrangian.ts";
import type { LpSolver } from "../assign/lp.ts";
import type { AssignProblem, Placement } from "../assign/problem.ts";
import { type AssignWarm, WarmBasis } from "../assign/warm.ts";
import type { Plan, RoundInput, RoundJob, RoundResult } from "../input.ts";
import { classKey } from "../slots.ts";
import { type ClassOfJobs, type LeagueProblem, leagueProblem } from "./leagueProblem.ts";

export interface Optimised {
  plan: Plan;
  method: AssignResult["method"];
  /** what the next one begins with, and what bounds the rounds until then */
  warm: AssignWarm;
}

/** @param solver null: by prices alone */
export function optimise(
  input: RoundInput,
  result: RoundResult,
  solver: LpSolver | null,
  warm: AssignWarm | null,
): Optimised {
  const league = leagueProblem(input, result);
  const solve = input.objective === "balance" ? balanced : assign;
  const { placed, method, warm: next } = solve(league.problem, solver, warm);
  return { plan: planOf(league, placed), method, warm: next };
}

const balanced: typeof assign = (problem, solver, warm) => balance(problem, solver, warm).result;

/** What a plan is for: while it stays the same another would be no better. */
export function problemKey({ partitions, jobs, roles, objective }: RoundInput): string {
  const classes = new Map<string, number>();
  for (const job of jobs) {
    const key = classKey(job);
    classes.set(key, (classes.get(key) ?? 0) + job.remaining);
  }
  // Twice as many or half as many of a class is another league; one less is not.
  const sizes = [...classes].map(([key, n]) => [key, Math.ceil(Math.log2(n + 1))]);
  return JSON.stringify([
    objective,
    sizes,
    [...roles],
    partitions.map(({ shapes: _, rooms: __, offered: ___, ...rest }) => rest),
  ]);
}

/** Plans that help: with one class there is nothing to weigh. */
export const isWorthwhile = ({ jobs, partitions }: RoundInput): boolean =>
  partitions.length > 0 && new Set(jobs.filter(({ remaining }) => remaining > 0).map(classKey)).size > 1;

/** The value of what a round is entitled to by the objective, and what no assignment can pass. */
export function boundOf(
  input: RoundInput,
  result: RoundResult,
  warm: AssignWarm | null,
): { value: number; bound: number } {
  const league = leagueProblem(input, result);
  const value = worthOf(league, input, result);
  return { value, bound: Math.max(value, dualBoundOf(league.problem, warm)) };
}

/** Valid at any prices; at none, it is what everything would be worth at its best place. */
function dualBoundOf(problem: AssignProblem, warm: AssignWarm | null): number {
  const columns = columnsOf(problem);
  const none = dualBound(columns, new Float64Array(columns.bound.length), noChoices(columns));
  if (warm === null) return none;
  return Math.min(none, dualBound(columns, new WarmBasis(warm, problem, columns).prices(), noChoices(columns)));
}

/** Units of a class, the best places first: those that are due count as due. */
function worthOf({ problem, classes, parts }: LeagueProblem, { partitions }: RoundInput, { entitled }: RoundResult) {
  const keys = problem.partitions.map(({ key }) => key);
  let value = 0;
  for (const [i, { jobs }] of classes.entries()) {
    const counts = countsOf(jobs, entitled);
    const own = problem.classes.filter((_, c) => parts[c]?.classIndex === i);
    const used = new Map<PartitionKey, number>();
    for (const { count, on } of own) {
      let left = count;
      for (const column of [...on].sort((a, b) => b.value - a.value)) {
        const key = keys[column.partition] ?? "";
        const units = Math.min(left, (counts.get(key) ?? 0) - (used.get(key) ?? 0));
        used.set(key, (used.get(key) ?? 0) + units);
        left -= units;
        value += units * column.value;
      }
    }
  }
  return partitions.length === 0 ? 0 : value;
}

function countsOf(jobs: readonly RoundJob[], entitled: RoundResult["entitled"]): Map<PartitionKey, number> {
  const counts = new Map<PartitionKey, number>();
  for (const { id } of jobs) for (const [key, n] of entitled.get(id) ?? []) counts.set(key, (counts.get(key) ?? 0) + n);
  return counts;
}

function planOf({ problem, classes, parts }: LeagueProblem, placed: readonly Placement[]): Plan {
  const byClass = classes.map(() => new Map<PartitionKey, number>());
  for (const { class: index, on, units } of placed) {
    const column = problem.classes[index]?.on[on];
    const counts = byClass[parts[index]?.classIndex ?? -1];
    const key = column && problem.partitions[column.partition]?.key;
    if (counts && key !== undefined) counts.set(key, (counts.get(key) ?? 0) + units);
  }
  const plan = new Map<string, Map<PartitionKey, number>>();
  for (const [i, one] of classes.entries()) deal(one, byClass[i] ?? new Map(), plan);
  return plan;
}

/** To the jobs of a class: first to each where it runs, then the rest to the oldest that want more. */
function deal({ jobs }: ClassOfJobs, counts: Map<PartitionKey, number>, plan: Map<string, Map<PartitionKey, number>>) {
  const wants = new Map(jobs.map((job) => [job, job.remaining]));
  const give = (job: RoundJob, key: PartitionKey, most: number) => {
    const units = Math.min(most, counts.get(key) ?? 0, wants.get(job) ?? 0);
    if (units <= 0) return;
    const own = plan.get(job.id) ?? new Map<PartitionKey, number>();
    plan.set(job.id, own.set(key, (own.get(key) ?? 0) + units));
    counts.set(key, (counts.get(key) ?? 0) - units);
    wants.set(job, (wants.get(job) ?? 0) - units);
  };
  for (const job of jobs) for (const [key, { charged }] of job.held) give(job, key, charged);
  for (const job of jobs) for (const key of counts.keys()) give(job, key, Number.POSITIVE_INFINITY);
}
