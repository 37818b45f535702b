import { afterAll, beforeAll, expect, test } from "vitest";
import { League, startWorker } from "../../test/support/league.ts";
import { type RunningWorker, SECRET } from "../../test/support/miniflare.ts";
import { macKey } from "../model/digest.ts";
import { composeToken, rootToken } from "../model/token.ts";
import type { Scope } from "../model/views.ts";

let worker: RunningWorker;
beforeAll(async () => {
  worker = await startWorker({ env: { HANSA_SECRET_PREVIOUS: "the secret before, which still verifies" } });
});
afterAll(() => worker.dispose());

const SPEC = { command: "true" };

async function withTokens(name: string) {
  const league = await League.on(worker, name);
  for (const cluster of ["north", "south"]) await league.ok("POST", "/v1/clusters", { body: { name: cluster } });
  const tokens = {
    admin: league.token,
    owner: await league.makeToken({ scope: "owner", cluster: "north" }),
    member: await league.makeToken({ scope: "member", role: "lab" }),
    join: await league.makeToken({ scope: "join", cluster: "north", uses: 5 }),
  };
  await league.ok("POST", "/agent/v1/join", {
    token: tokens.join,
    body: { name: "n1", key: "a key of sixteen chars" },
  });
  return { league, tokens };
}

test("without a token, or with one that was never issued, nothing answers and no object is called", async () => {
  const { league, tokens } = await withTokens("junk");
  const forged = await composeToken(await macKey("some other secret"), {
    scope: "admin",
    league: "junk",
    id: "root",
    secret: "00",
  });
  const before = await league.counts();
  for (const token of [null, "x", "hns_admin_junk_root_0", forged, tokens.member.replace("member", "admin")]) {
    for (const [method, path] of [
      ["GET", "/v1/jobs"],
      ["POST", "/v1/jobs"],
      ["GET", "/v1/nothing"],
      ["GET", "/metrics"],
      ["POST", "/agent/v1/join"],
      ["POST", "/agent/v1/poll"],
      ["GET", "/agent/v1/wake"],
      ["PUT", "/agent/v1/tasks/job1.0/1/logs?stream=stdout&offset=0"],
    ] as const) {
      const { status, body, headers } = await league.call(method, path, { token });
      expect([status, body.code, headers.get("www-authenticate")], path).toEqual([401, "unauthenticated", "Bearer"]);
    }
  }
  const after = await league.counts();
  expect(after.broker?.requests).toBe(before.broker?.requests);
  expect(after["cluster/north"]?.requests).toBe(before["cluster/north"]?.requests);
});

test("a good MAC is not enough: the token must be known to its league", async () => {
  const league = await League.on(worker, "stranger");
  const token = await composeToken(await macKey(SECRET), {
    scope: "admin",
    league: "stranger",
    id: "abc",
    secret: "00",
  });
  expect((await league.call("GET", "/v1/jobs", { token })).status).toBe(401);
});

test("a token that the secret before has signed still holds", async () => {
  const league = await League.on(worker, "rotated");
  const token = await rootToken("the secret before, which still verifies", "rotated");
  expect(await league.ok("GET", "/v1/whoami", { token })).toMatchObject({ league: "rotated", scope: "admin" });
});

test("each scope may do its own things and no others", async () => {
  const { league, tokens } = await withTokens("scopes");
  const mayBe: [string, string, Scope[], object?][] = [
    ["GET", "/v1/jobs", ["admin", "owner", "member"]],
    ["GET", "/v1/clusters", ["admin", "owner", "member"]],
    ["GET", "/v1/clusters/north", ["admin", "owner", "member"]],
    ["GET", "/v1/clusters/north/nodes", ["admin", "owner", "member"]],
    ["GET", "/v1/clusters/north/nodes/n1", ["admin", "owner", "member"]],
    ["GET", "/v1/events", ["admin", "owner", "member"]],
    ["GET", "/v1/whoami", ["admin", "owner", "member"]],
    ["GET", "/metrics", ["admin", "owner", "member"]],
    ["GET", "/v1/tokens", ["admin"]],
    ["DELETE", "/v1/tokens/unknown", ["admin"]],
    ["POST", "/v1/tokens", ["admin"], { scope: "member", role: "lab" }],
    ["POST", "/v1/tokens", ["admin", "owner"], { scope: "join", cluster: "north" }],
    ["POST", "/v1/tokens", ["admin"], { scope: "join", cluster: "south" }],
    ["POST", "/v1/clusters", ["admin"], { name: "west" }],
    ["DELETE", "/v1/clusters/unknown", ["admin"]],
    ["POST", "/v1/jobs", ["admin", "member"], SPEC],
    ["POST", "/v1/jobs/unknown1/cancel", ["admin", "member"]],
    ["POST", "/v1/clusters/north/nodes/n1/pause", ["admin", "owner"]],
    ["POST", "/v1/clusters/north/nodes/n1/resume", ["admin", "owner"]],
    ["POST", "/v1/clusters/south/nodes/n1/pause", ["admin"]],
    ["GET", "/v1/clusters/north/drain", ["admin", "owner", "member"]],
    ["POST", "/v1/clusters/north/drain", ["admin", "owner"], {}],
    ["DELETE", "/v1/clusters/north/drain", ["admin", "owner"]],
    ["POST", "/v1/clusters/north/nodes/n1/drain", ["admin", "owner"], { deadline: "0s" }],
    ["DELETE", "/v1/clusters/north/nodes/n1/drain", ["admin", "owner"]],
    ["POST", "/v1/clusters/south/drain", ["admin"], {}],
    ["DELETE", "/v1/clusters/south/drain", ["admin"]],
    ["POST", "/v1/clusters/south/nodes/n1/drain", ["admin"], {}],
    ["DELETE", "/v1/clusters/south/nodes/n1/drain", ["admin"]],
    ["GET", "/v1/clusters/north/drill", ["admin", "owner", "member"]],
    ["GET", "/v1/clusters/north/drill/preview?for=1m", ["admin", "owner", "member"]],
    ["POST", "/v1/clusters/north/drill", ["admin", "owner"], { for: "10s" }],
    ["DELETE", "/v1/clusters/north/drill", ["admin", "owner"]],
    ["POST", "/v1/clusters/south/drill", ["admin"], { for: "10s" }],
    ["DELETE", "/v1/clusters/south/drill", ["admin"]],
    ["DELETE", "/v1/clusters/south/nodes/n1", ["admin"]],
    ["DELETE", "/v1/clusters/north/nodes/n1", ["admin", "owner"]],
    ["POST", "/agent/v1/join", ["join"], { name: "n2", key: "another key of sixteen" }],
  ];
  for (const [method, path, scopes, body] of mayBe) {
    for (const [scope, token] of Object.entries(tokens)) {
      const { status, body: answer } = await league.call(method, path, { token, ...(body && { body }) });
      const allowed = (scopes as string[]).includes(scope);
      expect(status === 403, `${scope} ${method} ${path}: ${status} ${JSON.stringify(answer)}`).toBe(!allowed);
      if (!allowed) expect(answer.code).toBe("not-allowed");
    }
  }
});

test("a member's job gets its role, another role is refused, and it cancels only jobs of its role", async () => {
  const { league, tokens } = await withTokens("roles");
  const submit = (token: string, role?: string) =>
    league.call("POST", "/v1/jobs", { token, body: { ...SPEC, ...(role && { role }) } });
  const mine = await submit(tokens.member);
  expect(mine.body.role).toBe("lab");
  expect((await submit(tokens.member, "other")).status).toBe(403);
  const others = await submit(tokens.admin, "other");
  const cancel = (id: string) => league.call("POST", `/v1/jobs/${id}/cancel`, { token: tokens.member });
  expect((await cancel(others.body.id)).status).toBe(403);
  expect((await cancel(mine.body.id)).status).toBe(200);
});

test("a look-up is made once in half a minute, and a token that was revoked before it is refused", async () => {
  const { league } = await withTokens("cached");
  const [known, unknown] = [await league.makeToken({ scope: "admin" }), await league.makeToken({ scope: "admin" })];
  await league.ok("GET", "/v1/whoami", { token: known });
  const before = await league.counts();
  for (let n = 0; n < 5; n++) await league.ok("GET", "/v1/whoami", { token: known });
  const after = await league.counts();
  expect(after.broker?.requests).toBe(before.broker?.requests);
  await league.ok("DELETE", `/v1/tokens/${unknown.split("_")[3]}`);
  expect((await league.call("GET", "/v1/whoami", { token: unknown })).status).toBe(401);
});

test("a repeated request for a token answers the same token, and with another body it is refused", async () => {
  const { league } = await withTokens("twice");
  const make = (note: string) =>
    league.call("POST", "/v1/tokens", { body: { scope: "admin", note }, headers: { "idempotency-key": "once" } });
  const first = await make("a");
  expect((await make("a")).body.token).toBe(first.body.token);
  expect((await make("b")).body.code).toBe("idempotency-key-reused");
  expect(await league.ok("GET", "/v1/whoami", { token: first.body.token })).toMatchObject({ scope: "admin" });
});

test("a join token is used up, and a repeated join with its key is the same node", async () => {
  const league = await League.on(worker, "joins");
  await league.ok("POST", "/v1/clusters", { body: { name: "north" } });
  const token = await league.makeToken({ scope: "join", cluster: "north", uses: 1 });
  const join = (key: string) => league.call("POST", "/agent/v1/join", { token, body: { name: "n1", key } });
  const first = await join("the first node's key");
  expect((await join("the first node's key")).body.node).toBe(first.body.node);
  expect((await join("the second node's key")).status).toBe(403);
});
