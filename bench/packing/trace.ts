/**
 * A trace to pack: nodes, pods and the order they arrive in. The arrivals file points into the pods sorted by name and
 * into the nodes sorted by `sn`; nodes are given here in its order, because ties go to the first.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { z } from "zod";

export interface TraceNode {
  name: string;
  cpuMilli: number;
  memMib: number;
  gpus: number;
  model: string;
}

export interface TracePod {
  name: string;
  cpuMilli: number;
  memMib: number;
  /** how many GPUs */
  gpus: number;
  /** of each of them: 1000 or, of one GPU only, a part */
  gpuMilli: number;
  /** models that will do; empty: any */
  models: readonly string[];
}

export interface Trace {
  list: string;
  seed: number;
  nodes: readonly TraceNode[];
  pods: readonly TracePod[];
  /** indices of `pods` */
  arrivals: readonly number[];
}

export class TraceError extends Error {}

const WHOLE_GPU_MILLI = 1000;

const arrivalsSchema = z.object({
  seed: z.int().nonnegative(),
  nodeOrder: z.array(z.int().nonnegative()),
  arrivals: z.array(z.int().nonnegative()).min(1),
});

interface Row {
  text(column: string): string;
  whole(column: string): number;
}

function rowsOf(path: string, columns: readonly string[]): Row[] {
  const [head, ...lines] = readFileSync(path, "utf8").trim().split(/\r?\n/);
  const names = (head ?? "").split(",");
  const missing = columns.filter((column) => !names.includes(column));
  if (missing.length > 0) throw new TraceError(`${path}: no column ${missing.join(", ")}`);
  if (lines.length === 0) throw new TraceError(`${path}: no rows`);
  return lines.map((line, index) => {
    const cells = line.split(",");
    const text = (column: string) => cells[names.indexOf(column)] ?? "";
    const whole = (column: string) => {
      const cell = text(column);
      if (/^\d+$/.test(cell)) return Number(cell);
      throw new TraceError(`${path}: line ${index + 2}: ${column} wants a whole number, not "${cell}"`);
    };
    return { text, whole };
  });
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

function nodesIn(path: string): TraceNode[] {
  const nodes = rowsOf(path, ["sn", "cpu_milli", "memory_mib", "gpu", "model"]).map((row) => ({
    name: row.text("sn"),
    cpuMilli: row.whole("cpu_milli"),
    memMib: row.whole("memory_mib"),
    gpus: row.whole("gpu"),
    model: row.text("model"),
  }));
  if (nodes.every(({ gpus }) => gpus === 0)) throw new TraceError(`${path}: no node has a GPU`);
  return nodes.sort(byName);
}

function podOf(row: Row, path: string): TracePod {
  const pod = {
    name: row.text("name"),
    cpuMilli: row.whole("cpu_milli"),
    memMib: row.whole("memory_mib"),
    gpus: row.whole("num_gpu"),
    gpuMilli: row.whole("gpu_milli"),
    models: row.text("gpu_spec").split("|").filter(Boolean),
  };
  const mostMilli = pod.gpus === 0 ? 0 : WHOLE_GPU_MILLI;
  const leastMilli = pod.gpus > 1 ? WHOLE_GPU_MILLI : Math.min(1, pod.gpus);
  if (pod.gpuMilli < leastMilli || pod.gpuMilli > mostMilli) {
    throw new TraceError(`${path}: ${pod.name}: ${pod.gpus} GPUs of ${pod.gpuMilli} milli each is no demand`);
  }
  return pod;
}

export function readTrace(paths: { nodes: string; pods: string; arrivals: string }): Trace {
  const nodes = nodesIn(paths.nodes);
  const rows = rowsOf(paths.pods, ["name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"]);
  const pods = rows.map((row) => podOf(row, paths.pods)).sort(byName);
  const { seed, nodeOrder, arrivals } = arrivalsIn(paths.arrivals);
  if (new Set(nodeOrder).size !== nodes.length || nodeOrder.length !== nodes.length) {
    throw new TraceError(`${paths.arrivals}: nodeOrder must name each of the ${nodes.length} nodes once`);
  }
  const ordered = nodeOrder.map((index) => nodes[index]).filter((node) => node !== undefined);
  if (ordered.length !== nodes.length) throw new TraceError(`${paths.arrivals}: nodeOrder names a node that is not`);
  if (arrivals.some((index) => index >= pods.length)) {
    throw new TraceError(`${paths.arrivals}: arrivals names a pod beyond the ${pods.length} of ${paths.pods}`);
  }
  return { list: basename(paths.pods, ".csv").replace("openb_pod_list_", ""), seed, nodes: ordered, pods, arrivals };
}

function arrivalsIn(path: string): z.infer<typeof arrivalsSchema> {
  try {
    return arrivalsSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    if (error instanceof z.ZodError) throw new TraceError(`${path}: ${z.prettifyError(error)}`);
    if (error instanceof SyntaxError) throw new TraceError(`${path}: ${error.message}`);
    throw error;
  }
}
