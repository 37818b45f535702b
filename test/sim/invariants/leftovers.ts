/** When all jobs are over and nobody is silent, no object and no machine keeps anything that is for what goes on. */

import type { Piece } from "../../../src/model/framework.ts";
import { amountsOf } from "../../../src/model/pieces.ts";
import type { Resources } from "../../../src/model/resources.ts";
import { isWithin } from "../../../src/model/role.ts";
import type { PartitionView, RoleView } from "../../../src/model/views.ts";
import type { SqlValue } from "../../../src/platform/seam.ts";

import type { AgentHost } from "../world/agentHost.ts";
import { COMPACT_ABOVE_BYTES } from "../world/disk.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";
import { checkSockets } from "./openSockets.ts";

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
  "a claim": 'SELECT job, claim, yields FROM "grant" WHERE ended = 0 AND (claim IS NOT NULL OR yields IS NOT NULL)',
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
/** The last forgetting of a journal may not be synced, and is not compacted then. */
const MOST_JOURNAL_BYTES = COMPACT_ABOVE_BYTES + 4096;

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
  checkCharged(world);
  checkSockets(world);
  for (const agent of agents) if (agent.alive) checkMachine(world, agent);
}

/** What is reserved is its role's until somebody in it gives it back. */
interface Reserved {
  role: string;
  partition: string;
  piece: Piece;
}

const reservedIn = ({ home }: SimObject): Reserved[] =>
  home.query("SELECT role, partition, piece FROM reservation").map(({ role, partition, piece }) => ({
    role: String(role),
    partition: String(partition),
    piece: JSON.parse(String(piece)) as Piece,
  }));

/** Nothing is in use or kept anywhere, or charged to anyone, but what is reserved, and what is offered to frameworks. */
function checkCharged({ broker, clusters, schedulers, checks }: World): void {
  if (schedulers.some(({ isTornDown }) => !isTornDown)) return;
  const reserved = clusters.flatMap(reservedIn);
  for (const { name, charged } of broker.ask("roles", {}) as RoleView[]) {
    const theirs = amountsOf(reserved.filter(({ role }) => isWithin(role, name)).map(({ piece }) => piece));
    checks.hold(
      "nothing-left-behind",
      isSame(charged, theirs),
      () => `role ${name} is charged ${JSON.stringify(charged)}, and has reserved ${JSON.stringify(theirs)}`,
    );
  }
  for (const cluster of clusters) {
    const there = reservedIn(cluster);
    for (const { name, amounts } of cluster.ask("partitions", {}) as PartitionView[]) {
      const { used, stopping, reserved: kept, offered } = amounts;
      const taken = amountsOf(there.filter(({ partition }) => partition === name).map(({ piece }) => piece));
      checks.hold(
        "nothing-left-behind",
        isSame(offered, taken) && [used, stopping, kept].every((part) => isSame(part, {})),
        () => `${cluster.name}/${name} has ${JSON.stringify(amounts)}, of which is reserved ${JSON.stringify(taken)}`,
      );
    }
  }
}

const isSame = (a: Resources, b: Resources): boolean =>
  Object.keys({ ...a, ...b }).every((name) => (a[name] ?? 0) === (b[name] ?? 0));

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
  const { bytes, lines } = machine.disk.journal();
  world.checks.hold(
    "nothing-left-behind",
    bytes <= MOST_JOURNAL_BYTES,
    () => `the journal of ${claims.node} has ${bytes} bytes for ${lines.length} lines`,
  );
  const left = {
    attempts: [...(state?.attempts.keys() ?? [])],
    processes: [...machine.processes.keys()],
    starts: [...machine.disk.starts.keys()],
    exits: [...machine.disk.exits.keys()],
    outputs: [...machine.disk.outputs.keys()],
    marks: [...machine.disk.marks],
    // The first line is the session's.
    journal: lines.slice(1),
  };
  world.checks.hold(
    "nothing-left-behind",
    Object.values(left).every((keys) => keys.length === 0),
    () => `${claims.node} keeps ${JSON.stringify(left)}`,
  );
}
