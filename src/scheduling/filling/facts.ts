/** What a round knows of its input before it fills, and what stays the same while it does. */
import type { RoundFramework, RoundInput, RoundJob, RoundPartition } from "../input.ts";
import { type Axes, axesOf, type Vector } from "../shares/axes.ts";
import { classKey, classSlots, classWorth, keyOf } from "../slots.ts";

/** Filling goes a task at a time up to so many tasks; beyond, in gifts of about so many parts of the league. */
const MAX_STEPS = 4_000;
/** With many jobs the parts are smaller, so that the last one is not left without. */
const STEPS_PER_JOB = 2;

/** By a room's index, amounts that are for offers to a framework. */
export type Promised = ReadonlyMap<RoundFramework, ReadonlyMap<number, Vector>>;

/** By position among the partitions. */
export type Slots = readonly number[];

export interface Facts {
  readonly input: RoundInput;
  /** by name, so that it does not matter in which order they came */
  readonly partitions: readonly RoundPartition[];
  readonly axes: Axes;
  /** what each could hold of a job, were it empty; jobs of one class have the very same array */
  readonly slots: ReadonlyMap<RoundJob, Slots>;
  /** what each is worth to a job by its preferences; of one without any: none */
  readonly worths: ReadonlyMap<RoundJob, readonly number[]>;
  /** what frameworks are kept beside what they use; absent: nothing */
  readonly promised?: Promised;
  /** the least part of the league that is given at once, if it is more than a task; 0: always one task */
  readonly quantum: number;
}

export function factsOf(input: RoundInput): Facts {
  const partitions = [...input.partitions].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const axes = axesOf([
    ...partitions.map(({ usable }) => usable),
    ...input.jobs.map(({ demand }) => demand),
    ...(input.frameworks ?? []).flatMap(({ used, offered, mayUse }) => [
      ...used.values(),
      ...offered.values(),
      ...(mayUse?.values() ?? []),
    ]),
  ]);
  const slots = slotsOf(partitions, input.jobs);
  const worths = new Map(
    input.jobs
      .filter(({ preferences }) => preferences.length > 0)
      .map((job) => [job, partitions.map((partition) => classWorth(partition, job))]),
  );
  return { input, partitions, axes, slots, worths, quantum: quantumOf(input.jobs, slots) };
}

function slotsOf(partitions: readonly RoundPartition[], jobs: readonly RoundJob[]): Map<RoundJob, Slots> {
  const classes = new Map<string, Slots>();
  const slots = new Map<RoundJob, Slots>();
  for (const job of jobs) {
    const key = classKey(job);
    const known = classes.get(key) ?? partitions.map((partition) => classSlots(partition, job));
    classes.set(key, known);
    slots.set(job, known);
  }
  return slots;
}

function quantumOf(jobs: readonly RoundJob[], slots: ReadonlyMap<RoundJob, Slots>): number {
  let tasks = 0;
  for (const job of jobs) tasks += Math.min(job.remaining, sum(slots.get(job) ?? []));
  return tasks <= MAX_STEPS ? 0 : 1 / Math.max(MAX_STEPS, jobs.length * STEPS_PER_JOB);
}

const sum = (numbers: Iterable<number>): number => {
  let all = 0;
  for (const n of numbers) all += n;
  return all;
};
