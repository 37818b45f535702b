/** `bench:place --durable`: the Cluster itself inside of workerd, until everything that fits is handed out and on disk. */
import { parseTaskId } from "../../src/model/ids.ts";
import { type Figures, progress, rounded, spread } from "../line.ts";
import { BenchWorkerd } from "../workerd.ts";
import { type DurableAnswer, durableAnswerSchema } from "./answer.ts";
import { faultsOf } from "./check.ts";
import { type PlaceSize, placeInstance } from "./instance.ts";

/** Held polls of one request to the Worker. */
const NODES_AT_ONCE = 4_000;

async function fill(url: string, { nodes, tasks, classes }: PlaceSize, seed: number): Promise<DurableAnswer> {
  const ask = async (method: string, path: string): Promise<Response> => {
    const response = await fetch(url + path, { method });
    if (!response.ok) throw new Error(`the Worker answered ${response.status}: ${await response.text()}`);
    return response;
  };
  await ask("PUT", `?nodes=${nodes}&tasks=${tasks}&classes=${classes}&seed=${seed}`);
  const parts = Array.from({ length: Math.ceil(nodes / NODES_AT_ONCE) }, (_, part) => part * NODES_AT_ONCE);
  // They are answered only if something went wrong.
  const living = parts.map((from) => ask("POST", `nodes?from=${from}&to=${Math.min(nodes, from + NODES_AT_ONCE)}`));
  const filled = await Promise.race([ask("POST", "fill"), ...living]);
  for (const part of living) part.catch(() => {});
  return durableAnswerSchema.parse(await filled.json());
}

/** @returns figures for the line, and a sentence for each broken rule */
export async function measureDurable(size: PlaceSize, seed: number): Promise<{ figures: Figures; faults: string[] }> {
  const workerd = await BenchWorkerd.start({
    entry: "bench/place/worker/main.ts",
    objects: { BROKER: "BrokerObject", CLUSTER: "ClusterObject" },
  });
  try {
    const { joinMs, idlePollMs, ms, pollMs, given, counters } = await fill(workerd.url, size, seed);
    if (given.length === 0) throw new Error("nothing was given to any node");
    progress(`joined in ${rounded(joinMs / 1000)} s, ${given.length} given in ${rounded(ms / 1000)} s`);
    progress(`polls while idle ${JSON.stringify(spread(idlePollMs))}, counted ${JSON.stringify(counters)}`);
    const placed = given.map(([task, node]) => {
      const id = parseTaskId(task);
      return { job: id?.job ?? task, index: id?.index ?? -1, node };
    });
    const faults = faultsOf(placeInstance(size, seed), placed);
    const figures: Figures = {
      placed: placed.length,
      unplaced: size.tasks - placed.length,
      preemptions: 0,
      violations: faults.length,
      committed_per_s: rounded((1000 * placed.length) / ms),
      poll_ms: spread(pollMs),
      peak_mib: rounded(workerd.memoryMib().peak),
    };
    return { figures, faults };
  } finally {
    workerd.stop();
  }
}
