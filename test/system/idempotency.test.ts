/** One key is one job, whoever sends it how often. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { listJobs } from "../../cli/api/endpoints.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { jobIdIn, postJob } from "./raw.ts";

let league: League;

beforeAll(async () => {
  league = await League.start(["north"]);
  league.addAgent("north", "n1");
  await league.allUp();
}, 30_000);

afterAll(() => league?.end(), 30_000);

const submit = (key: string, spec: object) => postJob(league.broker.url, league.client.access.token, spec, key);
const jobs = async () => (await listJobs(league.client, { limit: 1000 })).items;

test("one job submitted ten times at once with one key is one job", async () => {
  const marks = new Marks(league.marks, "ten");
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => submit("ten-at-once", { command: marks.leave, count: 3 })),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201));
  const ids = new Set(answers.map(jobIdIn));
  expect(ids.size).toBe(1);
  expect(await jobs()).toHaveLength(1);
  const [id = ""] = ids;
  expect(await league.ended(id)).toMatchObject({ state: "succeeded", count: 3 });
  for (const index of [0, 1, 2]) expect(marks.of(index)).toHaveLength(1);
});

test("the key is remembered when the job is over, and after the broker was killed", async () => {
  await league.broker.kill();
  await league.broker.start();
  const marks = new Marks(league.marks, "ten");
  const again = await submit("ten-at-once", { command: marks.leave, count: 3 });
  expect(again.status).toBe(201);
  expect(again.body).toMatchObject({ state: "succeeded" });
  expect(await jobs()).toHaveLength(1);
}, 30_000);

test("the same key with another body is refused, and nothing is made", async () => {
  const refused = await submit("ten-at-once", { command: "something else" });
  expect(refused.status).toBe(422);
  expect(refused.body).toMatchObject({ code: "idempotency-key-reused" });
  expect(await jobs()).toHaveLength(1);
});

test("ten keys at once are ten jobs", async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => submit(`key-${n}`, { command: "true" })));
  expect(new Set(answers.map(jobIdIn)).size).toBe(10);
  expect(await jobs()).toHaveLength(11);
});
