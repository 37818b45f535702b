import { crc32 } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { League, startWorker, type TestAgent, until } from "../../test/support/league.ts";
import type { RunningWorker } from "../../test/support/miniflare.ts";
import type { EventView } from "../model/views.ts";

let worker: RunningWorker;
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker.dispose());

async function leagueWithNode(name: string) {
  const league = await League.on(worker, name);
  await league.ok("POST", "/v1/clusters", { body: { name: "north" } });
  const agent = await league.join("north", "n1");
  await agent.poll();
  return { league, agent };
}

/** The body in parts that end in `separator`; null when it has ended. */
async function reader(response: Response, separator: string) {
  const body = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  return {
    async next(): Promise<string | null> {
      for (;;) {
        const at = rest.indexOf(separator);
        if (at >= 0) {
          const part = rest.slice(0, at);
          rest = rest.slice(at + separator.length);
          return part;
        }
        const { done, value } = (await body?.read()) ?? { done: true, value: undefined };
        if (done) return null;
        rest += value;
      }
    },
    cancel: () => body?.cancel(),
  };
}

interface Frame {
  event: string | undefined;
  id: string | undefined;
  data: EventView;
}

async function sse(league: League, query = "", headers: Record<string, string> = {}) {
  const response = await league.fetch("GET", `/v1/events${query}`, {
    headers: { accept: "text/event-stream", ...headers },
  });
  const parts = await reader(response, "\n\n");
  return {
    response,
    cancel: parts.cancel,
    async next(): Promise<Frame> {
      for (;;) {
        const part = await parts.next();
        if (part === null) throw new Error("the stream has ended");
        if (part.startsWith(":")) continue;
        const fields = new Map(
          part.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
        );
        return { event: fields.get("event"), id: fields.get("id"), data: JSON.parse(fields.get("data") ?? "null") };
      }
    },
    async until(type: string): Promise<Frame> {
      for (;;) {
        const frame = await this.next();
        if (frame.event === type) return frame;
      }
    },
  };
}

test("stored events come as lines, and after a cursor only the newer ones", async () => {
  const { league } = await leagueWithNode("lines");
  const response = await league.fetch("GET", "/v1/events");
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  const events: EventView[] = (await response.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(["cluster.created", "token.created"]));
  const rest = await (await league.fetch("GET", `/v1/events?since=${events[0]?.cursor}`)).text();
  expect(
    rest
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual(events.slice(1));
});

test("server-sent events tell a job's way to its end, and are taken up again after the last id", async () => {
  const { league, agent } = await leagueWithNode("sse");
  const all = await sse(league);
  const job = await league.ok("POST", "/v1/jobs", { body: { command: "true" } });
  const submitted = await all.until("job.submitted");
  expect(submitted).toMatchObject({ id: submitted.data.cursor, data: { job: job.id } });
  const one = await sse(league, `?job=${job.id}`);
  expect(await one.next()).toMatchObject({ event: "job.progress", id: undefined, data: { job: job.id } });
  await agent.end(await agent.takeWork());
  const ended = await one.until("job.ended");
  expect(ended.data).toMatchObject({ state: "succeeded", counts: { succeeded: 1 } });
  await all.until("job.ended");
  const again = await sse(league, "", { "last-event-id": submitted.id ?? "" });
  expect((await again.until("job.ended")).id).toBe(ended.id);
  for (const stream of [all, one, again]) await stream.cancel();
});

test("a reader of a job that is over is told so at once, and one of no job is told that", async () => {
  const { league } = await leagueWithNode("over");
  const job = await league.ok("POST", "/v1/jobs", { body: { command: "true" } });
  await league.ok("POST", `/v1/jobs/${job.id}/cancel`);
  const late = await sse(league, `?job=${job.id}`);
  expect((await late.next()).data.state).toBe("cancelled");
  await late.cancel();
  const answer = await league.call("GET", "/v1/events?job=absent1234", { headers: { accept: "text/event-stream" } });
  expect([answer.status, answer.body.code]).toEqual([404, "not-found"]);
});

test("a stream of events goes on while the broker sleeps and is built anew", async () => {
  const { league } = await leagueWithNode("dozes");
  const all = await sse(league);
  await all.until("token.created");
  await worker.evict("BROKER", "dozes");
  await league.ok("POST", "/v1/clusters", { body: { name: "south" } });
  expect((await all.until("cluster.created")).data.cluster).toBe("south");
  await all.cancel();
});

async function runningTask(league: League, agent: TestAgent) {
  const job = await league.ok("POST", "/v1/jobs", { body: { command: "true" } });
  const [attempt] = await agent.takeWork();
  if (!attempt) throw new Error("nothing assigned");
  const path = `/v1/tasks/${job.id}.0/logs`;
  const put = (text: string, offset: number, end?: string) => {
    const whole = Buffer.from(end ?? "");
    const tail = end === undefined ? "" : `&end=1&size=${whole.length}&crc32=${crc32(whole)}`;
    return agent.putLogs(`${attempt.task}/${attempt.epoch}/logs?stream=stdout&offset=${offset}${tail}`, text);
  };
  return { job, attempt, path, put };
}

test("output is read as it is, with where it stands and whether it ended", async () => {
  const { league, agent } = await leagueWithNode("reads");
  const { attempt, path, put } = await runningTask(league, agent);
  await put("one\n", 0);
  const first = await league.fetch("GET", path);
  expect(await first.text()).toBe("one\n");
  const facts = (response: Response) =>
    ["hansa-epoch", "hansa-offset", "hansa-size", "hansa-ended", "hansa-verified"].map((name) =>
      response.headers.get(name),
    );
  expect(facts(first)).toEqual([String(attempt.epoch), "0", "4", "0", "0"]);
  await put("two\n", 4, "one\ntwo\n");
  const rest = await league.fetch("GET", `${path}?offset=4`);
  expect([await rest.text(), facts(rest)]).toEqual(["two\n", [String(attempt.epoch), "4", "8", "1", "1"]]);
  const beyond = await league.call("GET", `${path}?offset=9`);
  expect([beyond.status, beyond.body.data]).toEqual([416, { offset: 8 }]);
  const empty = await league.fetch("GET", `${path}?stream=stderr`);
  expect([await empty.text(), empty.headers.get("hansa-size")]).toEqual(["", "0"]);
});

test("an output of many pieces is read whole", async () => {
  const { league, agent } = await leagueWithNode("large");
  const { path, put } = await runningTask(league, agent);
  const piece = "0123456789abcdef".repeat(60_000);
  for (let n = 0; n < 4; n++) expect((await put(piece, n * piece.length)).status).toBe(200);
  const text = await (await league.fetch("GET", path)).text();
  expect(text === piece.repeat(4)).toBe(true);
});

test("a follower gets what is there, what comes, and the end", async () => {
  const { league, agent } = await leagueWithNode("follows");
  const { path, put } = await runningTask(league, agent);
  await put("one\n", 0);
  const lines = await reader(await league.fetch("GET", `${path}?follow=1`), "\n");
  expect(await lines.next()).toBe("one");
  expect((await put("two\n", 4)).body.followed).toBe(true);
  expect(await lines.next()).toBe("two");
  await put("three\n", 8, "one\ntwo\nthree\n");
  expect(await lines.next()).toBe("three");
  expect(await lines.next()).toBe(null);
});

test("the node is told that someone follows", async () => {
  const { league, agent } = await leagueWithNode("told");
  const { attempt, path, put } = await runningTask(league, agent);
  const held = agent.poll(20);
  await until(
    () => league.counts(),
    (counts) => counts["cluster/north"]?.held_polls === 1,
  );
  const following = league.fetch("GET", `${path}?follow=1`).then((response) => response.text());
  const { follows } = await held;
  expect(follows).toEqual([`${attempt.task}@${attempt.epoch}`]);
  await put("hi", 0, "hi");
  expect(await following).toBe("hi");
});

test("a follower of a task that never says anything is let go when the task has ended", async () => {
  const { league, agent } = await leagueWithNode("silent");
  const { attempt, path } = await runningTask(league, agent);
  const following = league.fetch("GET", `${path}?follow=1`).then((response) => response.text());
  await agent.end([attempt], { stdout: { size: 0, crc32: 0, dropped: 0 } });
  expect(await following).toBe("");
  const after = await league.fetch("GET", `${path}?follow=1`);
  expect([await after.text(), after.headers.get("hansa-ended")]).toEqual(["", "1"]);
}, 10_000);

test("a follower that is early waits for the task to begin; one that only reads is told that it has not", async () => {
  const { league, agent } = await leagueWithNode("early");
  const job = await league.ok("POST", "/v1/jobs", { body: { command: "true" } });
  const path = `/v1/tasks/${job.id}.0/logs`;
  expect((await league.call("GET", path)).status).toBe(404);
  const following = league.fetch("GET", `${path}?follow=1`).then((response) => response.text());
  const [attempt] = await agent.takeWork();
  const query = `stream=stdout&offset=0&end=1&size=2&crc32=${crc32("hi")}`;
  await agent.putLogs(`${attempt?.task}/${attempt?.epoch}/logs?${query}`, "hi");
  expect(await following).toBe("hi");
}, 10_000);
