/** Jobs whose tasks start together, and what holds of them whatever happens. */

import { parseTaskId } from "../../../src/model/ids.ts";
import { gangOf } from "../../../src/model/placing.ts";
import { endsOf } from "../invariants/brokerRows.ts";
import type { Chance } from "../world/random.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";
import { drawPlans, type Plan } from "./person.ts";

const SOME = 0.5;
/** So much of a gang fits on the smallest node, and under the tightest limit of a role. */
const CPUS = 2;
/** A gang that may be larger than any partition is given up after the faults. */
const PATIENCE_MS = 600_000;

export function drawGangs(chance: Chance, clusters: readonly string[], faultsEndMs: number): Plan[] {
  if (!chance.of(SOME)) return [];
  return drawPlans(chance, clusters, faultsEndMs, { name: "gang", copies: 0.2, pinned: 0, serves: false })
    .filter(({ keep }) => !keep)
    .map((plan): Plan => {
      const size = chance.int(2, 4);
      const isLarge = chance.of(0.25);
      const count = size * chance.int(1, 3);
      const { each: _, ...spec } = plan.spec;
      return {
        ...plan,
        count,
        spec: {
          ...spec,
          count,
          resources: { cpus: isLarge ? 1.5 : Math.floor((CPUS * 1000) / size) / 1000, mem: "16MiB" },
          gang: { size, hold: `${chance.pick([1, 5, 20, 60])}s` },
        },
        cancelAtMs: plan.cancelAtMs ?? (isLarge ? faultsEndMs + PATIENCE_MS : null),
      };
    });
}

const LIVE = new Set(["assigned", "running", "stopping"]);

/** An attempt was handed out, and the rows that say so are committed. */
export function checkGang(world: World, cluster: SimObject, task: string, epoch: number): void {
  const { spec, count } = world.planOf(task)?.plan ?? {};
  const id = parseTaskId(task);
  const gang = spec && gangOf(spec.gang as Parameters<typeof gangOf>[0], count ?? 1);
  if (!id || !gang) return;
  const from = Math.floor(id.index / gang.size) * gang.size;
  const rowsIn = ({ home }: SimObject) =>
    home.query(
      'SELECT "index", epoch, state, partition, assigned_at FROM task WHERE job = ? AND "index" BETWEEN ? AND ?',
      id.job,
      from,
      from + gang.size - 1,
    );
  const rows = rowsIn(cluster);
  const live = rows.filter(({ state }) => LIVE.has(String(state)));
  const own = live.find(({ index }) => Number(index) === id.index);
  world.checks.hold(
    "gangs-whole",
    new Set(live.map(({ partition }) => partition)).size <= 1,
    () => `${task}@${epoch} is handed out in ${own?.partition}, others of its gang in other partitions`,
  );
  for (const other of world.clusters) {
    if (other === cluster) continue;
    const there = rowsIn(other).filter(({ state }) => LIVE.has(String(state)));
    const away = there.map(({ index }) => index).join(", ");
    world.checks.hold(
      "gangs-whole",
      there.length === 0,
      () => `${task}@${epoch} in ${cluster.name}, ${away} in ${other.name}`,
    );
  }
  if (own?.assigned_at !== cluster.now() || live.some((row) => row.assigned_at !== own?.assigned_at)) return;
  const over = endsOf(world, id.job);
  const missing: number[] = [];
  for (let index = from; index < from + gang.size; index++) {
    const row = rows.find((one) => Number(one.index) === index);
    const isThere = row !== undefined && (LIVE.has(String(row.state)) || TERMINAL.has(String(row.state)));
    if (!isThere && !over(index)) missing.push(index);
  }
  world.checks.hold("gangs-whole", missing.length === 0, () => `${task}@${epoch} starts without ${missing.join(", ")}`);
}

const TERMINAL = new Set(["succeeded", "failed", "cancelled"]);
