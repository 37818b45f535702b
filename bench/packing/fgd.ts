/**
 * Fragmentation gradient descent as published (Weng et al., USENIX ATC'23), to compare with: of the nodes that fit, the
 * one whose fragments grow least, by a score of whole numbers. Its typical pods are given: those of the whole list.
 */
import { type Fleet, highest, type Policy, type Score, wholeDevices } from "./fleet.ts";
import type { Trace, TraceNode, TracePod } from "./trace.ts";

/** Shapes that make up so much of the list count as typical. */
const TYPICAL_PART = 0.95;
const WHOLE_GPU_MILLI = 1000;
const CATEGORIES = 7;
const SATISFIED = 2;

interface Typical {
  cpuMilli: number;
  gpus: number;
  gpuMilli: number;
  models: readonly string[];
  frequency: number;
}

interface State {
  cpuMilli: number;
  gpuMilli: readonly number[];
  model: string;
}

/** The published code's order: more frequent first, then by cpu, GPU milli, count and model, all descending. */
function typicalPods(pods: readonly TracePod[]): Typical[] {
  const shapes = new Map<string, Typical>();
  for (const { cpuMilli, gpus, gpuMilli, models } of pods) {
    const key = [cpuMilli, gpuMilli, gpus, models.join("|")].join(" ");
    const known = shapes.get(key) ?? { cpuMilli, gpus, gpuMilli, models, frequency: 0 };
    known.frequency += 1;
    shapes.set(key, known);
  }
  const sorted = [...shapes.values()].sort(
    (a, b) =>
      b.frequency - a.frequency ||
      b.cpuMilli - a.cpuMilli ||
      b.gpuMilli - a.gpuMilli ||
      b.gpus - a.gpus ||
      (a.models.join("|") < b.models.join("|") ? 1 : -1),
  );
  const typical: Typical[] = [];
  let counted = 0;
  for (const shape of sorted) {
    if (counted >= TYPICAL_PART * pods.length) break;
    counted += shape.frequency;
    typical.push(shape);
  }
  return typical.map((shape) => ({
    ...shape,
    frequency: shape.frequency / pods.length / (counted / pods.length),
  }));
}

/** Sums by category first and over the categories then: rounding decides whether a gain of nothing scores 50 or 49. */
function fragments({ cpuMilli, gpuMilli, model }: State, typical: readonly Typical[], sums: Float64Array): number {
  sums.fill(0);
  const add = (category: number, amount: number) => {
    sums[category] = (sums[category] as number) + amount;
  };
  let idle = 0;
  for (const milli of gpuMilli) idle += milli;
  for (const shape of typical) {
    const hasCpu = cpuMilli >= shape.cpuMilli;
    if (shape.gpuMilli === 0) {
      add(hasCpu ? 4 : 5, shape.frequency * idle);
      continue;
    }
    if (shape.models.length > 0 && !shape.models.includes(model)) {
      add(6, shape.frequency * idle);
      continue;
    }
    let useless = 0;
    let useful = 0;
    for (const milli of gpuMilli) {
      if (milli < shape.gpuMilli) useless += milli;
      else useful += 1;
    }
    if (useful < shape.gpus) add(hasCpu ? 1 : 0, shape.frequency * idle);
    else if (!hasCpu) add(3, shape.frequency * idle);
    else {
      add(1, shape.frequency * useless);
      add(SATISFIED, shape.frequency * (idle - useless));
    }
  }
  let sum = 0;
  for (let category = 0; category < CATEGORIES; category += 1) {
    if (category !== SATISFIED) sum += sums[category] as number;
  }
  return sum;
}

const scoreOf = (before: number, after: number): number =>
  Math.trunc((1 / (1 + Math.exp(-(before - after) / 1000))) * 100);

export function fgd(trace: Trace): Policy {
  const typical = typicalPods(trace.pods);
  const sums = new Float64Array(CATEGORIES);
  return highest(trace, (fleet: Fleet, node: number, pod: TracePod): Score => {
    const gpuMilli = fleet.gpuMilli[node] as number[];
    const { model } = fleet.nodes[node] as TraceNode;
    const before = fragments({ cpuMilli: fleet.cpuMilli[node] as number, gpuMilli, model }, typical, sums);
    const cpuMilli = (fleet.cpuMilli[node] as number) - pod.cpuMilli;
    const with_ = (devices: readonly number[]): Score => {
      const left = [...gpuMilli];
      for (const device of devices) left[device] = (left[device] as number) - pod.gpuMilli;
      return { score: scoreOf(before, fragments({ cpuMilli, gpuMilli: left, model }, typical, sums)), devices };
    };
    if (pod.gpus !== 1 || pod.gpuMilli === WHOLE_GPU_MILLI) return with_(wholeDevices(gpuMilli, pod.gpus));
    let best: Score | null = null;
    for (let device = 0; device < gpuMilli.length; device += 1) {
      if ((gpuMilli[device] as number) < pod.gpuMilli) continue;
      const found = with_([device]);
      if (best === null || found.score > best.score) best = found;
    }
    return best as Score;
  });
}
