/**
 * Replays a trace through a policy: pods come one by one and stay, one that fits nowhere is dropped; or all come at once.
 * Every choice is checked against the trace itself, by books of its own.
 */
import { type Figures, percentile, rounded } from "../line.ts";
import type { Choice, Policy } from "./fleet.ts";
import type { Trace, TraceNode, TracePod } from "./trace.ts";

export class RuleBroken extends Error {}

const WHOLE_GPU_MILLI = 1000;

interface Books {
  cpuMilli: number;
  memMib: number;
  gpuMilli: number[];
}

export interface Outcome {
  placed: number;
  allocatedMilli: number;
  /** what was asked before the first pod that was dropped; null: none was */
  firstFailureMilli: number | null;
  seconds: number;
  /** of each arrival; empty: they were placed together */
  placeUs: number[];
}

export const capacityMilli = (trace: Trace): number =>
  trace.nodes.reduce((sum, { gpus }) => sum + gpus * WHOLE_GPU_MILLI, 0);

const booksOf = (trace: Trace): Books[] =>
  trace.nodes.map(({ cpuMilli, memMib, gpus }) => ({
    cpuMilli,
    memMib,
    gpuMilli: Array<number>(gpus).fill(WHOLE_GPU_MILLI),
  }));

/** Everything at once: what is left out is the policy's to choose. */
export function replayBatch(trace: Trace, pack: (trace: Trace) => readonly (Choice | null)[]): Outcome {
  const books = booksOf(trace);
  const startedAtMs = performance.now();
  const choices = pack(trace);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const outcome: Outcome = { placed: 0, allocatedMilli: 0, firstFailureMilli: null, seconds, placeUs: [] };
  if (choices.length !== trace.arrivals.length) throw new RuleBroken("not every pod was answered");
  trace.arrivals.forEach((index, arrival) => {
    const choice = choices[arrival];
    if (!choice) return;
    const pod = trace.pods[index] as TracePod;
    book(trace, books, pod, choice);
    outcome.placed += 1;
    outcome.allocatedMilli += pod.gpus * pod.gpuMilli;
  });
  return outcome;
}

export function replay(trace: Trace, policy: Policy): Outcome {
  const books = booksOf(trace);
  const outcome: Outcome = { placed: 0, allocatedMilli: 0, firstFailureMilli: null, seconds: 0, placeUs: [] };
  let askedMilli = 0;
  for (const index of trace.arrivals) {
    const pod = trace.pods[index] as TracePod;
    const startedAtMs = performance.now();
    const choice = policy(index);
    outcome.placeUs.push((performance.now() - startedAtMs) * 1000);
    if (choice === null) {
      mustFitNowhere(trace, books, pod);
      outcome.firstFailureMilli ??= askedMilli;
    } else {
      book(trace, books, pod, choice);
      outcome.placed += 1;
      outcome.allocatedMilli += pod.gpus * pod.gpuMilli;
    }
    askedMilli += pod.gpus * pod.gpuMilli;
  }
  outcome.seconds = outcome.placeUs.reduce((sum, us) => sum + us, 0) / 1e6;
  return outcome;
}

export const suits = (node: TraceNode, pod: TracePod): boolean =>
  pod.gpus === 0 || pod.models.length === 0 || pod.models.includes(node.model);

/** @throws RuleBroken when the pod may not go there */
export function book(trace: Trace, books: readonly Books[], pod: TracePod, { node: index, devices }: Choice): void {
  const node = trace.nodes[index];
  const left = books[index];
  const because = (reason: string) => new RuleBroken(`${pod.name} on ${node?.name ?? index}: ${reason}`);
  if (!node || !left) throw because("there is no such node");
  if (!suits(node, pod)) throw because(`it asks for ${pod.models.join(" or ")}, not ${node.model}`);
  if (new Set(devices).size !== pod.gpus || devices.length !== pod.gpus) {
    throw because(`it was given the GPUs [${devices}] and asked for ${pod.gpus}`);
  }
  left.cpuMilli -= pod.cpuMilli;
  left.memMib -= pod.memMib;
  if (left.cpuMilli < 0 || left.memMib < 0) throw because("more cpu or memory than it has");
  for (const device of devices) {
    const free = left.gpuMilli[device];
    if (free === undefined || free < pod.gpuMilli) throw because(`GPU ${device} has ${free} milli free`);
    left.gpuMilli[device] = free - pod.gpuMilli;
  }
}

function mustFitNowhere(trace: Trace, books: readonly Books[], pod: TracePod): void {
  const at = books.findIndex(
    (left, index) =>
      suits(trace.nodes[index] as TraceNode, pod) &&
      left.cpuMilli >= pod.cpuMilli &&
      left.memMib >= pod.memMib &&
      left.gpuMilli.filter((milli) => milli >= pod.gpuMilli).length >= pod.gpus,
  );
  if (at >= 0) throw new RuleBroken(`${pod.name} was dropped and fits on ${trace.nodes[at]?.name}`);
}

export function figuresOf(trace: Trace, outcome: Outcome): Figures {
  const part = (milli: number) => rounded((milli / capacityMilli(trace)) * 100);
  return {
    pods: trace.arrivals.length,
    placed: outcome.placed,
    rejected: trace.arrivals.length - outcome.placed,
    allocated_pct: part(outcome.allocatedMilli),
    ...(outcome.firstFailureMilli !== null && { first_failure_pct: part(outcome.firstFailureMilli) }),
    placements_per_s: Math.round(outcome.placed / outcome.seconds),
    ...(outcome.placeUs.length > 0 && {
      place_us: { p50: rounded(percentile(outcome.placeUs, 0.5)), p99: rounded(percentile(outcome.placeUs, 0.99)) },
    }),
  };
}
