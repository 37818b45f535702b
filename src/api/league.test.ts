import { afterAll, beforeAll, expect, test } from "vitest";
import { League, startWorker } from "../../test/support/league.ts";
import type { RunningWorker } from "../../test/support/miniflare.ts";
import { DEFAULT_SETTINGS } from "../model/league.ts";

let worker: RunningWorker;
let league: League;
beforeAll(async () => {
  worker = await startWorker();
  league = await League.on(worker, "lab");
});
afterAll(() => worker.dispose());

const change = (body: object, token?: string) =>
  league.call("PATCH", "/v1/league", { body, ...(token !== undefined && { token }) });

test("a change changes only what it names", async () => {
  expect(await league.ok("GET", "/v1/league")).toEqual(DEFAULT_SETTINGS);
  const changed = { ...DEFAULT_SETTINGS, objective: "cost", historyHalfLifeMs: 5_400_000 };
  expect(await change({ objective: "cost", historyHalfLife: "1h30m" })).toMatchObject({ status: 200, body: changed });
  expect((await change({})).body).toEqual(changed);
  const again = { ...changed, historyWeight: 0, entryPenaltyMs: 0 };
  expect((await change({ historyWeight: 0, entryPenalty: "0s" })).body).toEqual(again);
  expect(await league.ok("GET", "/v1/league")).toEqual(again);
});

test.each<[string, object, object]>([
  ["an unknown field", { objektive: "cost" }, { field: "objektive", message: "unknown", didYouMean: "objective" }],
  ["an objective that is none", { objective: "speed" }, { field: "objective" }],
  ["a time that is none", { historyHalfLife: "soon" }, { field: "historyHalfLife" }],
  ["a half-life of nothing", { historyHalfLife: "0s" }, { field: "historyHalfLife" }],
  ["ms in place of a time", { entryPenalty: 10_000 }, { field: "entryPenalty" }],
  ["too much weight", { historyWeight: 11 }, { field: "historyWeight" }],
])("%s is refused and named", async (_what, body, error) => {
  expect(await change(body)).toMatchObject({ status: 400, body: { errors: [error] } });
});

test("only an admin changes it; others look at it and at the ledger", async () => {
  const member = await league.makeToken({ scope: "member", role: "lab" });
  const join = await league
    .ok("POST", "/v1/clusters", { body: { name: "north" } })
    .then(() => league.makeToken({ scope: "join", cluster: "north" }));
  expect(await change({ objective: "balance" }, member)).toMatchObject({ status: 403 });
  for (const path of ["/v1/league", "/v1/ledger"]) {
    expect(await league.call("GET", path, { token: member }), path).toMatchObject({ status: 200 });
    expect(await league.call("GET", path, { token: join }), path).toMatchObject({ status: 403 });
  }
});

test("a ledger without an entry balances", async () => {
  expect(await league.ok("GET", "/v1/ledger")).toEqual({ entries: [], roles: [], balanced: true });
});
