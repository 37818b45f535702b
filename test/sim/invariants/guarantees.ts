/**
 * After the faults: who has less than the guarantee of its role and waits beside free room gets it, whatever the Broker
 * says. Computed from rows and machines alone.
 */
import { jobSpecSchema, templateOf } from "../../../src/model/job.ts";
import type { PartitionSpec } from "../../../src/model/partition.ts";
import { add, fits, formatResources, type Resources, subtract } from "../../../src/model/resources.ts";
import { isWithin, lineage, type RolePolicy } from "../../../src/model/role.ts";
import type { Plan } from "../people/person.ts";
import type { AgentHost } from "../world/agentHost.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";
import { liveByRole } from "./charged.ts";

/** Silence and recovery of what was lost, tries that come late, the longest grace, and the reports between. */
const MET_WITHIN_MS = 300_000;

interface Waiting {
  since: number;
  /** with more it has come forward */
  lives: string;
}

export class Guarantees {
  readonly #world: World;
  readonly #waiting = new Map<string, Waiting>();

  constructor(world: World) {
    this.#world = world;
  }

  look(): void {
    const { broker, faulty, people, timeline, checks } = this.#world;
    if (faulty) return;
    const policies = new Map<string, RolePolicy>(
      broker.home
        .query("SELECT name, policy FROM role")
        .map(({ name, policy }) => [String(name), JSON.parse(String(policy))]),
    );
    const live = liveByRole(this.#world);
    const stands = new Set<string>();
    for (const { plan, acknowledged, done } of people) {
      if (!acknowledged || done) continue;
      const due = this.#due(plan, policies, live);
      if (due === null) continue;
      stands.add(plan.id);
      const before = this.#waiting.get(plan.id);
      if (before?.lives !== due) this.#waiting.set(plan.id, { since: timeline.nowMs, lives: due });
      const waitsMs = timeline.nowMs - (this.#waiting.get(plan.id)?.since ?? 0);
      checks.hold("guarantees-met", waitsMs <= MET_WITHIN_MS, () => `${plan.id} waits for ${waitsMs} ms: ${due}`);
    }
    for (const id of this.#waiting.keys()) if (!stands.has(id)) this.#waiting.delete(id);
  }

  /** @returns what its role has and is promised, when a task of it waits within that beside room; null: else */
  #due(plan: Plan, policies: ReadonlyMap<string, RolePolicy>, live: ReadonlyMap<string, Resources>): string | null {
    const spec = jobSpecSchema.parse(plan.spec);
    const { role, resources, gang, constraints, apart } = templateOf(spec);
    if (constraints.length + apart.length > 0 || gang !== null || this.#waits(plan) === 0) return null;
    const has = (name: string) => {
      let sum: Resources = {};
      for (const [other, amounts] of live) if (isWithin(other, name)) sum = add(sum, amounts);
      return sum;
    };
    const isWithinLimits = lineage(role).every((name) =>
      isBounded(add(has(name), resources), policies.get(name)?.limit ?? {}),
    );
    const guarantee = policies.get(role)?.guarantee ?? {};
    const isPromised = Object.keys(guarantee).length > 0 && isBounded(add(has(role), resources), guarantee);
    if (!isWithinLimits || !isPromised) return null;
    const node = this.#roomFor(resources, spec.clusters ?? null);
    return node && `role ${role} has ${formatResources(has(role))} of ${formatResources(guarantee)}, ${node} has room`;
  }

  /** Tasks that are neither over nor live. */
  #waits({ id, count }: Plan): number {
    const { broker, clusters } = this.#world;
    const [row] = broker.home.query("SELECT queue, state FROM job WHERE id = ?", id);
    if (row?.state !== "waiting" && row?.state !== "running") return 0;
    let left = count;
    for (const { home } of clusters)
      left -= Number(
        home.query("SELECT count(*) AS n FROM task WHERE job = ? AND state NOT IN ('waiting', 'returned')", id)[0]?.n,
      );
    return left;
  }

  #roomFor(demand: Resources, within: readonly string[] | null): string | null {
    for (const cluster of this.#world.clusters) {
      if ((within !== null && !within.includes(cluster.name)) || !isOpen(cluster)) continue;
      for (const agent of this.#world.agents)
        if (agent.claims.cluster === cluster.name && isThere(cluster, agent) && fits(demand, freeOn(cluster, agent)))
          return agent.claims.node;
    }
    return null;
  }
}

const isBounded = (used: Resources, most: Resources): boolean =>
  Object.entries(most).every(([name, bound]) => (used[name] ?? 0) <= bound);

/** All of it is lent, and nothing keeps it empty. */
function isOpen({ home }: SimObject): boolean {
  const isClosed = ({ spec }: { spec: unknown }) => {
    const { lend, slice } = JSON.parse(String(spec)) as PartitionSpec;
    return slice !== null || lend === "none" || Object.keys(lend).length > 0;
  };
  const [self] = home.query("SELECT drain, drill FROM self");
  const isDrilled = self?.drill !== null && JSON.parse(String(self?.drill)).endedAtMs === null;
  return (
    self?.drain === null && !isDrilled && !home.query<{ spec: string }>("SELECT spec FROM partition").some(isClosed)
  );
}

function isThere({ home }: SimObject, { alive, claims }: AgentHost): boolean {
  const [node] = home.query(
    `SELECT 1 FROM node WHERE name = ? AND serial = ? AND paused = 0 AND removed = 0 AND drain IS NULL
       AND NOT EXISTS (SELECT 1 FROM silence WHERE silence.node = node.name)`,
    claims.node,
    claims.serial,
  );
  return alive && node !== undefined;
}

/** Of what the machine has, less what may run there and what is held for frameworks. */
function freeOn({ home }: SimObject, { machine, claims }: AgentHost): Resources {
  let free: Resources = machine.capacity;
  for (const { template } of home.query(ON_NODE, claims.node, claims.node))
    free = subtract(free, JSON.parse(String(template)).resources as Resources);
  const isHeld =
    home.query(
      "SELECT 1 FROM offer WHERE node = ? UNION ALL SELECT 1 FROM reservation WHERE node = ?",
      claims.node,
      claims.node,
    ).length > 0;
  return isHeld ? {} : free;
}

const ON_NODE = `
  SELECT g.template FROM task t JOIN "grant" g ON g.job = t.job
    WHERE t.node = ? AND t.state IN ('assigned', 'running', 'stopping')
  UNION ALL
  SELECT g.template FROM task t JOIN "grant" g ON g.job = t.job WHERE t.leaving ->> '$.node' = ?`;
