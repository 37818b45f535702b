import { expect, it } from "vitest";
import type { JobView } from "../../src/model/views.ts";
import { headLine, progressLine, summaryLine } from "./progress.ts";

const place = { limit: 0, live: 0, succeeded: 0, failed: 0, cancelled: 0, supply: 0 };
const job = (over: Partial<JobView>): JobView => ({
  id: "7k2m4x9p1a",
  name: "",
  state: "running",
  count: 4,
  gang: null,
  role: "default",
  counts: { waiting: 0, live: 0, succeeded: 0, failed: 0, cancelled: 0 },
  clusters: {},
  partitions: {},
  borrows: [],
  waits: null,
  lastFailure: null,
  resources: {},
  command: "echo hi",
  createdAt: 1000,
  endedAt: null,
  ...over,
});

it("the head says how many tasks went where", () => {
  const clusters = { north: { ...place, limit: 2, supply: 2 }, south: { ...place, limit: 2, supply: 2 } };
  expect(headLine(job({ clusters }))).toBe("job 7k2m4x9p1a  4 tasks → north 2, south 2  echo hi");
  expect(headLine(job({ count: 1 }))).toBe("job 7k2m4x9p1a  1 task  echo hi");
  expect(headLine(job({ count: 8, gang: 8 }))).toBe("job 7k2m4x9p1a  gang of 8  echo hi");
  expect(headLine(job({ count: 8, gang: 4 }))).toBe("job 7k2m4x9p1a  8 tasks in gangs of 4  echo hi");
});

it("the head says whether it fits and what of whom it borrows", () => {
  const partitions = { "north/default": { limit: 2, live: 0 }, "north/gpu": { limit: 2, live: 0 } };
  expect(headLine(job({ partitions }))).toBe("job 7k2m4x9p1a  4 tasks  fits now, borrows nothing  echo hi");
  const of = (partition: string, owner: string, cpus: number) => ({ partition, owner, resources: { cpus } });
  const borrows = [of("north/gpu", "lab", 1000), of("north/big", "lab", 500), of("south/gpu", "web", 250)];
  expect(headLine(job({ partitions, borrows, count: 40 }))).toBe(
    "job 7k2m4x9p1a  40 tasks  4 fit now, borrows 1.5 cpus of lab, 0.25 cpus of web  echo hi",
  );
});

it("a long or many-lined command does not break the head", () => {
  const line = headLine(job({ command: `echo a\necho b ${"x".repeat(500)}` }));
  expect(line).not.toContain("\n");
  expect(line.length).toBeLessThan(150);
});

it("progress names only what there is", () => {
  const none = { waiting: 0, live: 0, succeeded: 0, failed: 0, cancelled: 0 };
  expect(progressLine(40, { ...none, waiting: 20, live: 8, succeeded: 11, failed: 1 })).toBe(
    "12 of 40 done, 8 running, 20 waiting, 1 failed",
  );
  expect(progressLine(4, { ...none, succeeded: 4 })).toBe("4 of 4 done");
});

it("the summary says how it ended, in which time and where", () => {
  const counts = { waiting: 0, live: 0, succeeded: 3, failed: 1, cancelled: 0 };
  const clusters = { north: { ...place, succeeded: 2 }, south: { ...place, succeeded: 1, failed: 1 } };
  expect(summaryLine(job({ state: "failed", counts, clusters, endedAt: 1234 }))).toBe(
    "3 of 4 succeeded, 1 failed in 0.2 s (north 2, south 2)",
  );
});
