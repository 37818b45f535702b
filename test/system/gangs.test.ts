/** Gangs on a whole league: real processes that wait for each other. A cluster for each scenario. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { explainJob, getJob } from "../../cli/api/endpoints.ts";
import type { JobSpecInput } from "../../src/model/job.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { signal, until } from "./processes.ts";

const STOP_AFTER_S = 30;
/** stopAfter + 15 s + 1 %, the marking and ticking in front of and around it, and the others' stop. */
const REPLACED_WITHIN_MS = (STOP_AFTER_S + 90) * 1000;
const TIMEOUT_MS = 150_000;

let league: League;
beforeAll(async () => {
  league = await League.start(["wide", "halves", "short", "dead"]);
  for (const name of ["n1", "n2"]) league.addAgent("wide", name, { cpus: 2 });
  for (const name of ["n1", "n2", "n3"]) league.addAgent("halves", name);
  for (const name of ["n1", "n2"]) league.addAgent("short", name, { cpus: 2 });
  for (const name of ["n1", "n2", "n3"]) league.addAgent("dead", name);
  await league.allUp();
}, 60_000);
afterAll(async () => {
  await league?.end();
}, 30_000);

/** Leaves a mark, and goes on when all of its gang have: alone it waits for ever. */
const meets = (marks: Marks, name: string): string =>
  `${marks.leave}; while [ $(ls ${join(league.marks, name)}.[0-9]* | wc -l) -lt $HANSA_GANG_SIZE ]; do sleep 0.05; done`;
const waitsFor = (file: string): string => `while [ ! -e ${join(league.marks, file)} ]; do sleep 0.05; done`;
const leave = (file: string): void => writeFileSync(join(league.marks, file), "");

const job = (cluster: string, command: string, rest: Partial<JobSpecInput>): JobSpecInput => ({
  command,
  clusters: [cluster],
  ...rest,
});

test("a gang larger than a node starts together, and each knows its place in it", { timeout: TIMEOUT_MS }, async () => {
  const marks = new Marks(league.marks, "wide");
  const command = `${meets(marks, "wide")}; echo $HANSA_GANG $HANSA_GANG_SIZE $HANSA_GANG_RANK`;
  const { id } = await league.submit(job("wide", command, { count: 4, gang: true, resources: { cpus: 1 } }));
  expect(await league.ended(id)).toMatchObject({ state: "succeeded", gang: 4 });
  const starts = [0, 1, 2, 3].flatMap((index) => marks.of(index));
  expect(new Set(starts.map(({ node }) => node))).toEqual(new Set(["n1", "n2"]));
  // One hand-out: nobody was tried twice.
  expect((await league.tasks(id)).map(({ attempts }) => attempts.length)).toEqual([1, 1, 1, 1]);
  expect(await league.output(id, 3)).toBe("0 4 3\n");
});

test("two gangs that each need more than half of the cluster both finish", { timeout: TIMEOUT_MS }, async () => {
  const gangs = ["one", "two"].map((name) =>
    league.submit(
      job("halves", `${meets(new Marks(league.marks, name), name)}; sleep 0.3`, {
        count: 2,
        gang: true,
        resources: { cpus: 1 },
      }),
    ),
  );
  for (const { id } of await Promise.all(gangs)) expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
});

test("a gang that finds no room on its nodes lets go after its hold: a small job runs, then the gang", {
  timeout: TIMEOUT_MS,
}, async () => {
  // 0.8 cpus are left on each: enough for three halves in all, but only two of them fit.
  const fillers = ["n1", "n2"].map((node) =>
    league.submit(job("short", waitsFor("room"), { resources: { cpus: 1.2 }, constraints: [`node = ${node}`] })),
  );
  for (const { id } of await Promise.all(fillers))
    await until(`${id} runs`, async () => (await getJob(league.client, id)).counts.live === 1);
  const gang = await league.submit(
    job("short", `${meets(new Marks(league.marks, "three"), "three")}`, {
      count: 3,
      gang: { hold: "3s" },
      resources: { cpus: 0.5 },
    }),
  );
  await until("it waits as a gang", async () => (await explainJob(league.client, gang.id)).reason === "gang");
  const { sentence } = await explainJob(league.client, gang.id);
  expect(sentence).toMatch(/until all 3 can start together; 2 of 3 places are kept for it, for at most 3s/);
  const small = await league.submit(job("short", "true", { resources: { cpus: 0.5 } }));
  expect(await league.ended(small.id)).toMatchObject({ state: "succeeded" });
  expect((await getJob(league.client, gang.id)).counts.live).toBe(0);
  leave("room");
  expect(await league.ended(gang.id)).toMatchObject({ state: "succeeded" });
});

test("a task lost with its node: the whole gang stops, and runs again together elsewhere", {
  timeout: TIMEOUT_MS,
}, async () => {
  const marks = new Marks(league.marks, "lost");
  const command = `${marks.leave}; ${waitsFor("lost.over")}`;
  const disconnect = { stopAfter: `${STOP_AFTER_S}s` };
  const { id } = await league.submit(
    job("dead", command, { count: 2, gang: true, resources: { cpus: 1 }, stopGrace: "1s", disconnect }),
  );
  await until("both run", () => [0, 1].every((index) => marks.of(index).length > 0));
  const dead = marks.of(0)[0]?.node;
  const agent = league.agents.find(({ plan }) => plan.cluster === "dead" && plan.name === dead);
  for (const pid of agent?.pids ?? []) signal(pid, "SIGKILL");
  await until("both run again", () => [0, 1].every((index) => marks.lives(index).length === 2), REPLACED_WITHIN_MS);
  const again = [0, 1].map((index) => marks.lives(index)[1]?.[0]);
  expect(again.map((mark) => mark?.node)).not.toContain(dead);
  expect(Math.abs((again[0]?.uptimeS ?? 0) - (again[1]?.uptimeS ?? 0))).toBeLessThan(3);
  leave("lost.over");
  expect(await league.ended(id)).toMatchObject({ state: "succeeded", counts: { failed: 0, succeeded: 2 } });
  const { attempts } = await league.task(id, 1);
  expect(attempts[0]).toMatchObject({ state: "cancelled", reason: "gang" });
});
