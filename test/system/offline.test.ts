/** `disconnect: keep` on a node whose link is gone: it goes on by itself, and all of it arrives once when the link is back. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LONE_START_MS } from "../../agent/core/keeping.ts";
import { localOf } from "../../src/model/ids.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { until } from "./processes.ts";

/** An agent without an answer asks again no later than after this. */
const MOST_BACKOFF_MS = 60_000;

let league: League;

beforeAll(async () => {
  league = await League.start(["north"]);
  league.addAgent("north", "n1");
  await league.allUp();
}, 30_000);

afterAll(() => league?.end(), 30_000);

const agent = () => {
  const [first] = league.agents;
  if (!first) throw new Error("no agent");
  return first;
};
/** By epoch, as the node counts them. */
const tries = (marks: Marks) => marks.lives(0).map(([first]) => localOf((first?.epoch ?? 0) as never));
const toldTries = async (id: string) =>
  (await league.task(id)).attempts.map(({ epoch, state, reason }) => [localOf(epoch as never), state, reason]);

test("what fails there is tried again there, and each try and its output are told when the broker is back", async () => {
  const marks = new Marks(league.marks, "offline");
  const gate = join(league.marks, "offline-gate");
  const third = "test $((HANSA_EPOCH % 1048576)) = 2";
  const { id } = await league.submit({
    command: `${marks.leave}; echo try; while [ ! -e ${gate} ]; do sleep 0.1; done; ${third}`,
    disconnect: "keep",
    retry: { max: 5, backoff: "200ms" },
  });
  await until("it runs", () => marks.of(0).length === 1);
  await league.broker.kill();
  writeFileSync(gate, "");
  await until("it was tried three times", () => marks.of(0).length === 3);
  await league.broker.start();
  expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
  expect(tries(marks)).toEqual([0, 1, 2]);
  expect(await toldTries(id)).toEqual([
    [0, "failed", "exit"],
    [1, "failed", "exit"],
    [2, "succeeded", "exit"],
  ]);
  expect(await league.output(id)).toBe("try\n");
}, 60_000);

test("a power cut while the broker is away: what ran runs again, in one copy, and is taken up when it is back", async () => {
  const marks = new Marks(league.marks, "power");
  const { id } = await league.submit({ command: `${marks.beat}; echo done`, disconnect: "keep" });
  await until("it runs", () => marks.of(0).length > 2);
  await league.broker.kill();
  await agent().cutPower();
  agent().start({ boot: "11111111-2222-4333-8444-555555555555" });
  await until("it runs again", () => marks.lives(0).length === 2, LONE_START_MS + 30_000);
  await league.broker.start();
  const knows = async () => (await league.task(id)).attempts.length === 2;
  await until("the cluster knows", knows, MOST_BACKOFF_MS + 15_000);
  marks.letEnd();
  expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
  expect(tries(marks)).toEqual([0, 1]);
  const [before = [], after = []] = marks.lives(0);
  expect(after[0]?.uptimeS).toBeGreaterThan(before.at(-1)?.uptimeS ?? Number.POSITIVE_INFINITY);
  expect(new Set(after.map(({ pid }) => pid)).size).toBe(1);
  expect(await toldTries(id)).toEqual([
    [0, "failed", "rebooted"],
    [1, "succeeded", "exit"],
  ]);
  expect(await league.output(id)).toBe("done\n");
}, 240_000);
