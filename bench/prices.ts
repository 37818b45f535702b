/** What counters cost on Cloudflare: Workers Paid, list prices of 2026, without the five dollars a month. */
import { rounded } from "./line.ts";

const MONTH_S = 2_592_000;
const NODES = 1000;

/** Dollars per million, above what is included. */
const PRICE = {
  workerRequests: { usd: 0.3, included: 10 },
  /** of CPU time */
  workerMs: { usd: 0.02, included: 30 },
  objectRequests: { usd: 0.15, included: 1 },
  rowsWritten: { usd: 1, included: 50 },
};
/** A message on an object's socket is a twentieth of a request. */
const MESSAGES_PER_REQUEST = 20;
/** CPU of one request in the Worker: measured 0.05 to 0.17 ms, taken as this. */
const WORKER_MS_PER_REQUEST = 1;

export interface Counted {
  nodes: number;
  worker_requests: number;
  cluster_requests: number;
  broker_requests: number;
  rows_written: number;
  /** of sockets, to the objects */
  messages: number;
}

/**
 * Counts scaled to 1,000 nodes and 30 days, at list prices, less what is included. Objects sleep while they hold
 * polls, so no duration is charged.
 */
export function usdPer1000NodesMonth(counted: Counted, measuredS: number): number {
  const millions = (count: number) => (((count / counted.nodes) * NODES) / measuredS) * MONTH_S * 1e-6;
  const cost = ({ usd, included }: { usd: number; included: number }, amount: number) =>
    Math.max(0, amount - included) * usd;
  const worker = millions(counted.worker_requests);
  const objects = millions(
    counted.cluster_requests + counted.broker_requests + counted.messages / MESSAGES_PER_REQUEST,
  );
  return rounded(
    cost(PRICE.workerRequests, worker) +
      cost(PRICE.workerMs, worker * WORKER_MS_PER_REQUEST) +
      cost(PRICE.objectRequests, objects) +
      cost(PRICE.rowsWritten, millions(counted.rows_written)),
  );
}
