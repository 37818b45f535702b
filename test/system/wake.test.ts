/** An agent that rests until it is called. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { League } from "./league.ts";
import { until } from "./processes.ts";

/** A hold would have been answered and begun anew; two polls a second if it spun. */
const QUIET_MS = 3_000;
/** Far below the rest, and a hold is no part of it. */
const CALLED_WITHIN_MS = 2_000;
/** The agent polls within 5 s and opens its socket again a while later. */
const BACK_WITHIN_MS = 20_000;

const metricsSchema = z.object({
  objects: z.array(z.object({ object: z.string(), name: z.string(), values: z.record(z.string(), z.number()) })),
});

let league: League;
beforeAll(async () => {
  league = await League.start(["north", "south"]);
  league.addAgent("north", "n1");
  league.addAgent("south", "n1", { words: ["--no-wake"] });
  await league.allUp();
}, 30_000);
afterAll(() => league?.end(), 30_000);

async function counters(cluster: string): Promise<Record<string, number>> {
  const { objects } = await league.client.get("/metrics", metricsSchema, { query: { format: "json" } });
  return objects.find(({ object, name }) => object === "cluster" && name === cluster)?.values ?? {};
}
const untilItRests = () =>
  until(
    "the node rests",
    async () => {
      const { held_polls, sockets } = await counters("north");
      return held_polls === 0 && sockets === 1;
    },
    BACK_WITHIN_MS,
  );

test("a node with a socket rests: no poll is held and none comes", async () => {
  await untilItRests();
  const before = await counters("north");
  await new Promise((done) => setTimeout(done, QUIET_MS));
  const { held_polls, requests, nodes_up } = await counters("north");
  expect({ held_polls, requests, nodes_up }).toEqual({ held_polls: 0, requests: before.requests, nodes_up: 1 });
});

test("one that shall not have a socket holds a poll instead", async () => {
  await until("a poll is held", async () => (await counters("south")).held_polls === 1);
  expect((await counters("south")).sockets).toBe(1);
});

test("a submission calls the node, which runs the task and rests again, for two polls in all", async () => {
  await untilItRests();
  // the first task has the node's warm-up in it
  const here = (command: string) => ({ command, clusters: ["north"] });
  await league.run(here("exit 0"));
  await untilItRests();
  const before = await counters("north");
  const startedAt = performance.now();
  expect(await league.run(here("exit 0"))).toMatchObject({ state: "succeeded" });
  expect(performance.now() - startedAt).toBeLessThan(CALLED_WITHIN_MS);
  await untilItRests();
  // the grant, the poll that carried it, and the one that told its end
  expect(((await counters("north")).requests ?? 0) - (before.requests ?? 0)).toBeLessThanOrEqual(3);
}, 30_000);

test("a socket that is lost with the broker is opened again, and the node rests and is called as before", async () => {
  await untilItRests();
  await league.broker.kill();
  await league.broker.start();
  // by a poll of its own, should it not have come to rest yet
  await league.run({ command: "exit 0", clusters: ["north"] });
  await untilItRests();
  const startedAt = performance.now();
  expect(await league.run({ command: "exit 0", clusters: ["north"] })).toMatchObject({ state: "succeeded" });
  expect(performance.now() - startedAt).toBeLessThan(CALLED_WITHIN_MS);
}, 40_000);
