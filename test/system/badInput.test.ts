/** Bad input leaves no trace: nothing is stored, and no object is called. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { listJobs } from "../../cli/api/endpoints.ts";
import { League } from "./league.ts";
import { type LeagueCounters, readCounters, since } from "./metrics.ts";
import { postJob } from "./raw.ts";

const MIB = 2 ** 20;

let league: League;
let before: LeagueCounters;

beforeAll(async () => {
  league = await League.start(["north"]);
  // so that the token is known
  await listJobs(league.client, { limit: 1 });
  before = await readCounters(league.client);
}, 30_000);

afterAll(() => league?.end(), 30_000);

const token = () => league.client.access.token ?? "";

test.each<[string, unknown, string]>([
  ["an unknown field", { comand: "true" }, "comand"],
  ["an unknown field inside", { command: "true", retry: { maximum: 3 } }, "retry.maximum"],
  ["a wrong type", { command: 7 }, "command"],
  ["a command that is missing", {}, "command"],
  ["an absurd count", { command: "true", count: 1e12 }, "count"],
  ["a negative count", { command: "true", count: -1 }, "count"],
  ["an absurd amount", { command: "true", resources: { cpus: 1e300 } }, "resources.cpus"],
  ["an amount that is none", { command: "true", resources: { mem: "lots" } }, "resources.mem"],
  ["a time that is none", { command: "true", timeout: "soon" }, "timeout"],
  ["a constraint that is none", { command: "true", constraints: ["arch ~ x64"] }, "constraints[0]"],
  ["count and each together", { command: "true", count: 2, each: ["a"] }, "count"],
  ["a lostAfter below the silence rule", { command: "true", disconnect: { lostAfter: "1m" } }, "disconnect.lostAfter"],
])("%s is refused and named", async (_what, spec, field) => {
  const { status, body } = await postJob(league.broker.url, token(), spec);
  expect(status).toBe(400);
  expect(body).toMatchObject({
    code: "invalid-request",
    errors: expect.arrayContaining([expect.objectContaining({ field })]),
  });
});

test("a body over 1 MiB is refused", async () => {
  const { status, body } = await postJob(league.broker.url, token(), { command: "x".repeat(MIB) });
  expect([status, body]).toEqual([413, expect.objectContaining({ code: "too-large" })]);
});

test.each([
  ["no JSON", "{command: true"],
  ["half of it", '{"command": "tr'],
  ["a list", "[]"],
  ["nothing", ""],
])("a body that is %s is refused", async (_what, text) => {
  expect((await postJob(league.broker.url, token(), text)).status).toBe(400);
});

test.each<[string, () => string | null]>([
  ["no token", () => null],
  ["junk", () => "junk"],
  ["a token of ours with another mac", () => `${token().slice(0, -4)}0000`],
  ["a token whose league was changed", () => token().replace("_test_", "_other_")],
])("%s gets nowhere", async (_what, given) => {
  expect((await postJob(league.broker.url, given(), { command: "true" })).status).toBe(401);
});

test("none of it reached an object", async () => {
  const after = await readCounters(league.client);
  expect(after.built).toBe(before.built);
  const { broker, clusters, shelves } = since(after, before);
  const nothing = { requests: 0, messages: 0, alarms: 0, rowsWritten: 0 };
  expect({ broker, clusters, shelves }).toEqual({ broker: nothing, clusters: nothing, shelves: nothing });
});
