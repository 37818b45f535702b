/** `bench:place --durable`: the Cluster itself inside of workerd, until everything that fits is handed out and on disk. */
import { parseTaskId } from "../../src/model/ids.ts";
import { type Figures, progress, rounded, spread } from "../line.ts";
import { BenchWorkerd } from "../workerd.ts";
import { durableAnswerSchema } from "./answer.ts";
import { faultsOf } from "./check.ts";
import { type PlaceSize, placeInstance } from "./instance.ts";

/** @returns figures for the line, and a sentence for each broken rule */
export async function measureDurable(size: PlaceSize, seed: number): Promise<{ figures: Figures; faults: string[] }> {
  const workerd = await BenchWorkerd.start({
    entry: "bench/place/worker/main.ts",
    objects: { BROKER: "BrokerObject", CLUSTER: "ClusterObject" },
  });
  try {
    const { nodes, tasks, classes } = size;
    const query = `nodes=${nodes}&tasks=${tasks}&classes=${classes}&seed=${seed}`;
    const response = await fetch(`${workerd.url}?${query}`, { method: "POST" });
    if (!response.ok) throw new Error(`the Worker answered ${response.status}: ${await response.text()}`);
    const { joinMs, idlePollMs, ms, pollMs, given, counters } = durableAnswerSchema.parse(await response.json());
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
