/**
 * A league as an assignment problem. Jobs that no rule tells apart are one class; each class is there twice, once for
 * what it is entitled to and once for what goes beyond, which is worth far less. Rules that bind several partitions or
 * classes (limits, what is lent and borrowed) are coupling rows.
 */
import type { Objective } from "../../model/league.ts";
import { add, type Resources, subtract } from "../../model/resources.ts";
import { isWithin } from "../../model/role.ts";
import type { AssignClass, AssignProblem, CouplingRow } from "../assign/problem.ts";
import type { RoundInput, RoundJob, RoundPartition, RoundResult } from "../input.ts";
import { classKey, classSlots, keyOf, usedByFrameworks } from "../slots.ts";

/** How much more a unit is worth that is fair than one that goes beyond. */
const DUE_WORTH = 10;
/** Of two places that are worth the same, the one where tasks of the class run already: this much more. */
const STAY_WORTH = 1.002;
/** Classes that are larger than any league are as large as this, so that sums stay exact. */
const MAX_COUNT = 2 ** 31;

export interface ClassOfJobs {
  key: string;
  jobs: RoundJob[];
  /** units that are entitled to run at once */
  due: number;
  /** units that want to run */
  count: number;
}

export interface LeagueProblem {
  problem: AssignProblem;
  classes: ClassOfJobs[];
  /** by index of the problem's class */
  parts: { classIndex: number; kind: "due" | "more" }[];
}

function classesOf(jobs: readonly RoundJob[], entitled: RoundResult["entitled"]): ClassOfJobs[] {
  const classes = new Map<string, ClassOfJobs>();
  for (const job of jobs) {
    if (job.remaining === 0) continue;
    const key = classKey(job);
    const known = classes.get(key) ?? { key, jobs: [], due: 0, count: 0 };
    classes.set(key, known);
    known.jobs.push(job);
    known.count = Math.min(MAX_COUNT, known.count + job.remaining);
    for (const n of entitled.get(job.id)?.values() ?? []) known.due += n;
  }
  return [...classes.values()];
}

export function leagueProblem(input: RoundInput, result: RoundResult): LeagueProblem {
  const classes = classesOf(input.jobs, result.entitled);
  const names = resourceNames(input);
  const vector = (r: Resources, missing = 0) => names.map((name) => r[name] ?? missing);
  const whole = input.partitions.reduce((sum: Resources, { usable }) => add(sum, usable), {});
  const worth = worthOf(input, whole);
  const rows = couplingRows(input, vector);
  const parts: LeagueProblem["parts"] = [];
  const assignClasses: AssignClass[] = [];
  for (const [classIndex, { key, jobs, due, count }] of classes.entries()) {
    const job = jobs[0] as RoundJob;
    const columns = input.partitions.flatMap((partition, index) => {
      if (classSlots(partition, job) === 0 || jobs.every((one) => one.held.get(keyOf(partition))?.barred)) return [];
      const stays = jobs.some((one) => (one.held.get(keyOf(partition))?.charged ?? 0) > 0);
      const value = worth(job, partition) * (stays ? STAY_WORTH : 1);
      const counts = rows.flatMap((row, i) => (row.counts(job, partition) ? [i] : []));
      return [{ partition: index, value, rows: counts }];
    });
    const demand = vector(job.demand);
    const put = (kind: "due" | "more", units: number, times: number) => {
      if (units === 0) return;
      parts.push({ classIndex, kind });
      const on = columns.map((column) => ({ ...column, value: column.value * times }));
      assignClasses.push({ key: `${kind} ${key}`, demand, count: units, on });
    };
    put("due", Math.min(due, count), DUE_WORTH);
    put("more", Math.max(0, count - due), 1);
  }
  const partitions = input.partitions.map((one) => ({
    key: keyOf(one),
    capacity: vector(subtract(one.usable, usedByFrameworks(input, keyOf(one)))).map(atLeastNothing),
  }));
  return { problem: { resources: names.length, partitions, rows, classes: assignClasses }, classes, parts };
}

/** What is in use can be more than there is. */
const atLeastNothing = (amount: number): number => Math.max(0, amount);

function resourceNames({ partitions, jobs }: RoundInput): string[] {
  const names = new Set<string>();
  for (const { usable } of partitions) for (const name of Object.keys(usable)) names.add(name);
  for (const { demand } of jobs) for (const name of Object.keys(demand)) names.add(name);
  return [...names].sort();
}

/** The worth of a unit in a partition: by what the league aims at. */
function worthOf(input: RoundInput, whole: Resources): (job: RoundJob, partition: RoundPartition) => number {
  const sizes = new Map(input.jobs.map((job) => [job, sizeOf(job.demand, whole)]));
  const size = (job: RoundJob): number => sizes.get(job) ?? 0;
  const objective: Objective = input.objective;
  if (objective === "completion-time") return byTime(input);
  if (objective !== "cost") return size;
  const dearest = Math.max(...input.partitions.map(costAt), Number.MIN_VALUE);
  // All of it is worth placing, the cheapest place twice as much as the dearest.
  return (job, partition) => size(job) * (2 - costAt(partition) / dearest);
}

/** Its part of the league: the mean over the resources that it asks for. */
function sizeOf(demand: Resources, whole: Resources): number {
  let parts = 0;
  let n = 0;
  for (const [name, amount] of Object.entries(demand)) {
    if (amount === 0) continue;
    parts += amount / Math.max(1, whole[name] ?? 0);
    n += 1;
  }
  return n === 0 ? Number.MIN_VALUE : parts / n;
}

/** A task takes less long where it is fast: what the hour costs counts for less of it. */
const costAt = ({ price, speed }: RoundPartition): number => price / speed;

/** Tasks ended a second: min Σ Wⱼ. A class of which nothing has ended yet is as long as the others. */
function byTime({ jobs }: RoundInput): (job: RoundJob, partition: RoundPartition) => number {
  const known = jobs.flatMap(({ meanRunMs }) => (meanRunMs !== null && meanRunMs > 0 ? [meanRunMs] : []));
  const usual = known.length === 0 ? 1 : known.reduce((a, b) => a + b, 0) / known.length;
  return ({ unit, meanRunMs }, { speed }) =>
    (unit * speed * usual) / (meanRunMs !== null && meanRunMs > 0 ? meanRunMs : usual);
}

interface Row extends CouplingRow {
  counts(job: RoundJob, partition: RoundPartition): boolean;
}

type ToVector = (r: Resources, missing?: number) => number[];

function couplingRows(input: RoundInput, vector: ToVector): Row[] {
  return [...lendRows(input, vector), ...[...input.roles].flatMap(([role]) => roleRows(input, role, vector))];
}

/** What an owner lends of a partition. */
function lendRows({ partitions }: RoundInput, vector: ToVector): Row[] {
  return partitions.flatMap((lent) => {
    const { owner, lendable } = lent;
    if (owner === null || Object.keys(lendable).length === 0) return [];
    const counts: Row["counts"] = ({ role }, partition) => partition === lent && !isWithin(role, owner);
    return [{ key: `lend ${keyOf(lent)}`, bound: vector(lendable, Number.POSITIVE_INFINITY), counts }];
  });
}

/** A role's limit, and what it borrows and lends of what nobody owns. */
function roleRows({ roles, partitions }: RoundInput, role: string, vector: ToVector): Row[] {
  const policy = roles.get(role);
  if (!policy) return [];
  const rows: Row[] = [];
  const isOwn = ({ owner }: RoundPartition) => owner !== null && isWithin(owner, role);
  if (Object.keys(policy.limit).length > 0) {
    const bound = vector(policy.limit, Number.POSITIVE_INFINITY);
    rows.push({ key: `limit ${role}`, bound, counts: (job) => isWithin(job.role, role) });
  }
  if (Object.keys(policy.borrow).length > 0) {
    const promised = [...roles].filter(([name]) => isWithin(name, role)).map(([, one]) => vector(one.guarantee));
    const bound = vector(policy.borrow, Number.POSITIVE_INFINITY).map((most, r) =>
      promised.reduce((sum, guarantee) => sum + (guarantee[r] ?? 0), most),
    );
    const counts: Row["counts"] = (job, partition) => isWithin(job.role, role) && !isOwn(partition);
    rows.push({ key: `borrow ${role}`, bound, counts });
  }
  if (Object.keys(policy.lend).length > 0) {
    const common = vector(
      partitions.filter(({ owner }) => owner === null).reduce((sum: Resources, { usable }) => add(sum, usable), {}),
    );
    const lent = vector(policy.lend, Number.POSITIVE_INFINITY);
    const bound = vector(policy.guarantee).map((guarantee, r) =>
      lent[r] === Number.POSITIVE_INFINITY
        ? Number.POSITIVE_INFINITY
        : Math.max(0, (common[r] ?? 0) - Math.max(0, guarantee - (lent[r] ?? 0))),
    );
    const counts: Row["counts"] = (job, partition) => !isWithin(job.role, role) && partition.owner === null;
    rows.push({ key: `lend of ${role}`, bound, counts });
  }
  return rows;
}
