import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundle, type RunningWorker, runWorker } from "../../test/support/miniflare.ts";
import type { Step } from "./fixture/steps.ts";
import { LOST_CLOSURE } from "./objectClient.ts";

let worker: RunningWorker;
beforeAll(async () => {
  worker = await runWorker(await bundle("src/platform/fixture/worker.ts"));
});
afterAll(() => worker.dispose());

/** What the door in front of the object answers; a test knows which part it asks for. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
type Reply = { value: any; problem: any; fault: string; retryAfterS: number };

let puppets = 0;
const puppet = () => {
  const name = `puppet-${puppets++}`;
  const call = async (method: string, args: unknown = null): Promise<Reply> => {
    const response = await fetch(`${worker.url}/${name}/${method}`, { method: "POST", body: JSON.stringify(args) });
    return (await response.json()) as Reply;
  };
  return {
    name,
    call,
    value: async (method: string, args: unknown = null) => (await call(method, args)).value,
    steps: (...steps: Step[]) => call("steps", steps),
    script: (on: string, ...steps: Step[]) => call("script", { on, steps }),
    socket: () => socketTo(`${worker.url.replace("http", "ws")}/${name}`),
    deafSocket: () => socketTo(`${worker.url.replace("http", "ws")}/${name}/deaf`),
    evict: () => worker.evict("CLUSTER", `league/${name}`),
  };
};

/** Opened, with its messages to be taken one after the other; `null` when it is closed. */
async function socketTo(url: string) {
  const socket = new WebSocket(url);
  const arrived: unknown[] = [];
  const waiting: ((message: unknown) => void)[] = [];
  const take = (message: unknown) => {
    const next = waiting.shift();
    if (next) next(message);
    else arrived.push(message);
  };
  socket.addEventListener("message", ({ data }) => take(JSON.parse(data)));
  socket.addEventListener("close", () => take(null));
  await new Promise((done) => socket.addEventListener("open", done));
  return {
    send: (message: unknown) => socket.send(JSON.stringify(message)),
    next: () => (arrived.length > 0 ? Promise.resolve(arrived.shift()) : new Promise((done) => waiting.push(done))),
    close: (code?: number) => socket.close(code),
  };
}

async function until<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    await new Promise((done) => setTimeout(done, 20));
  }
}

test("an object knows who it is", async () => {
  const { name, value } = puppet();
  expect(await value("self")).toEqual({ kind: "cluster", league: "league", name });
});

test("a call's outcome comes back as a turn, also when it is a problem", async () => {
  const [caller, callee] = [puppet(), puppet()];
  await caller.steps(
    { do: "call", to: callee.name, method: "self", args: null },
    { do: "call", to: callee.name, method: "absent", args: null },
    { do: "call", to: callee.name, method: "steps", args: [{ do: "write", text: "x" }, { do: "fault" }] },
  );
  const lines: string[] = await until(
    () => caller.value("lines"),
    (now) => now.length === 3,
  );
  expect(lines.sort()).toEqual([
    `${callee.name}.absent: not-found: no method absent`,
    `${callee.name}.self: ${JSON.stringify({ kind: "cluster", league: "league", name: callee.name })}`,
    `${callee.name}.steps: Error: told to`,
  ]);
});

test("a call leaves only when the whole turn is committed, also what was written after it", async () => {
  const [caller, callee] = [puppet(), puppet()];
  await caller.steps(
    {
      do: "call",
      to: callee.name,
      method: "steps",
      args: [{ do: "call", to: caller.name, method: "lines", args: null }],
    },
    { do: "write", text: "after the call" },
  );
  const [line] = await until(
    () => callee.value("lines"),
    (now) => now.length === 1,
  );
  expect(line).toContain(`${caller.name}.lines: ["after the call"`);
});

test("a turn that throws writes nothing, sends nothing, and the object is rebuilt from its rows", async () => {
  const [thrower, other] = [puppet(), puppet()];
  await thrower.steps({ do: "write", text: "before" });
  const answer = await thrower.steps(
    { do: "remember", text: "never committed" },
    { do: "write", text: "undone" },
    { do: "call", to: other.name, method: "steps", args: [{ do: "write", text: "sent" }] },
    { do: "fault" },
  );
  expect(answer.fault).toContain("told to");
  expect(await thrower.value("lines")).toEqual(["before"]);
  expect(await thrower.value("remembered")).toBe("");
  expect(await other.value("lines")).toEqual([]);
});

test("a problem before any write keeps the object, and one after a write rebuilds it", async () => {
  const { steps, value } = puppet();
  const early = await steps({ do: "remember", text: "kept" }, { do: "problem" });
  expect(early.problem).toMatchObject({ code: "conflict", status: 409, detail: "told to" });
  expect(await value("remembered")).toBe("kept");
  await steps({ do: "write", text: "undone" }, { do: "problem" });
  expect(await value("remembered")).toBe("");
  expect(await value("lines")).toEqual([]);
});

test("a problem crosses with its data", async () => {
  expect(await puppet().call("absent")).toMatchObject({
    problem: { code: "not-found", data: { offset: 7 } },
    retryAfterS: 3,
  });
});

test("effects of a call leave after its commit, and messages on sockets in their order", async () => {
  const { steps, script, socket, value } = puppet();
  const open = await socket();
  await script(
    "message",
    { do: "send", message: { n: 1 } },
    { do: "write", text: "x" },
    { do: "send", message: { n: 2 } },
  );
  open.send({ hello: true });
  expect(await open.next()).toEqual({ n: 1 });
  expect(await open.next()).toEqual({ n: 2 });
  expect(await value("lines")).toEqual(['message {"hello":true}', "x"]);
  await steps({ do: "send", message: "bye" }, { do: "close" });
  expect(await open.next()).toBe("bye");
  expect(await open.next()).toBe(null);
  expect(await value("sockets")).toEqual([]);
});

test("a message that fails is undone and ends its socket; a problem is told first", async () => {
  const { script, socket, value } = puppet();
  await script("message", { do: "fault" });
  const first = await socket();
  first.send({});
  expect(await first.next()).toBe(null);
  await script("message", { do: "problem" });
  const second = await socket();
  second.send({});
  expect(await second.next()).toMatchObject({ problem: { code: "conflict" } });
  expect(await second.next()).toBe(null);
  expect(await value("lines")).toEqual(["lost", "lost"]);
});

test("a socket that is closed with the Worker's own code was lost", async () => {
  const { socket, value } = puppet();
  const [gone, lost] = [await socket(), await socket()];
  const lines = (count: number) =>
    until<string[]>(
      () => value("lines"),
      (now) => now.length === count,
    );
  gone.close(1000);
  await lines(1);
  lost.close(LOST_CLOSURE);
  expect(await lines(2)).toEqual(["closed", "lost"]);
});

test("a socket handed to a client hears the object, and the object hears only what the Worker said", async () => {
  const { steps, script, deafSocket, evict, value } = puppet();
  await script("message", { do: "attach", data: "waker" });
  const open = await deafSocket();
  await evict();
  open.send({ forged: true });
  await steps({ do: "send", message: { wake: true } });
  expect(await open.next()).toEqual({ wake: true });
  expect(await value("sockets")).toEqual(["waker"]);
  open.close();
  const lines = await until(
    () => value("lines"),
    (now) => now.includes("closed"),
  );
  expect(lines).toEqual(['message {"from":"the Worker"}', "closed"]);
});

test("a socket and what was attached survive an eviction", async () => {
  const { steps, evict, socket, value } = puppet();
  const open = await socket();
  expect((await steps({ do: "attach", data: { node: "n1" } }, { do: "remember", text: "gone" })).value).toEqual([
    { node: "n1" },
  ]);
  await evict();
  expect(await value("remembered")).toBe("");
  expect(await value("sockets")).toEqual([{ node: "n1" }]);
  await steps({ do: "send", message: "still here" });
  expect(await open.next()).toBe("still here");
  await evict();
  open.close();
  await until(
    () => value("lines"),
    (lines) => lines.includes("closed"),
  );
  expect(await value("sockets")).toEqual([]);
});

test("an alarm fires into an object that was evicted, and one that fails comes again", async () => {
  const { steps, script, evict, value } = puppet();
  await steps({ do: "alarm", inMs: 300 });
  await evict();
  const lines = await until(
    () => value("lines"),
    (now) => now.length > 0,
  );
  expect(lines).toEqual(["alarm"]);
  await script("alarm", { do: "fault" });
  await steps({ do: "alarm", inMs: 0 });
  await until(
    () => value("metrics"),
    (now) => now.alarms === 2,
  );
  await script("alarm");
  await until(
    () => value("lines"),
    (now) => now.length === 2,
  );
}, 15_000);

test("after a restart the alarm comes, to an object that still knows its name", async () => {
  const dataFolder = mkdtempSync(`${tmpdir()}/hansa-`);
  const code = await bundle("src/platform/fixture/worker.ts");
  const post = (at: RunningWorker, method: string, args: unknown) =>
    fetch(`${at.url}/sleeper/${method}`, { method: "POST", body: JSON.stringify(args) });
  const first = await runWorker(code, { dataFolder });
  await post(first, "script", { on: "alarm", steps: [{ do: "call", to: "listener", method: "self", args: null }] });
  await post(first, "steps", [{ do: "alarm", inMs: 500 }]);
  await first.dispose();
  const second = await runWorker(code, { dataFolder });
  const lines = await until(
    async () => {
      await new Promise((done) => setTimeout(done, 1000));
      return ((await (await post(second, "lines", null)).json()) as Reply).value;
    },
    (now) => now.length === 2,
  );
  expect(lines[1]).toContain('"name":"listener"');
  await second.dispose();
  rmSync(dataFolder, { recursive: true });
}, 15_000);

test("what is billed is counted: rows, alarms that change, requests, messages", async () => {
  const { steps, script, socket, value } = puppet();
  await steps({ do: "write", text: "name and first row" });
  const before = await value("metrics");
  await steps({ do: "write", text: "one row" });
  await steps({ do: "alarm", inMs: null });
  const at = 60_000;
  await steps({ do: "alarm", inMs: at }, { do: "alarm", inMs: null }, { do: "alarm", inMs: at });
  await script("message", { do: "send", message: "reply" });
  const open = await socket();
  open.send({});
  await open.next();
  const after = await value("metrics");
  expect(after.puppets).toBe(1);
  expect({
    requests: after.requests - before.requests,
    messages: after.messages - before.messages,
    rows: after.rows_written - before.rows_written,
    metrics: after.metrics_requests - before.metrics_requests,
  }).toEqual({
    /** three steps, one script, one upgrade */
    requests: 5,
    messages: 1,
    /** one line, one alarm, the script, the line that the message wrote */
    rows: 4,
    metrics: 1,
  });
});

test("bytes are bytes, and a bind that SQLite would change is refused", async () => {
  const { steps } = puppet();
  expect((await steps({ do: "blob", length: 5 })).value).toBe(5);
  expect((await steps({ do: "bind", value: true })).fault).toContain("bind 1 is of type boolean");
});

test("a turn asks the solver and has its answer before it ends", async () => {
  expect(await puppet().value("solve")).toEqual({ status: "optimal", x: [3, 1], prices: [2, 1] });
});
