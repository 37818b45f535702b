import { connect } from "node:net";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { League, startWorker, until } from "../../test/support/league.ts";
import { type RunningWorker, SECRET } from "../../test/support/miniflare.ts";
import { mintCredential, namedKey } from "../model/credential.ts";
import { macKey } from "../model/digest.ts";
import { shelfOf } from "../shelf/shelfOf.ts";

let worker: RunningWorker;
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker.dispose());

const DAY_MS = 86_400_000;

async function leagueWithNode(name: string) {
  const league = await League.on(worker, name);
  await league.ok("POST", "/v1/clusters", { body: { name: "north" } });
  const agent = await league.join("north", "n1");
  await agent.poll();
  return { league, agent };
}
const requestsOf = async (league: League, object: string) => (await league.counts())[object]?.requests ?? 0;

test("a poll that is held is answered when there is work, and is one request", async () => {
  const { league, agent } = await leagueWithNode("held");
  const before = await requestsOf(league, "cluster/north");
  const held = agent.poll(20);
  await until(
    () => league.counts(),
    (counts) => counts["cluster/north"]?.held_polls === 1,
  );
  await league.ok("POST", "/v1/jobs", { body: { command: "true" } });
  expect((await held).assignments).toHaveLength(1);
  // the poll and the grant
  expect((await requestsOf(league, "cluster/north")) - before).toBe(2);
});

test("a node sees itself as the broker sees it, until its credential is of an earlier join", async () => {
  const { league, agent } = await leagueWithNode("mirror");
  const own = { token: agent.credential };
  expect(await league.ok("GET", "/agent/v1/node", own)).toMatchObject({ cluster: "north", name: "n1", state: "up" });
  expect((await league.call("GET", "/agent/v1/node")).status).toBe(401);
  await league.ok("DELETE", "/v1/clusters/north/nodes/n1");
  expect((await league.call("GET", "/agent/v1/node", own)).status).toBe(401);
  const again = await league.join("north", "n1");
  expect(again.credential).not.toBe(agent.credential);
  expect((await league.call("GET", "/agent/v1/node", own)).status).toBe(401);
});

test("a poll that is held to its end answers what the cluster said at its beginning", async () => {
  const { agent } = await leagueWithNode("idle");
  const startedAt = performance.now();
  const reply = await agent.poll(1);
  expect(performance.now() - startedAt).toBeGreaterThan(990);
  expect(reply).toMatchObject({ session: 1, seq: agent.seq, assignments: [], action: "run" });
});

test("an idle poll is one request of its cluster, none of the broker, and writes no row", async () => {
  const { league, agent } = await leagueWithNode("budget");
  await agent.poll(1);
  const before = await league.counts();
  for (let n = 0; n < 3; n++) await agent.poll(1);
  await agent.poll(0);
  const after = await league.counts();
  const spent = (object: string, what: string) => (after[object]?.[what] ?? 0) - (before[object]?.[what] ?? 0);
  expect({
    cluster: spent("cluster/north", "requests"),
    broker: spent("broker", "requests"),
    rows: spent("cluster/north", "rows_written") + spent("broker", "rows_written"),
  }).toEqual({ cluster: 4, broker: 0, rows: 0 });
});

test("a newer poll ends the older one with nothing", async () => {
  const { league, agent } = await leagueWithNode("newer");
  const older = agent.send(20);
  await until(
    () => league.counts(),
    (counts) => counts["cluster/north"]?.held_polls === 1,
  );
  const newer = await agent.poll(0);
  expect((await older).status).toBe(204);
  expect(newer.seq).toBe(agent.seq);
});

test("holds that are over leave no socket behind", async () => {
  const { league, agent } = await leagueWithNode("tidy");
  let older: Promise<Response> | null = null;
  const before = await requestsOf(league, "cluster/north");
  for (let n = 1; n <= 50; n++) {
    const newer = agent.send(20);
    await until(
      () => league.counts(),
      (counts) => counts["cluster/north"]?.requests === before + n,
    );
    if (older) expect((await older).status).toBe(204);
    older = newer;
  }
  await until(
    () => league.counts(),
    (counts) => counts["cluster/north"]?.sockets === 1,
  );
  await agent.poll(0);
  await until(
    () => league.counts(),
    (counts) => counts["cluster/north"]?.sockets === 0,
  );
});

test("a hold goes on while its cluster sleeps and is built anew", async () => {
  const { league, agent } = await leagueWithNode("asleep");
  const held = agent.poll(20);
  await until(
    () => league.counts(),
    (counts) => counts["cluster/north"]?.held_polls === 1,
  );
  await worker.evict("CLUSTER", "asleep/north");
  await league.ok("POST", "/v1/jobs", { body: { command: "true" } });
  expect((await held).assignments).toHaveLength(1);
});

test("a hold that is lost answers nothing that could renew: only that the agent shall come again", async () => {
  const { league, agent } = await leagueWithNode("lost");
  const held = agent.send(20);
  await until(
    () => league.counts(),
    (counts) => counts["cluster/north"]?.held_polls === 1,
  );
  await worker.evict("CLUSTER", "lost/north", "close");
  const response = await held;
  expect([response.status, await response.json()]).toMatchObject([503, { code: "unavailable" }]);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
});

test("when the agent is gone its hold ends", async () => {
  const { league, agent } = await leagueWithNode("gone");
  const { host, hostname, port } = new URL(league.url);
  const body = JSON.stringify(agent.request());
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST /agent/v1/poll?wait=20 HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${agent.credential}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await until(
    () => league.counts(),
    (counts) => counts["cluster/north"]?.held_polls === 1,
  );
  socket.resetAndDestroy();
  await until(
    () => league.counts(),
    (counts) => counts["cluster/north"]?.held_polls === 0,
  );
});

test("a credential past three quarters of its life is renewed, and one past its end is refused", async () => {
  const { league, agent } = await leagueWithNode("renewal");
  const key = await namedKey(await macKey(SECRET));
  const identity = { league: "renewal", cluster: "north", node: "n1", serial: 1 };
  const pollWith = (credential: string) =>
    league.call("POST", "/agent/v1/poll", { token: credential, body: agent.request() });
  const fresh = await pollWith(agent.credential);
  expect([fresh.status, fresh.body.credential]).toEqual([200, undefined]);
  const old = await pollWith(await mintCredential(key, identity, Date.now() - 23 * DAY_MS));
  expect(old.status).toBe(200);
  expect((await pollWith(old.body.credential)).status).toBe(200);
  const expired = await pollWith(await mintCredential(key, identity, Date.now() - 31 * DAY_MS));
  expect([expired.status, expired.body.code]).toEqual([401, "unauthenticated"]);
});

test("the wake socket says that there is work, hears nothing, and survives the cluster's sleep", async () => {
  const { league, agent } = await leagueWithNode("wakes");
  const url = `${league.url.replace("http", "ws")}/agent/v1/wake`;
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${agent.credential}` } } as never);
  const said = new Promise((done) => {
    socket.addEventListener("message", ({ data }) => done(JSON.parse(data)));
  });
  await new Promise((done) => socket.addEventListener("open", done));
  const forged = {
    poll: { claims: { league: "wakes", cluster: "north", node: "n9", serial: 1 }, request: {}, waitS: 1 },
  };
  socket.send(JSON.stringify(forged));
  await worker.evict("CLUSTER", "wakes/north");
  const startedAt = performance.now();
  expect(await agent.poll(20)).toMatchObject({ assignments: [], nextPollMs: 900_000 });
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  await league.ok("POST", "/v1/jobs", { body: { command: "true" } });
  expect(await said).toEqual({ wake: true });
  expect((await agent.takeWork()).length).toBe(1);
  socket.close();
});

test("the wake route is only a socket", async () => {
  const { league, agent } = await leagueWithNode("nowake");
  const answer = await league.call("GET", "/agent/v1/wake", { token: agent.credential });
  expect([answer.status, answer.body.code]).toEqual([400, "invalid-request"]);
});

test("output is appended at its end, rewound by a 416, verified, and written by one node only", async () => {
  const { league, agent } = await leagueWithNode("output");
  const other = await league.join("north", "n2");
  const path = (query: string) => `job1.0/1048576/logs?stream=stdout&${query}`;
  const all = Buffer.from("hello, world\n");
  expect((await agent.putLogs(path("offset=0"), all.subarray(0, 5))).body).toEqual({ offset: 5, followed: false });
  const wrong = await agent.putLogs(path("offset=3"), all.subarray(3));
  expect([wrong.status, wrong.body.data]).toEqual([416, { offset: 5 }]);
  expect((await other.putLogs(path("offset=5"), "forged")).status).toBe(403);
  const end = `end=1&size=${all.length}&crc32=${crc32(all)}`;
  expect((await agent.putLogs(path(`offset=5&${end}`), all.subarray(5))).body.offset).toBe(all.length);
  expect((await agent.putLogs(path(`offset=${all.length}&${end}`), "")).status).toBe(200);
  const shelf = `shelf/${shelfOf("output", "job1.0").name}`;
  expect((await league.counts())[shelf]).toMatchObject({ puts: 2, put_bytes: all.length });
});

test("a short task costs its cluster two requests, the broker a report, and few rows", async () => {
  const { league, agent } = await leagueWithNode("short");
  const runOne = async () => {
    const attempts = await agent.takeWork();
    for (const { task, epoch } of attempts) {
      const output = Buffer.from("done\n");
      const end = `end=1&size=${output.length}&crc32=${crc32(output)}`;
      await agent.putLogs(`${task}/${epoch}/logs?stream=stdout&offset=0&${end}`, output);
    }
    await agent.end(attempts);
    return attempts.length;
  };
  // One at a time on this node; the first one brings the tables of the Shelf into being.
  const { id } = await league.ok("POST", "/v1/jobs", { body: { command: "true", count: 2, resources: { cpus: 4 } } });
  expect(await runOne()).toBe(1);
  const settled = async (succeeded: number) =>
    until(
      () => league.ok("GET", `/v1/jobs/${id}`),
      ({ counts }) => counts.succeeded === succeeded,
    );
  await settled(1);
  const before = await league.counts();
  expect(await runOne()).toBe(1);
  await settled(2);
  const after = await league.counts();
  const spent = (what: string, kind: string) =>
    Object.keys(after)
      .filter((name) => name.startsWith(kind))
      .reduce((sum, name) => sum + (after[name]?.[what] ?? 0) - (before[name]?.[what] ?? 0), 0);
  // the poll that carried it, and the one that told its end
  expect(spent("requests", "cluster")).toBeLessThanOrEqual(3);
  expect(spent("rows_written", "shelf")).toBe(2);
  expect(spent("rows_written", "cluster") + spent("rows_written", "shelf")).toBeLessThanOrEqual(10);
});

test("an agent that is newer than the broker, and says what is not known here, is heard", async () => {
  const { league, agent } = await leagueWithNode("later");
  await league.ok("POST", "/v1/jobs", { body: { command: "true" } });
  const [given] = await agent.takeWork();
  if (!given) throw new Error("nothing was assigned");
  const { task, epoch } = given;
  const end = { uuid: "end-of-it", task, epoch, state: "succeeded", code: 0, reason: "exit", later: {} };
  const token = agent.credential;
  const body = { ...agent.request({ running: [] }), updates: [end], later: [1] };
  const reply = await league.ok("POST", "/agent/v1/poll?wait=0&later=1", { token, body });
  expect(reply.acked).toEqual(["end-of-it"]);
  const put = await agent.putLogs(`${task}/${epoch}/logs?stream=stdout&offset=0&later=1`, "hi");
  expect(put.body.offset).toBe(2);
});
