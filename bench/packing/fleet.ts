/**
 * What baselines pack into: the free amounts of every node, in arrays, and the classes of pods that nothing tells apart.
 * A row of scores by class is kept and only what changed is scored anew.
 */
import type { Trace, TraceNode, TracePod } from "./trace.ts";

export interface Choice {
  node: number;
  /** which of its GPUs */
  devices: readonly number[];
}

export type Policy = (pod: number) => Choice | null;

export class Fleet {
  readonly nodes: readonly TraceNode[];
  readonly cpuMilli: Float64Array;
  readonly memMib: Float64Array;
  readonly gpuMilli: number[][];
  /** rises with every placement on the node */
  readonly version: Int32Array;

  constructor(nodes: readonly TraceNode[]) {
    this.nodes = nodes;
    this.cpuMilli = Float64Array.from(nodes, (node) => node.cpuMilli);
    this.memMib = Float64Array.from(nodes, (node) => node.memMib);
    this.gpuMilli = nodes.map((node) => Array<number>(node.gpus).fill(1000));
    this.version = new Int32Array(nodes.length).fill(1);
  }

  fits(node: number, pod: TracePod): boolean {
    if ((this.cpuMilli[node] as number) < pod.cpuMilli || (this.memMib[node] as number) < pod.memMib) return false;
    if (pod.gpus === 0) return true;
    if (pod.models.length > 0 && !pod.models.includes((this.nodes[node] as TraceNode).model)) return false;
    let found = 0;
    for (const milli of this.gpuMilli[node] as number[]) if (milli >= pod.gpuMilli) found += 1;
    return found >= pod.gpus;
  }

  take(node: number, pod: TracePod, devices: readonly number[]): void {
    this.cpuMilli[node] = (this.cpuMilli[node] as number) - pod.cpuMilli;
    this.memMib[node] = (this.memMib[node] as number) - pod.memMib;
    const gpus = this.gpuMilli[node] as number[];
    for (const device of devices) gpus[device] = (gpus[device] as number) - pod.gpuMilli;
    this.version[node] = (this.version[node] as number) + 1;
  }
}

/** What a policy thinks of a node that fits. */
export interface Score {
  score: number;
  devices: readonly number[];
}

export type ScoreNode = (fleet: Fleet, node: number, pod: TracePod) => Score;

interface Row {
  pod: TracePod;
  version: Int32Array;
  scores: Float64Array;
  devices: (readonly number[])[];
}

const classOf = (pod: TracePod): string =>
  [pod.cpuMilli, pod.memMib, pod.gpus, pod.gpuMilli, pod.models.join("|")].join(" ");

/** The policy that takes the node with the highest score; of equals the first. */
export function highest(trace: Trace, scoreNode: ScoreNode): Policy {
  const fleet = new Fleet(trace.nodes);
  const rows = new Map<string, Row>();
  const rowOfPod = trace.pods.map((pod) => {
    const name = classOf(pod);
    const row = rows.get(name) ?? rowFor(pod, trace.nodes.length);
    rows.set(name, row);
    return row;
  });
  return (index) => {
    const row = rowOfPod[index] as Row;
    const { pod, version, scores } = row;
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let node = 0; node < fleet.nodes.length; node += 1) {
      if (version[node] !== fleet.version[node]) {
        const found = fleet.fits(node, pod) ? scoreNode(fleet, node, pod) : null;
        scores[node] = found?.score ?? Number.NEGATIVE_INFINITY;
        row.devices[node] = found?.devices ?? [];
        version[node] = fleet.version[node] as number;
      }
      if ((scores[node] as number) > bestScore) {
        best = node;
        bestScore = scores[node] as number;
      }
    }
    if (best < 0) return null;
    const devices = row.devices[best] as readonly number[];
    fleet.take(best, pod, devices);
    return { node: best, devices };
  };
}

const rowFor = (pod: TracePod, nodes: number): Row => ({
  pod,
  version: new Int32Array(nodes),
  scores: new Float64Array(nodes),
  devices: Array<readonly number[]>(nodes).fill([]),
});

/** The first GPUs that are wholly free. */
export function wholeDevices(gpus: readonly number[], count: number): number[] {
  const devices: number[] = [];
  for (let device = 0; device < gpus.length && devices.length < count; device += 1) {
    if (gpus[device] === 1000) devices.push(device);
  }
  return devices;
}

/** The GPU that is left with the least, of equals the first. */
export function tightestDevice(gpus: readonly number[], milli: number): number {
  let best = -1;
  for (let device = 0; device < gpus.length; device += 1) {
    const free = gpus[device] as number;
    if (free >= milli && (best < 0 || free < (gpus[best] as number))) best = device;
  }
  return best;
}
