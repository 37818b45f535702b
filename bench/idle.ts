/**
 * `npm run bench:idle -- --nodes 50 --seconds 120`: what a league costs while nothing is to be done. Real agents and a
 * real broker, every request of an agent counted on its way. With `--wake 0` the network passes no WebSockets, so that
 * nodes hold polls instead of sleeping until they are woken.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { FaultProxy } from "../test/proxy/faultProxy.ts";
import { type Fault, PASS } from "../test/proxy/faults.ts";
import { League } from "../test/system/league.ts";
import { CounterTotals } from "./counterTotals.ts";
import { numbers, printLine, progress } from "./line.ts";
import { usdPer1000NodesMonth } from "./prices.ts";

const CLUSTER = "idle";
const STARTED_TOGETHER = 10;
/** The first polls bring the inventory, and a wake socket is tried; then it is quiet. */
const SETTLE_MS = 5_000;
/** An idle node polls at least so often: that may fall outside of a short measurement and is charged all the same. */
const SELDOM_POLL_S = 900;
const NO_SOCKETS: Fault = { kind: "page", status: 502, lose: "request" };

const { nodes, seconds, wake, seed } = numbers({ nodes: 50, seconds: 120, wake: 1, seed: 1 });
const startedAtMs = performance.now();

const league = await League.start([CLUSTER]);
const proxy = await FaultProxy.start(league.broker.port);
const asked = new Map<string, number>();
proxy.decide(({ method, path }) => {
  const [bare = ""] = path.split("?");
  asked.set(`${method} ${bare}`, (asked.get(`${method} ${bare}`) ?? 0) + 1);
  return wake === 0 && bare === "/agent/v1/wake" ? NO_SOCKETS : PASS;
});
try {
  for (let i = 0; i < nodes; i++) {
    league.addAgent(CLUSTER, `n${i + 1}`, { url: proxy.url });
    if (i % STARTED_TOGETHER === STARTED_TOGETHER - 1) await league.allUp(60_000);
  }
  await league.allUp(60_000);
  await sleep(SETTLE_MS);
  progress(`${nodes} nodes are up`);

  asked.clear();
  const totals = await CounterTotals.start(league.client);
  const measuredFrom = performance.now();
  await sleep(seconds * 1000);
  const { broker, clusters } = await totals.end();
  const measuredS = (performance.now() - measuredFrom) / 1000;

  const figures = {
    nodes,
    seconds,
    worker_requests: [...asked.values()].reduce((sum, count) => sum + count, 0),
    cluster_requests: clusters.requests,
    broker_requests: broker.requests,
    rows_written: broker.rowsWritten + clusters.rowsWritten,
  };
  progress(`asked: ${[...asked].map(([what, count]) => `${count} ${what}`).join(", ") || "nothing"}`);
  const seldom = (nodes * measuredS) / SELDOM_POLL_S;
  const usd = usdPer1000NodesMonth(
    {
      ...figures,
      worker_requests: Math.max(figures.worker_requests, seldom),
      cluster_requests: Math.max(figures.cluster_requests, seldom),
      messages: broker.messages + clusters.messages,
    },
    measuredS,
  );
  printLine("idle", seed, startedAtMs, { ...figures, usd_per_1000_nodes_month: usd });
} finally {
  await league.end();
  await proxy.close();
}
