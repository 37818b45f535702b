import { afterAll, beforeAll, expect, test } from "vitest";
import { League, startWorker } from "../../test/support/league.ts";
import type { RunningWorker } from "../../test/support/miniflare.ts";

let worker: RunningWorker;
let league: League;
beforeAll(async () => {
  worker = await startWorker();
  league = await League.on(worker, "lab");
});
afterAll(() => worker.dispose());

const DEFAULTS = { weight: 1, guarantee: {}, limit: {}, lend: {}, borrow: {} };

test("every name is a role, with the defaults until it is configured", async () => {
  expect(await league.ok("GET", "/v1/roles/anyone")).toMatchObject({ name: "anyone", configured: false, ...DEFAULTS });
});

test("a role under another is one part of the path, and its ancestors are listed with it", async () => {
  const body = { weight: 2, guarantee: { cpus: 4, mem: "2GiB" }, limit: { gpus: 0 } };
  const policy = { ...DEFAULTS, weight: 2, guarantee: { cpus: 4000, mem: 2_048_000 }, limit: { gpus: 0 } };
  expect(await league.ok("PUT", "/v1/roles/lab%2Fml", { body })).toMatchObject({ name: "lab/ml", ...policy });
  expect(await league.ok("GET", "/v1/roles/lab%2Fml")).toMatchObject({ configured: true, ...policy });
  expect((await league.ok("GET", "/v1/roles")).items).toMatchObject([
    { name: "lab", configured: false },
    { name: "lab/ml", configured: true },
  ]);
  expect(await league.ok("DELETE", "/v1/roles/lab%2Fml")).toMatchObject({ configured: false, ...DEFAULTS });
  expect(await league.call("DELETE", "/v1/roles/lab%2Fml")).toMatchObject({
    status: 404,
    body: { code: "not-found" },
  });
});

test("what is put replaces all of it", async () => {
  await league.ok("PUT", "/v1/roles/web", { body: { weight: 3, borrow: { cpus: 1 } } });
  expect(await league.ok("PUT", "/v1/roles/web", { body: {} })).toMatchObject({ configured: true, ...DEFAULTS });
});

test.each<[string, object, object]>([
  ["an unknown field", { wieght: 2 }, { field: "wieght", message: "unknown", didYouMean: "weight" }],
  ["no weight", { weight: 0 }, { field: "weight" }],
  ["an amount that is none", { guarantee: { mem: "plenty" } }, { field: "guarantee.mem" }],
  ["a limit below nothing", { limit: { cpus: -1 } }, { field: "limit.cpus" }],
  ["a resource that can be none", { lend: { CPUS: 1 } }, { field: "lend.CPUS" }],
  ["a part where amounts are wanted", { borrow: { cpus: "50%" } }, { field: "borrow.cpus" }],
])("%s is refused and named", async (_what, body, error) => {
  expect(await league.call("PUT", "/v1/roles/bad", { body })).toMatchObject({ status: 400, body: { errors: [error] } });
  expect(await league.ok("GET", "/v1/roles/bad")).toMatchObject({ configured: false });
});

test.each(["Lab", "lab%2F", "%2Flab", "lab%2F%2Fml", "a%2Fb%2Fc%2Fd%2Fe", "lab%20ml", "lab%252Fml"])(
  "%s names no role",
  async (name) => {
    const { status, body } = await league.call("PUT", `/v1/roles/${name}`, { body: {} });
    expect([status, body.errors?.[0]?.field]).toEqual([400, "role"]);
  },
);

test("only an admin configures; others look", async () => {
  const member = await league.makeToken({ scope: "member", role: "lab" });
  expect(await league.call("PUT", "/v1/roles/lab", { token: member, body: { weight: 100 } })).toMatchObject({
    status: 403,
  });
  expect(await league.call("DELETE", "/v1/roles/lab", { token: member })).toMatchObject({ status: 403 });
  expect(await league.call("GET", "/v1/roles/lab", { token: member })).toMatchObject({ status: 200 });
});
