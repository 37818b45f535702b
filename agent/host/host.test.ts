import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { PollReply, PollRequest } from "../../src/protocol/agent.ts";
import { initialState } from "../core/step.ts";
import type { Attempt, Exit, JournalRecord } from "../core/types.ts";
import type { PollOutcome } from "./broker/broker.ts";
import { type Hands, Host } from "./host.ts";
import { attemptOf } from "./process/attempt.fixture.ts";
import { Uploads } from "./uploads.ts";

/** Everything the host does, in order, and switches for what may go wrong. */
let folder: string;
let did: string[];
let sync: () => Promise<void>;
let guardWrites: () => void;
let guardAlive: boolean;
let polls: { request: PollRequest; waitS: number; signal: AbortSignal; answer(outcome: PollOutcome): void }[];
let uploadsAnswer: boolean;
let exitCode: number | null;
let nowMs: number;
let host: Host;
let hands: Hands;

const settle = () => new Promise((resolve) => setImmediate(resolve));
const exit: Exit = {
  code: 0,
  signal: null,
  stdout: { size: 0, crc32: 0, dropped: 0 },
  stderr: { size: 0, crc32: 0, dropped: 0 },
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hansa-host-"));
  writeFileSync(join(folder, "stdout"), "abc");
  did = [];
  sync = async () => {};
  guardWrites = () => {};
  guardAlive = true;
  polls = [];
  uploadsAnswer = true;
  exitCode = null;
  nowMs = 1000;
  const uploads: Uploads = new Uploads({
    outputs: { ready: () => 0, read: (_key, _stream, _offset, length) => Buffer.alloc(length), drop: () => {} },
    upload: async () =>
      uploadsAnswer ? { kind: "refused", message: "" } : { kind: "no-reply", retryAfterMs: null, message: "" },
    uploaded: (key) => host.forgetIfUploaded(key),
    nowMs: () => nowMs,
    random: () => 1,
    log: () => {},
  });
  const inventory = { capacity: {}, attributes: {}, drivers: ["process"], version: "0" };
  host = new Host(initialState([], { boot: "b", nonce: "nonce-nonce", machine: null, inventory, nowMs }), {
    journal: {
      append: async (records: readonly JournalRecord[]) => {
        await sync();
        did.push(`journal ${records.map(({ type }) => type).join("+")}`);
      },
    },
    uploads,
    poll: (request, waitS, signal) =>
      new Promise((resolve) => {
        did.push(`poll ${request.seq}`);
        polls.push({ request, waitS, signal, answer: resolve });
      }),
    saveCredential: (credential) => did.push(`credential ${credential}`),
    pressure: () => [],
    nowMs: () => nowMs,
    random: () => 0,
    log: () => {},
    exit: (code) => {
      exitCode = code;
    },
  });
  hands = {
    driver: {
      start: ({ key }: Attempt) => did.push(`start ${key}`),
      stop: (key, graceMs) => did.push(`stop ${key} ${graceMs}`),
      watch: (key) => did.push(`watch ${key}`),
      remove: async (key) => void did.push(`remove ${key}`),
      running: () => new Map(),
    },
    guard: {
      setDeadlines: (deadlines) => {
        guardWrites();
        did.push(`deadlines ${deadlines.length}`);
      },
      check: () => guardAlive,
    },
  };
});

afterEach(() => {
  host.stop();
  rmSync(folder, { recursive: true });
});

const reply = (more: Partial<PollReply> = {}): PollOutcome => ({
  kind: "reply",
  reply: {
    ...{ session: 1, seq: polls.at(-1)?.request.seq ?? 0, renews: [], jobs: {}, assignments: [], stops: [], acked: [] },
    ...{ follows: [], nextPollMs: 0, action: "run", wantInventory: false },
    ...more,
  },
});
const assignment = (): Partial<PollReply> => ({
  jobs: { "7k2m": attemptOf({ stopAfterMs: 60_000 }).template },
  assignments: [{ task: "7k2m.0", epoch: 1, item: null }],
});
const begin = async () => {
  host.equip(hands);
  host.start({ type: "recovered", attempts: [] });
  await settle();
};

test("the session is on disk before the first poll", async () => {
  await begin();
  expect(did.slice(0, 3)).toEqual(["journal session", "deadlines 0", "poll 1"]);
});

test("an assignment is on disk and its deadline with the guard before it starts", async () => {
  await begin();
  let onDisk = () => {};
  sync = () =>
    new Promise((resolve) => {
      onDisk = resolve;
    });
  polls[0]?.answer(reply(assignment()));
  await settle();
  expect(did).not.toContain("start 7k2m.0@1");
  onDisk();
  await settle();
  const order = did.filter((one) => /accept|deadlines 1|start/.test(one));
  expect(order.slice(0, 3)).toEqual(["journal accept", "deadlines 1", "start 7k2m.0@1"]);
});

test("what can't be written to the journal is not done, and the agent ends to be started again", async () => {
  await begin();
  sync = () => Promise.reject(new Error("no space left"));
  polls[0]?.answer(reply(assignment()));
  await settle();
  expect(did).not.toContain("start 7k2m.0@1");
  expect(exitCode).toBe(2);
});

test("nothing starts that the guard can't be told of", async () => {
  await begin();
  guardWrites = () => {
    throw new Error("no space left");
  };
  polls[0]?.answer(reply(assignment()));
  await settle();
  expect(did).not.toContain("start 7k2m.0@1");
  await settle();
  expect(host.state.attempts.get("7k2m.0@1")?.end).toMatchObject({ reason: "node-fault" });
});

test("an end is forgotten only when its output is with the broker, whatever was acked", async () => {
  await begin();
  polls[0]?.answer(reply(assignment()));
  await settle();
  host.started("7k2m.0@1");
  uploadsAnswer = false;
  host.exited("7k2m.0@1", { ...exit, stdout: { size: 3, crc32: 1, dropped: 0 } });
  nowMs += 100;
  host.dispatch({ type: "tick" });
  await settle();
  polls.at(-1)?.answer(reply({ acked: ["7k2m.0@1:end"] }));
  await settle();
  expect(host.state.attempts.size).toBe(0);
  expect(did.join()).not.toContain("forget");
  expect(host.isEmpty).toBe(false);
});

test("an acked end without output is forgotten in the journal before its folder goes", async () => {
  await begin();
  polls[0]?.answer(reply(assignment()));
  await settle();
  host.started("7k2m.0@1");
  host.exited("7k2m.0@1", exit);
  nowMs += 100;
  host.dispatch({ type: "tick" });
  await settle();
  polls.at(-1)?.answer(reply({ acked: ["7k2m.0@1:end"] }));
  await settle();
  expect(did.filter((one) => /forget|remove/.test(one))).toEqual(["journal forget", "remove 7k2m.0@1"]);
  expect(host.isEmpty).toBe(true);
});

test("the answer to a poll that a newer one overtook changes nothing", async () => {
  await begin();
  polls[0]?.answer(reply());
  await settle();
  expect(polls.at(-1)?.waitS).toBeGreaterThan(0);
  const held = polls.at(-1);
  host.dispatch({ type: "pressure", pressure: ["disk"] });
  await settle();
  expect(polls.at(-1)?.request.seq).toBe((held?.request.seq ?? 0) + 1);
  held?.answer(reply({ ...assignment(), seq: held.request.seq }));
  await settle();
  expect(host.state.attempts.size).toBe(0);
});

test("the loop goes round while the broker is away, and stands still while the disk does not answer", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
  try {
    await begin();
    nowMs += 500;
    polls[0]?.answer({ kind: "no-reply", retryAfterMs: null, rejected: false, message: "away" });
    await settle();
    expect(host.progressAtMs).toBe(nowMs);
    nowMs += 1000;
    vi.advanceTimersByTime(1000);
    await settle();
    expect(host.progressAtMs).toBe(nowMs);
    const disk = Promise.withResolvers<void>();
    sync = () => disk.promise;
    polls.at(-1)?.answer(reply({ ...assignment(), seq: polls.at(-1)?.request.seq ?? 0 }));
    await settle();
    const stoodMs = nowMs;
    nowMs += 60_000;
    vi.advanceTimersByTime(60_000);
    await settle();
    expect(host.progressAtMs).toBe(stoodMs);
    disk.resolve();
    await settle();
    vi.advanceTimersByTime(1000);
    expect(host.progressAtMs).toBe(nowMs);
  } finally {
    vi.useRealTimers();
  }
});
