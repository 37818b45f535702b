/** When all jobs are over and nobody is silent, no object and no machine keeps anything that is for what goes on. */
import type { SqlValue } from "../../../src/platform/seam.ts";
import type { AgentHost } from "../world/agentHost.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

/** Of the Broker, what there must be none of. */
const OF_JOBS = {
  "a job that goes on": "SELECT id FROM job WHERE state NOT IN ('succeeded', 'failed', 'cancelled') OR queue <> '[]'",
  "supply of a job that is over": `SELECT job, cluster, supply FROM "grant" WHERE supply <> '[]'`,
};
const OF_TORN_DOWN = {
  "a framework": "SELECT id FROM framework WHERE id = ?",
  "a framework's grant": "SELECT framework, cluster FROM framework_grant WHERE framework = ?",
};

/** Of a Cluster. */
const OF_TASKS = {
  "an attempt that lives": `SELECT job, "index", state FROM task WHERE state IN ('assigned', 'running', 'stopping')`,
  "an attempt that leaves": `SELECT job, "index", leaving FROM task WHERE leaving IS NOT NULL`,
  "a job that is not known to be over": 'SELECT job FROM "grant" WHERE ended = 0 AND launched IS NULL',
  "a mark of silence": "SELECT node, session, silent_ms FROM silence",
  "no nodes since": "SELECT no_nodes_since FROM self WHERE no_nodes_since IS NOT NULL",
};
const OF_TORN_DOWN_HERE = {
  "a framework": "SELECT id FROM framework WHERE id = ?",
  "an offer": "SELECT id FROM offer WHERE framework = ?",
  "a refusal": "SELECT role FROM refusal WHERE framework = ?",
  "an answer": "SELECT id FROM accepted WHERE framework = ?",
  "a task": `SELECT job FROM "grant" WHERE ended = 0 AND launched ->> '$.framework' = ?`,
};
/** Kept in memory only; nobody is told of these. */
const GAUGES = ["jobs_live", "places_held"];

export function checkLeftovers(world: World): void {
  const { broker, clusters, schedulers, agents } = world;
  const tornDown = schedulers.filter(({ isTornDown }) => isTornDown).map(({ plan }) => plan.id);
  holdNone(world, broker, OF_JOBS);
  for (const id of tornDown) holdNone(world, broker, OF_TORN_DOWN, id);
  for (const cluster of clusters) {
    holdNone(world, cluster, OF_TASKS);
    for (const id of tornDown) holdNone(world, cluster, OF_TORN_DOWN_HERE, id);
    const metrics = cluster.ask("metrics", {}) as Record<string, number>;
    for (const gauge of GAUGES)
      world.checks.hold(
        "nothing-left-behind",
        metrics[gauge] === 0,
        () => `${cluster.name}: ${gauge} ${metrics[gauge]}`,
      );
  }
  for (const agent of agents) if (agent.alive) checkMachine(world, agent);
}

function holdNone(world: World, { home, name }: SimObject, tables: Record<string, string>, ...binds: SqlValue[]): void {
  for (const [what, query] of Object.entries(tables)) {
    const rows = home.query(query, ...binds);
    world.checks.hold(
      "nothing-left-behind",
      rows.length === 0,
      () => `${name} keeps ${what}: ${JSON.stringify(rows)} ${binds}`,
    );
  }
}

/** The guard's file is written when it must be: of what is gone it finds nothing. */
function checkMachine(world: World, { machine, state, claims }: AgentHost): void {
  const left = {
    attempts: [...(state?.attempts.keys() ?? [])],
    processes: [...machine.processes.keys()],
    starts: [...machine.disk.starts.keys()],
    exits: [...machine.disk.exits.keys()],
  };
  world.checks.hold(
    "nothing-left-behind",
    Object.values(left).every((keys) => keys.length === 0),
    () => `${claims.node} keeps ${JSON.stringify(left)}`,
  );
}
