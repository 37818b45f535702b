/**
 * A whole cluster cut off, with real time: one league, one cut, and a job for each promise, so that they all wait for
 * the silence rule together. North has a node that works, of which the agent is the executable, and one, too small for
 * any of it, that rests.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { explainJob, listClusters, listNodes } from "../../cli/api/endpoints.ts";
import type { JobSpecInput } from "../../src/model/job.ts";
import { FaultProxy } from "../proxy/faultProxy.ts";
import { type Built, builtExecutable } from "../support/executable.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { lives, until } from "./processes.ts";

const TASKS = [0, 1];
const CPUS = 0.1;
const SMALL_CPUS = 0.05;
/** A hold, the marking, the ticks, and for what runs once stopAfter + 15 s + 1 %; with room for a busy machine. */
const COPIED_WITHIN_MS = 60_000;
const MOVED_WITHIN_MS = 90_000;
const REPLACED_WITHIN_MS = 120_000;
/** Who was not answered for so long tries again once in a minute at the least. */
const BACK_WITHIN_MS = 75_000;
/** In which what must not happen would. */
const QUIET_MS = 3_000;
const CUT_MS = 150_000;

let built: Built;
let league: League;
let north: FaultProxy;
let cutAt: number;
/** stopAfter 30 s · disconnect: keep · at least one, lost after 1 s · waits in north for its next try */
let once: Beating;
let kept: Beating;
let copied: Beating;
let waiting: { id: string; marks: Marks };

interface Beating {
  id: string;
  marks: Marks;
}

beforeAll(async () => {
  built = await builtExecutable();
  league = await League.start(["north", "south"]);
  north = await FaultProxy.start(league.broker.port);
  league.addAgent("north", "n1", { url: north.url, program: built.path });
  await until("n1 is up", async () => (await upIn("north")) === 1);
  once = await beating("once", { disconnect: { stopAfter: "30s" } });
  kept = await beating("kept", { disconnect: "keep" });
  copied = await beating("copied", { copies: "at-least-one", disconnect: { lostAfter: "1s" } });
  waiting = await failedInNorth("waiting");
  league.addAgent("north", "n2", { url: north.url, cpus: SMALL_CPUS });
  league.addAgent("south", "s1");
  await league.allUp();
  north.blackHole();
  cutAt = performance.now();
}, 60_000);

afterAll(async () => {
  await league?.end();
  await north?.close();
  built?.remove();
}, 30_000);

const upIn = async (cluster: string): Promise<number | undefined> =>
  (await listClusters(league.client)).find(({ name }) => name === cluster)?.nodes.up;

/** Two tasks that beat on n1. */
async function beating(name: string, spec: Partial<JobSpecInput>): Promise<Beating> {
  const marks = new Marks(league.marks, name);
  const { id } = await league.submit({ command: marks.beat, count: 2, resources: { cpus: CPUS }, ...spec });
  await until(`${name} beats on n1`, () => TASKS.every((index) => marks.of(index).length > 0));
  return { id, marks };
}

/** Its second try is due when nobody in north listens any more; silence would hold what runs there for ten minutes. */
async function failedInNorth(name: string): Promise<Beating> {
  const marks = new Marks(league.marks, name);
  const command = `${marks.leave}; [ $HANSA_NODE = s1 ]`;
  const { id } = await league.submit({ command, resources: { cpus: CPUS }, retry: { max: 1, backoff: "30s" } });
  await until(`${name} has failed`, async () => (await league.task(id)).attempts[0]?.state === "failed");
  return { id, marks };
}

const nodesOf = ({ marks }: Beating, index: number) => marks.lives(index).map(([first]) => first?.node);
const whyOf = async ({ id }: Beating) => explainJob(league.client, id);
const movedWithin = (what: string, beats: Beating, ms: number) =>
  until(
    what,
    () => TASKS.every((index) => nodesOf(beats, index).includes("s1")),
    Math.max(1, cutAt + ms - performance.now()),
  );

describe.concurrent("while north is cut off", () => {
  test(
    "what may run twice runs in south at once, and the first goes on",
    async () => {
      await movedWithin("copies run on s1", copied, COPIED_WITHIN_MS);
      for (const index of TASKS) expect(lives(copied.marks.lives(index)[0]?.[0]?.pid ?? 0)).toBe(true);
    },
    CUT_MS,
  );

  test(
    "what waits there goes to south, long before silence would give up what runs",
    async () => {
      const job = await league.ended(waiting.id, MOVED_WITHIN_MS);
      expect(job).toMatchObject({ state: "succeeded", clusters: { south: { succeeded: 1 } } });
      expect(performance.now() - cutAt).toBeLessThan(MOVED_WITHIN_MS);
      expect(waiting.marks.of(0).map(({ node }) => node)).toEqual(["n1", "s1"]);
    },
    CUT_MS,
  );

  test(
    "what runs once says for how long it is held, and is dead before it runs in south under a higher epoch",
    async () => {
      await until("it is held", async () => (await whyOf(once)).reason === "holding", COPIED_WITHIN_MS);
      const { sentence, estimateMs } = await whyOf(once);
      expect(sentence).toMatch(/within about \d+ s/);
      expect(estimateMs).toBeLessThan(REPLACED_WITHIN_MS);
      await movedWithin("replacements run on s1", once, REPLACED_WITHIN_MS);
      for (const index of TASKS) {
        const [before = [], after = []] = once.marks.lives(index);
        expect(nodesOf(once, index)).toEqual(["n1", "s1"]);
        expect(before.at(-1)?.uptimeS).toBeLessThan(after[0]?.uptimeS ?? 0);
        expect(lives(before[0]?.pid ?? 0)).toBe(false);
      }
    },
    CUT_MS,
  );
});

describe("when north is back", () => {
  beforeAll(async () => {
    for (const index of TASKS) expect(nodesOf(kept, index)).toEqual(["n1"]);
    north.heal();
    await until("all of north is up", async () => (await upIn("north")) === 2, BACK_WITHIN_MS);
  }, BACK_WITHIN_MS + 10_000);

  test("of what runs twice the older copy is stopped and the newer lives", async () => {
    for (const index of TASKS) {
      const [older = [], newer = []] = copied.marks.lives(index);
      await until("the older copy is dead", () => !lives(older[0]?.pid ?? 0));
      expect(lives(newer[0]?.pid ?? 0)).toBe(true);
    }
  });

  test("everything ends once, with its newest attempt, and nothing runs again after that", async () => {
    const ends = { once: "s1", kept: "n1", copied: "s1" };
    for (const { marks } of [once, kept, copied]) marks.letEnd();
    for (const { id } of [once, kept, copied])
      expect(await league.ended(id)).toMatchObject({ state: "succeeded", counts: { succeeded: TASKS.length } });
    await sleep(QUIET_MS);
    for (const [name, beats] of Object.entries({ once, kept, copied })) {
      for (const task of await league.tasks(beats.id)) {
        const runs = beats.marks.lives(task.index);
        expect(runs.map(([first]) => first?.node)).toEqual(name === "kept" ? ["n1"] : ["n1", "s1"]);
        expect(task.attempts.map(({ node }) => node)).toEqual(runs.map(([first]) => first?.node));
        expect(task.attempts.at(-1)).toMatchObject({
          node: ends[name as keyof typeof ends],
          state: "succeeded",
          epoch: runs.at(-1)?.[0]?.epoch,
        });
        for (const [mark] of runs) expect(lives(mark?.pid ?? 0)).toBe(false);
      }
    }
  });

  test("what its guard had ended is told late, and decides nothing", async () => {
    for (const { attempts } of await league.tasks(once.id))
      expect(attempts[0]).toMatchObject({ node: "n1", state: "failed", reason: "deadline" });
    for (const { attempts } of await league.tasks(copied.id)) expect(attempts[0]?.state).toBe("cancelled");
  });

  test("it takes work again", async () => {
    const places = await Promise.all(
      (await listNodes(league.client, "north")).map(({ name }) =>
        league.run({ command: "true", constraints: [`node = ${name}`], resources: { cpus: SMALL_CPUS } }),
      ),
    );
    expect(places.map(({ state }) => state)).toEqual(["succeeded", "succeeded"]);
  });
});
