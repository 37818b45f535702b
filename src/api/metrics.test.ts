import { afterAll, beforeAll, expect, test } from "vitest";
import { League, startWorker } from "../../test/support/league.ts";
import type { RunningWorker } from "../../test/support/miniflare.ts";

let worker: RunningWorker;
let league: League;
beforeAll(async () => {
  worker = await startWorker();
  league = await League.on(worker, "lab");
  for (const name of ["north", "south"]) await league.ok("POST", "/v1/clusters", { body: { name } });
});
afterAll(() => worker.dispose());

test("the figures of all objects stand together by name, each with its object", async () => {
  const text: string = await league.ok("GET", "/metrics");
  const lines = text.trimEnd().split("\n");
  for (const line of lines) {
    expect(line).toMatch(
      /^(# TYPE hansa_[a-z_]+ (counter|gauge)|hansa_[a-z_]+\{league="lab",object="(broker|cluster|framework|shelf)",name="[a-z0-9-]*"\} -?[0-9.e+]+)$/,
    );
  }
  const types = lines.filter((line) => line.startsWith("#"));
  expect(new Set(types).size).toBe(types.length);
  expect(text).toContain("# TYPE hansa_rows_written counter\n");
  for (const label of ['object="broker",name=""', 'object="cluster",name="north"', 'object="cluster",name="south"']) {
    expect(text).toContain(`hansa_requests{league="lab",${label}}`);
  }
});

test("shelves that hold nothing are not told of", async () => {
  expect(Object.keys(await league.counts()).sort()).toEqual(["broker", "cluster/north", "cluster/south"]);
});

test("reading the figures costs what it is said to cost, and nothing that is budgeted", async () => {
  const first = await league.counts();
  const second = await league.counts();
  const change = (name: string) => (second.broker?.[name] ?? 0) - (first.broker?.[name] ?? 0);
  expect([change("requests"), change("messages"), change("rows_written")]).toEqual([0, 0, 0]);
  // its list of clusters and its own figures
  expect(change("metrics_requests")).toBe(2);
});
