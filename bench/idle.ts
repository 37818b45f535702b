/**
 * `npm run bench:idle -- --nodes 50 --seconds 120`: what a league costs while nothing is to be done. The nodes are the
 * agent's real core with real held polls over HTTP, many in one process; the broker is a real one. `--wake 1` gives them
 * wake sockets: then a measure shorter than the rest of 15 minutes shows none of their polls.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createToken } from "../cli/api/endpoints.ts";
import { League } from "../test/system/league.ts";
import { LightAgent } from "../test/system/lightAgent.ts";
import { CounterTotals } from "./counterTotals.ts";
import { numbers, printLine, progress } from "./line.ts";
import { usdPer1000NodesMonth } from "./prices.ts";

const CLUSTER = "idle";
/** The first polls bring the inventory; then it is quiet. */
const SETTLE_MS = 3_000;

const { nodes, seconds, seed, wake } = numbers({ nodes: 50, seconds: 120, seed: 1, wake: 0 });
const startedAtMs = performance.now();

const league = await League.start([CLUSTER]);
const agents: LightAgent[] = [];
try {
  const { token } = await createToken(league.client, { scope: "join", cluster: CLUSTER, uses: nodes, expiresIn: "1h" });
  for (let i = 0; i < nodes; i++) {
    agents.push(await LightAgent.join({ url: league.broker.url, joinToken: token, name: `n${i + 1}`, wake: wake > 0 }));
  }
  await sleep(SETTLE_MS);
  const wakeable = agents.filter((agent) => agent.wakeable).length;
  progress(`${nodes} nodes poll, ${wakeable} of them with a wake socket`);

  const polls = () => agents.reduce((sum, agent) => sum + agent.polls, 0);
  const pollsBefore = polls();
  const totals = await CounterTotals.start(league.client);
  const measuredFrom = performance.now();
  await sleep(seconds * 1000);
  const { broker, clusters } = await totals.end();
  const measuredS = (performance.now() - measuredFrom) / 1000;
  const worker_requests = polls() - pollsBefore;

  const figures = {
    nodes,
    ...(wake > 0 && { wakeable }),
    seconds,
    worker_requests,
    cluster_requests: clusters.requests,
    broker_requests: broker.requests,
    rows_written: broker.rowsWritten + clusters.rowsWritten,
  };
  const messages = broker.messages + clusters.messages;
  const usd = usdPer1000NodesMonth({ ...figures, messages }, measuredS);
  progress(`per request of a node: ${(clusters.requests / Math.max(1, worker_requests)).toFixed(2)} of its Cluster`);
  printLine("idle", seed, startedAtMs, { ...figures, usd_per_1000_nodes_month: usd });
} finally {
  for (const agent of agents) agent.close();
  await league.end();
}
