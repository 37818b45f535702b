import { expect, test } from "vitest";
import { usdPer1000NodesMonth } from "./prices.ts";

const counted = {
  nodes: 1000,
  cluster_requests: 0,
  broker_requests: 0,
  rows_written: 0,
  messages: 0,
  worker_requests: 0,
};

test("a poll each 25 s by each of 1,000 nodes, one object request each, is 45 dollars a month", () => {
  // 103.68 M polls: (103.68-10)·0.30 + (103.68-30)·0.02 + (103.68-1)·0.15
  const polls = { ...counted, worker_requests: 1000, cluster_requests: 1000 };
  expect(usdPer1000NodesMonth(polls, 25)).toBeCloseTo(28.104 + 1.474 + 15.402, 2);
});

test("a row for each of these polls would be ten times the rest", () => {
  expect(usdPer1000NodesMonth({ ...counted, rows_written: 1000 }, 25)).toBeCloseTo(53.68, 2);
});

test("what is included costs nothing, and fifty nodes cost as much per thousand as a thousand", () => {
  expect(usdPer1000NodesMonth({ ...counted, worker_requests: 10 }, 25)).toBe(0);
  const fifty = { ...counted, nodes: 50, worker_requests: 50, cluster_requests: 50 };
  const thousand = { ...counted, worker_requests: 1000, cluster_requests: 1000 };
  expect(usdPer1000NodesMonth(fifty, 25)).toBe(usdPer1000NodesMonth(thousand, 25));
});
