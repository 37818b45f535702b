/** What a poll and a task cost, by the counters of the objects. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Ends } from "../../bench/ends.ts";
import { percentile } from "../../bench/line.ts";
import { createToken } from "../../cli/api/endpoints.ts";
import { HandMadeAgent } from "./handMadeAgent.ts";
import { League } from "./league.ts";
import { readCounters, since } from "./metrics.ts";

/** An object that nobody asks is put to sleep after 10 s; sockets do not count. */
const HIBERNATES_S = 13;

let league: League;

afterAll(() => league?.end(), 30_000);

/** What `work` cost, in a time in which no object was rebuilt. */
async function costOf(work: () => Promise<void>) {
  const before = await readCounters(league.client);
  await work();
  const after = await readCounters(league.client);
  expect(after.built).toBe(before.built);
  return since(after, before);
}

describe("with a node that polls by hand", () => {
  let agent: HandMadeAgent;

  beforeAll(async () => {
    league = await League.start(["north"]);
    const { token } = await createToken(league.client, { scope: "join", cluster: "north", uses: 1, expiresIn: "1h" });
    agent = await HandMadeAgent.join(league.broker.url, token, "n1");
    await agent.introduce();
    await agent.poll();
  }, 30_000);

  test.each([
    ["answered at once", 0, 20],
    ["held", 1, 3],
  ])("an idle poll, %s, is one request to its Cluster, none to the Broker, and no row", async (_how, waitS, polls) => {
    const cost = await costOf(async () => {
      for (let n = 0; n < polls; n++) expect((await agent.poll({}, waitS)).assignments).toEqual([]);
    });
    expect(cost.clusters).toMatchObject({ requests: polls, rowsWritten: 0 });
    expect(cost.broker).toMatchObject({ requests: 0, rowsWritten: 0 });
    expect(cost.shelves).toMatchObject({ requests: 0, rowsWritten: 0 });
  });

  test("a poll that finds its Cluster asleep writes nothing either, and wakes nobody else", async () => {
    const before = await readCounters(league.client);
    await agent.poll({}, HIBERNATES_S);
    await agent.poll();
    const { built, clusters, broker } = await readCounters(league.client);
    // counters begin anew with each building
    expect(built).not.toBe(before.built);
    expect(clusters).toMatchObject({ requests: 1, rowsWritten: 0 });
    expect(broker).toMatchObject({ rowsWritten: 0 });
  }, 40_000);
});

describe("with a real agent", () => {
  const JOBS = 20;

  beforeAll(async () => {
    await league.end();
    league = await League.start(["north"]);
    league.addAgent("north", "n1");
    await league.allUp();
    await league.run({ command: "exit 0" });
  }, 30_000);

  test("a short task is at most 3 requests to its Cluster and 10 rows; the Broker hears of its submission and its reports", async () => {
    const ends = new Ends(league.client);
    await ends.of((await league.submit({ command: "exit 0" })).id);
    const costs: Awaited<ReturnType<typeof costOf>>[] = [];
    for (let n = 0; n < JOBS; n++) {
      costs.push(await costOf(async () => void (await ends.of((await league.submit({ command: "exit 0" })).id))));
    }
    await ends.close();
    // the next hold may fall into the measure of the next task
    const usual = (of: (cost: (typeof costs)[number]) => number) => percentile(costs.map(of), 0.5);
    expect(usual(({ clusters }) => clusters.requests)).toBeLessThanOrEqual(3);
    expect(usual(({ clusters }) => clusters.rowsWritten)).toBeLessThanOrEqual(10);
    // of the job, not of its task: the Broker has no row per task
    expect(usual(({ broker }) => broker.rowsWritten)).toBeLessThanOrEqual(10);
    expect(usual(({ broker }) => broker.requests)).toBeLessThanOrEqual(3);
    for (const { shelves } of costs) expect(shelves).toMatchObject({ requests: 0, rowsWritten: 0 });
  }, 30_000);

  test("a task of a job of many is at most 3 requests to its Cluster and 10 rows, and the Broker is not asked per task", async () => {
    const count = 200;
    const cost = await costOf(async () => {
      expect(await league.run({ command: "exit 0", count })).toMatchObject({ state: "succeeded" });
    });
    const rows = cost.broker.rowsWritten + cost.clusters.rowsWritten + cost.shelves.rowsWritten;
    expect(cost.clusters.requests / count).toBeLessThanOrEqual(3);
    expect(rows / count).toBeLessThanOrEqual(10);
    expect(cost.broker.requests / count).toBeLessThan(1);
  }, 30_000);
});
