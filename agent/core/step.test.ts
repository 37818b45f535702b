import { beforeEach, describe, expect, test } from "vitest";
import { jobSpecSchema, templateOf } from "../../src/model/job.ts";
import type { PollReply, PollRequest } from "../../src/protocol/agent.ts";
import { nextWakeMs } from "./poll.ts";
import { initialState, nothingLeft, step } from "./step.ts";
import type { AgentEffect, AgentEvent, AgentState, Exit, Found, JournalRecord } from "./types.ts";

const template = (spec: object = {}) =>
  templateOf(jobSpecSchema.parse({ command: "true", disconnect: { stopAfter: "30s" }, ...spec }));
const noBytes = { size: 0, crc32: 0, dropped: 0 };
const exit = (rest: Partial<Exit> = {}): Exit => ({ code: 0, signal: null, stdout: noBytes, stderr: noBytes, ...rest });
const inventory = { capacity: { cpus: 1000 }, attributes: {}, drivers: ["process"], version: "test" };

/** An agent with its hands tied: it decides, the test does. */
class Agent {
  state: AgentState;
  effects: AgentEffect[];
  journal: JournalRecord[] = [];
  nowMs = 1_000_000;

  constructor(
    journal: JournalRecord[] = [],
    boot = "boot-1",
    accepts: { roles?: string[]; machine?: string } = {},
    known: typeof inventory | null = inventory,
  ) {
    const { machine = "machine-1", ...offer } = accepts;
    const start = initialState(journal, {
      boot,
      nonce: "nonce-01",
      machine,
      inventory: known && { ...known, ...offer },
      nowMs: this.nowMs,
    });
    this.state = start.state;
    this.journal = [...journal];
    this.effects = [];
    this.#take(start.effects);
  }
  #take(effects: AgentEffect[]) {
    this.effects = effects;
    for (const effect of effects) if (effect.type === "journal") this.journal.push(...effect.records);
  }
  send(event: AgentEvent): AgentEffect[] {
    const next = step(this.state, event, this.nowMs, 0.5);
    this.state = next.state;
    this.#take(next.effects);
    return next.effects;
  }
  ready(found: { key: string; found: Found; deadlineMs: number | null }[] = []) {
    this.send({ type: "guard", alive: true });
    return this.send({ type: "recovered", attempts: found });
  }
  reply(rest: Partial<PollReply> = {}): AgentEffect[] {
    const seq = this.state.inFlight?.seq ?? 0;
    return this.send({
      type: "reply",
      reply: {
        session: this.state.session,
        seq,
        renews: [],
        jobs: {},
        assignments: [],
        stops: [],
        acked: [],
        follows: [],
        nextPollMs: 0,
        action: "run",
        wantInventory: false,
        ...rest,
      },
    });
  }
  assign(task: string, epoch: number, spec: object = {}, rest: Partial<PollReply> = {}) {
    return this.reply({
      jobs: { [task.split(".")[0] ?? ""]: template(spec) },
      assignments: [{ task, epoch, item: null }],
      ...rest,
    });
  }
  pass(ms: number): AgentEffect[] {
    this.nowMs += ms;
    return this.send({ type: "tick" });
  }
  request(effects = this.effects): PollRequest | undefined {
    return effects.find((effect) => effect.type === "send")?.request;
  }
}
const types = (effects: AgentEffect[]) => effects.map((effect) => effect.type);

let agent: Agent;
beforeEach(() => {
  agent = new Agent();
  agent.ready();
});

test("what a newer broker says of an assignment is not taken for what the journal says of it", () => {
  const later = { key: "7k2m.9@9", type: "end", after: 3, machine: "another", laterField: 1 };
  const assignment = { task: "7k2m.0", epoch: 1, item: null, ...later };
  agent.reply({ jobs: { "7k2m": template() }, assignments: [assignment] });
  const accepted = { type: "accept", key: "7k2m.0@1", task: "7k2m.0", epoch: 1, item: null, boot: "boot-1" };
  expect(agent.journal.at(-1)).toEqual({ ...accepted, template: template() });
  expect(agent.state.attempts.get("7k2m.0@1")).not.toHaveProperty("laterField");
});

test("a node that could not start what it was given asks for nothing more for a while", () => {
  agent.assign("7k2m.0", 1);
  const failed = agent.send({ type: "start-failed", key: "7k2m.0@1", message: "no guard", nodeFault: true });
  const told = agent.request(failed) ?? agent.request(agent.pass(100));
  expect(told).toMatchObject({ updates: [{ reason: "node-fault" }], pressure: ["start-failed"] });
  const restsUntilMs = agent.state.restsUntilMs ?? 0;
  const held = agent.reply({ acked: ["7k2m.0@1:end"] });
  expect(agent.request(held)).toMatchObject({ pressure: ["start-failed"] });
  expect(nextWakeMs(agent.state)).toBe(restsUntilMs);
  expect(agent.request(agent.pass(restsUntilMs - agent.nowMs))).toMatchObject({ pressure: [] });
});

describe("a session", () => {
  test("is journaled before anything is sent, and rises with each start", () => {
    const first = new Agent();
    expect(types(first.effects)).toEqual(["journal"]);
    expect(new Agent(first.journal).state.session).toBe(2);
  });

  test("says nothing before it knows what survived, then sends its inventory until a reply came", () => {
    const fresh = new Agent();
    expect(fresh.request(fresh.send({ type: "guard", alive: true }))).toBeUndefined();
    expect(fresh.request(fresh.send({ type: "recovered", attempts: [] }))?.inventory).toEqual(inventory);
    fresh.reply();
    expect(fresh.request()?.inventory).toBeUndefined();
  });
});

describe("before its inventory is known, a node", () => {
  const unknown = () => {
    const fresh = new Agent([], "boot-1", {}, null);
    fresh.ready();
    return fresh;
  };

  test("polls at once without it, and says why nothing should come", () => {
    expect(unknown().request()).toMatchObject({ running: [], pressure: ["starting"] });
    expect(unknown().request()).not.toHaveProperty("inventory");
  });

  test("passes over what it is given all the same", () => {
    const fresh = unknown();
    expect(types(fresh.assign("abcd.0", 1))).not.toContain("start");
    expect(fresh.state.attempts.size).toBe(0);
  });

  test("does not ask again and again, and tells it as soon as it is known", () => {
    const fresh = unknown();
    expect(fresh.request(fresh.reply({ wantInventory: true }))).toBeUndefined();
    expect(fresh.request(fresh.pass(999))).toBeUndefined();
    expect(fresh.request(fresh.send({ type: "inventory", inventory }))?.inventory).toEqual(inventory);
  });

  test("tells it behind a poll that was under way meanwhile, whatever pause the reply wants", () => {
    const fresh = unknown();
    fresh.send({ type: "inventory", inventory });
    expect(fresh.request(fresh.reply({ nextPollMs: 900_000 }))?.inventory).toEqual(inventory);
  });
});

describe("an assignment", () => {
  test("is on disk, and its deadline with the guard, before it starts", () => {
    expect(types(agent.assign("abcd.0", 1))).toEqual(["journal", "deadlines", "start"]);
    expect(agent.journal.at(-1)).toMatchObject({ type: "accept", key: "abcd.0@1" });
  });

  test("keeps its devices and ports with the attempt, over a restart too", () => {
    const given = { devices: [0, 2], ports: [31_000] };
    const effects = agent.assign(
      "abcd.0",
      1,
      {},
      { assignments: [{ task: "abcd.0", epoch: 1, item: null, ...given }] },
    );
    const start = expect.objectContaining({ type: "start", attempt: expect.objectContaining(given) });
    expect(effects).toContainEqual(start);
    const later = new Agent(agent.journal);
    later.ready([{ key: "abcd.0@1", found: { is: "never-started" }, deadlineMs: later.nowMs + 30_000 }]);
    expect(later.reply({ renews: ["abcd.0@1"] })).toContainEqual(start);
  });

  test("journaled by an agent that knew of neither has none", () => {
    agent.assign("abcd.0", 1);
    expect(agent.journal.at(-1)).not.toHaveProperty("devices");
    expect(new Agent(agent.journal).state.attempts.get("abcd.0@1")).toMatchObject({ devices: [], ports: [] });
  });

  test("may run until the sending time of the poll that it answers, plus stopAfter", () => {
    const sentAtMs = agent.state.inFlight?.sentAtMs ?? 0;
    agent.nowMs += 7_000;
    agent.assign("abcd.0", 1);
    expect(agent.state.attempts.get("abcd.0@1")?.deadlineMs).toBe(sentAtMs + 30_000);
  });

  test("that arrives after its own deadline never starts", () => {
    agent.nowMs += 30_000;
    expect(types(agent.assign("abcd.0", 1))).not.toContain("start");
  });

  test("starts once, however often a reply names it", () => {
    agent.assign("abcd.0", 1);
    agent.send({ type: "started", key: "abcd.0@1" });
    agent.pass(60);
    expect(types(agent.assign("abcd.0", 1))).not.toContain("start");
  });

  test("in a reply to the same number of another agent on its machine is dropped, and taken from who names none", () => {
    agent.assign("abcd.0", 1, {}, { nonce: "nonce-of-another" });
    expect(agent.state.attempts.size).toBe(0);
    agent.assign("abcd.0", 1, {}, { nonce: "nonce-01" });
    expect(agent.state.attempts.size).toBe(1);
    const other = new Agent();
    other.ready();
    other.assign("abcd.0", 1);
    expect(other.state.attempts.size).toBe(1);
  });

  test("in a reply to an older poll is dropped", () => {
    const old = agent.state.inFlight?.seq ?? 0;
    agent.send({ type: "no-reply", seq: old, retryAfterMs: null, rejected: false });
    agent.pass(60_000);
    expect(agent.state.inFlight?.seq).toBe(old + 1);
    expect(agent.assign("abcd.0", 1, {}, { seq: old })).toEqual([]);
    expect(agent.state.attempts.size).toBe(0);
  });

  test("does not start without a guard, and the next poll omits it", () => {
    agent.send({ type: "guard", alive: false });
    const effects = agent.assign("abcd.0", 1);
    expect(types(effects)).not.toContain("start");
    expect(agent.request(effects)).toMatchObject({ running: [], pressure: ["no-guard"] });
  });

  test("that crosses the news of pressure does not start, and the next poll omits it", () => {
    agent.send({ type: "pressure", pressure: ["draining"] });
    const effects = agent.assign("abcd.0", 1);
    expect(types(effects)).not.toContain("start");
    expect(agent.state.attempts.size).toBe(0);
    expect(agent.request(effects)).toMatchObject({ running: [], pressure: ["draining"] });
  });

  test("that the node's own config does not accept is refused and never starts", () => {
    const picky = new Agent([], "boot-1", { roles: ["lab"] });
    picky.ready();
    const effects = picky.assign("abcd.0", 1);
    expect(types(effects)).not.toContain("start");
    expect(picky.request(effects)?.updates).toMatchObject([{ state: "refused", reason: "refused" }]);
  });
});

describe("an attempt that runs", () => {
  beforeEach(() => {
    agent.assign("abcd.0", 1);
    agent.send({ type: "started", key: "abcd.0@1" });
  });

  test("is shown by every poll, and the news of a short one is told by the poll that would have shown it", () => {
    expect(agent.request()).toBeUndefined();
    expect(agent.request(agent.pass(60))?.running).toEqual([["abcd.0", 1]]);
  });

  test("is renewed only by a reply that names it", () => {
    agent.pass(60);
    agent.reply();
    expect(agent.state.attempts.get("abcd.0@1")?.deadlineMs).toBe(1_030_000);
    agent.pass(1);
    agent.reply({ renews: ["abcd.0@1"] });
    expect(agent.state.attempts.get("abcd.0@1")?.deadlineMs).toBeGreaterThan(1_030_000);
  });

  test("gets TERM its grace and 5 s before the deadline when nothing renews it, and is not revived", () => {
    agent.pass(60);
    expect(types(agent.pass(30_000 - 15_000 - 60))).toContain("stop");
    agent.reply({ renews: ["abcd.0@1"] });
    expect(agent.state.attempts.get("abcd.0@1")?.deadlineMs).toBe(1_030_000);
    agent.send({ type: "exited", key: "abcd.0@1", exit: exit({ code: null, signal: "SIGTERM" }) });
    expect(agent.state.attempts.get("abcd.0@1")?.end).toMatchObject({ state: "failed", reason: "deadline" });
  });

  test("whose TERM comes late has less of its grace, so that KILL is done by the deadline also without the guard", () => {
    agent.pass(60);
    agent.nowMs = 1_020_000;
    expect(agent.pass(0)).toContainEqual({ type: "stop", key: "abcd.0@1", graceMs: 5_000 });
  });

  test("that is cancelled with a longer grace than it has time has what is left of it", () => {
    agent.pass(60);
    const stops = [{ task: "abcd.0", epoch: 1, graceMs: 60_000, reason: "cancelled" as const }];
    expect(agent.reply({ stops })).toContainEqual({ type: "stop", key: "abcd.0@1", graceMs: 24_940 });
  });

  test.each([{ code: null, signal: "SIGKILL" }, { code: 1 }, { code: null, vanished: true }])(
    "that lost a process to want of memory is told so, with the limit, also if it ends with %o",
    (rest) => {
      agent.send({
        type: "exited",
        key: "abcd.0@1",
        exit: exit({ ...rest, oom: { limitBytes: 64 * 2 ** 20 } }),
      });
      expect(agent.state.attempts.get("abcd.0@1")?.end).toMatchObject({
        state: "failed",
        reason: "out-of-memory",
        message: "took more than its 64 MiB of memory",
      });
    },
  );

  test("ends once: the end is journaled before it is sent, and repeated until acked", () => {
    const effects = agent.send({ type: "exited", key: "abcd.0@1", exit: exit({ code: 3 }) });
    expect(types(effects)).toEqual(["journal", "deadlines", "send"]);
    expect(agent.request()?.updates).toMatchObject([{ task: "abcd.0", epoch: 1, state: "failed", code: 3 }]);
    agent.reply();
    expect(agent.request()?.updates).toHaveLength(1);
    const acked = agent.reply({ acked: ["abcd.0@1:end"] });
    expect(types(acked)).toContain("forget");
    expect(nothingLeft(agent.state)).toBe(true);
    expect(agent.send({ type: "exited", key: "abcd.0@1", exit: exit() })).toEqual([]);
  });

  test("that went on without what the kernel ended for its memory has succeeded", () => {
    agent.send({ type: "exited", key: "abcd.0@1", exit: exit({ code: 0, oom: { limitBytes: 1 } }) });
    expect(agent.state.attempts.get("abcd.0@1")?.end).toMatchObject({ state: "succeeded", reason: "exit" });
  });

  test("is stopped when told, and told as cancelled", () => {
    agent.pass(60);
    const effects = agent.reply({ stops: [{ task: "abcd.0", epoch: 1, graceMs: 500, reason: "cancelled" }] });
    expect(effects).toContainEqual({ type: "stop", key: "abcd.0@1", graceMs: 500 });
    agent.send({ type: "exited", key: "abcd.0@1", exit: exit({ code: null, signal: "SIGTERM" }) });
    expect(agent.state.attempts.get("abcd.0@1")?.end).toMatchObject({ state: "cancelled", reason: "cancelled" });
  });
});

test("a job's timeout ends an attempt", () => {
  agent.assign("abcd.0", 1, { timeout: "2s" });
  agent.send({ type: "started", key: "abcd.0@1" });
  expect(types(agent.pass(2_000))).toContain("stop");
  agent.send({ type: "exited", key: "abcd.0@1", exit: exit({ code: null, signal: "SIGKILL" }) });
  expect(agent.state.attempts.get("abcd.0@1")?.end).toMatchObject({ state: "failed", reason: "timeout" });
});

describe("after a restart of the agent", () => {
  const running = { key: "abcd.0@1", found: { is: "running" } as Found, deadlineMs: 1_005_000 };
  const restart = (found: typeof running | { key: string; found: Found; deadlineMs: null }, boot = "boot-1") => {
    agent.assign("abcd.0", 1);
    const next = new Agent(agent.journal, boot);
    next.ready([found]);
    return next;
  };

  test("what runs keeps its old deadline until a reply names it", () => {
    const next = restart({ ...running, deadlineMs: 1_020_000 });
    expect(next.state.attempts.get("abcd.0@1")).toMatchObject({ phase: "running", deadlineMs: 1_020_000 });
    next.reply({ renews: ["abcd.0@1"] });
    expect(next.state.attempts.get("abcd.0@1")?.deadlineMs).toBe(1_030_000);
  });

  test("what never started starts only when a reply names it, and not past its deadline", () => {
    const found = { key: "abcd.0@1", found: { is: "never-started" } as Found };
    agent.assign("abcd.0", 1);
    const next = new Agent(agent.journal);
    next.ready([{ ...found, deadlineMs: 1_030_000 }]);
    expect(next.state.attempts.get("abcd.0@1")?.phase).toBe("accepted");
    expect(types(next.reply({ renews: ["abcd.0@1"] }))).toContain("start");
    const late = new Agent(agent.journal);
    late.ready([{ ...found, deadlineMs: 1_030_000 }]);
    late.pass(30_000);
    expect(late.state.attempts.get("abcd.0@1")?.end).toMatchObject({ reason: "deadline" });
    expect(types(late.reply({ renews: ["abcd.0@1"] }))).not.toContain("start");
  });

  test("what never started and has no deadline with the guard is told as lapsed", () => {
    const next = restart({ key: "abcd.0@1", found: { is: "never-started" }, deadlineMs: null });
    expect(next.state.attempts.get("abcd.0@1")?.end).toMatchObject({ state: "failed", reason: "deadline" });
  });

  test("what ended meanwhile is told with its exit", () => {
    const next = restart({ key: "abcd.0@1", found: { is: "ended", exit: exit({ code: 42 }) }, deadlineMs: null });
    expect(next.state.attempts.get("abcd.0@1")?.end).toMatchObject({ state: "failed", code: 42 });
  });

  test("what ran in an earlier boot is told as gone", () => {
    const next = restart({ key: "abcd.0@1", found: { is: "other-boot" }, deadlineMs: null }, "boot-2");
    expect(next.state.attempts.get("abcd.0@1")?.end).toMatchObject({ state: "failed", reason: "rebooted" });
  });
});

describe("what is kept", () => {
  const KEPT = { disconnect: "keep", retry: { max: 2, backoff: "10s" } };
  const E1 = "abcd.0@1";
  const E2 = "abcd.0@2";
  const begin = (spec: object = {}, used = 0, agent = new Agent()) => {
    agent.ready();
    agent.assign("abcd.0", 1, { ...KEPT, ...spec }, { assignments: [{ task: "abcd.0", epoch: 1, item: null, used }] });
    agent.send({ type: "started", key: E1 });
    return agent;
  };
  const fails = (agent: Agent, key = E1) => agent.send({ type: "exited", key, exit: exit({ code: 3 }) });
  const started = (effects: AgentEffect[]) => effects.flatMap((one) => (one.type === "start" ? [one.attempt.key] : []));
  const cutOff = (agent: Agent) =>
    agent.send({ type: "no-reply", seq: agent.state.inFlight?.seq ?? 0, retryAfterMs: null, rejected: false });
  /** The poll that follows an empty reply. */
  const answered = (agent: Agent) => agent.request(agent.reply()) ?? agent.request(agent.pass(60));
  const reboot = (before: Agent, found: Found = { is: "other-boot" }, machine = "machine-1") => {
    const agent = new Agent(before.journal, "boot-2", { machine });
    agent.ready([{ key: E1, found, deadlineMs: null }]);
    return agent;
  };

  test("goes on after a failure and its pause without the broker; end and successor are one write", () => {
    const agent = begin();
    const [journal] = fails(agent);
    expect(journal).toMatchObject({
      type: "journal",
      records: [
        { type: "end", key: E1, update: { state: "failed", code: 3 } },
        { type: "accept", key: E2, epoch: 2, used: 1, after: 1 },
      ],
    });
    cutOff(agent);
    expect(started(agent.pass(9_999))).toEqual([]);
    expect(started(agent.pass(1))).toEqual([E2]);
    expect(agent.state.attempts.get(E1)?.end).toMatchObject({ state: "failed", code: 3 });
  });

  test("is told with the end that it goes on from, and its pause is not shortened by a reply that names it", () => {
    const agent = begin();
    agent.pass(60);
    fails(agent);
    expect(answered(agent)).toMatchObject({ running: [["abcd.0", 2]], updates: [{ epoch: 1 }] });
    expect(started(agent.reply({ renews: [E2], acked: [`${E1}:end`] }))).toEqual([]);
    expect(started(agent.pass(10_000))).toEqual([E2]);
  });

  test("ends when its retries are used up, those before it counted", () => {
    const agent = begin({}, 1);
    fails(agent);
    agent.pass(20_000);
    agent.send({ type: "started", key: E2 });
    expect(agent.state.attempts.get(E2)?.used).toBe(2);
    fails(agent, E2);
    expect([...agent.state.attempts.keys()]).toEqual([E1, E2]);
    expect(agent.state.attempts.get(E2)?.end).toMatchObject({ state: "failed", code: 3 });
  });

  test.each([
    ["a success", {}, (agent: Agent) => agent.send({ type: "exited", key: E1, exit: exit() })],
    ["a failed start", {}, (agent: Agent) => agent.send({ type: "start-failed", key: E1, message: "no" })],
    ["a failure of one that may be stopped for silence", { disconnect: { stopAfter: "30s" } }, fails],
    ["a failure of one of a gang", { count: 2, gang: {} }, fails],
    [
      "a stop",
      {},
      (agent: Agent) => {
        agent.pass(60);
        agent.reply({ stops: [{ task: "abcd.0", epoch: 1, graceMs: 5, reason: "cancelled" }] });
        agent.send({ type: "exited", key: E1, exit: exit({ code: null, signal: "SIGTERM" }) });
      },
    ],
    [
      "a failure on a node that drains",
      {},
      (agent: Agent) => {
        agent.send({ type: "pressure", pressure: ["draining"] });
        fails(agent);
      },
    ],
  ])("does not go on after %s", (_, spec, end) => {
    const agent = begin(spec);
    end(agent);
    expect([...agent.state.attempts.keys()]).toEqual([E1]);
  });

  test("does not go on for a broker that says nothing of retries", () => {
    const agent = new Agent();
    agent.ready();
    agent.assign("abcd.0", 1, KEPT);
    agent.send({ type: "started", key: E1 });
    fails(agent);
    expect([...agent.state.attempts.keys()]).toEqual([E1]);
  });

  test("goes on after a power cut, by the word of the broker at once", () => {
    const agent = reboot(begin());
    expect(agent.request()).toMatchObject({ running: [["abcd.0", 2]], updates: [{ epoch: 1, reason: "rebooted" }] });
    expect(agent.state.attempts.get(E2)?.used).toBe(0);
    expect(started(agent.reply({ renews: [E2] }))).toEqual([E2]);
  });

  test("goes on after a power cut without the broker, but asks for a minute first", () => {
    const agent = reboot(begin());
    cutOff(agent);
    expect(started(agent.pass(59_999))).toEqual([]);
    expect(started(agent.pass(1))).toEqual([E2]);
  });

  test("that was accepted and not started before a power cut goes on, too", () => {
    const agent = reboot(begin(), { is: "never-started" });
    expect(started(agent.pass(60_000))).toEqual([E2]);
  });

  test("does not go on after a boot of another machine, whose disk this may be a copy of", () => {
    const agent = reboot(begin(), { is: "other-boot" }, "machine-2");
    expect(started(agent.pass(120_000))).toEqual([]);
    expect([...agent.state.attempts.keys()]).toEqual([E1]);
    expect(agent.state.attempts.get(E1)?.end).toMatchObject({ reason: "rebooted" });
  });

  test("does not go on in a copy of the folder that sees it end", () => {
    const copy = new Agent(begin().journal, "boot-1", { machine: "machine-2" });
    copy.ready([{ key: E1, found: { is: "running" }, deadlineMs: null }]);
    copy.send({ type: "exited", key: E1, exit: exit({ code: null, vanished: true }) });
    expect([...copy.state.attempts.keys()]).toEqual([E1]);
  });

  test("waits for a guard", () => {
    const agent = begin();
    fails(agent);
    agent.send({ type: "guard", alive: false });
    expect(started(agent.pass(60_000))).toEqual([]);
    expect(started(agent.reply({ renews: [E2] }))).toEqual([]);
    expect(started(agent.send({ type: "guard", alive: true }))).toEqual([E2]);
  });

  test("and waits for its turn is asked for again by an agent that starts anew", () => {
    const before = begin();
    fails(before);
    const agent = new Agent(before.journal);
    agent.ready([{ key: E2, found: { is: "never-started" }, deadlineMs: null }]);
    expect(started(agent.pass(60_000))).toEqual([E2]);
  });

  test("is not named before the end that it goes on from is told", () => {
    const agent = new Agent();
    agent.ready();
    const assignments = Array.from({ length: 401 }, (_, i) => ({ task: `abcd.${i}`, epoch: 1, item: null, used: 0 }));
    agent.reply({ jobs: { abcd: template({ ...KEPT, count: 401 }) }, assignments });
    agent.pass(60);
    for (const { task } of assignments) {
      agent.send({ type: "started", key: `${task}@1` });
      fails(agent, `${task}@1`);
    }
    const { running = [], updates = [] } = answered(agent) ?? {};
    expect(updates).toHaveLength(400);
    expect(running).toHaveLength(401);
    expect(running).toContainEqual(["abcd.400", 1]);
    expect(running).not.toContainEqual(["abcd.400", 2]);
  });
});

test("what the broker does not know is stopped when it says so twice in a row", () => {
  const agent = new Agent();
  agent.ready();
  agent.assign("abcd.0", 1);
  agent.send({ type: "started", key: "abcd.0@1" });
  const says = (stops: PollReply["stops"]) => {
    agent.pass(60);
    return agent.reply({ stops }).filter(({ type }) => type === "stop");
  };
  const unknown = [{ task: "abcd.0", epoch: 1, graceMs: 500, reason: "unknown" as const }];
  expect(says(unknown)).toEqual([]);
  expect(says([])).toEqual([]);
  expect(says(unknown)).toEqual([]);
  expect(says(unknown)).toMatchObject([{ key: "abcd.0@1", graceMs: 500 }]);
});

test("a node that was removed stops what it runs before it ends", () => {
  agent.assign("abcd.0", 1);
  agent.send({ type: "started", key: "abcd.0@1" });
  agent.pass(60);
  const effects = agent.reply({ action: "gone" });
  expect(types(effects)).toContain("stop");
  expect(types(effects)).not.toContain("exit");
  expect(types(agent.send({ type: "exited", key: "abcd.0@1", exit: exit() }))).toContain("exit");
});

test("a credential that is refused three times ends the agent; its tasks live on until their deadlines", () => {
  agent.assign("abcd.0", 1);
  for (let i = 0; i < 3; i++) {
    agent.pass(60_000);
    agent.send({ type: "no-reply", seq: agent.state.inFlight?.seq ?? 0, retryAfterMs: null, rejected: true });
  }
  expect(agent.effects).toContainEqual(expect.objectContaining({ type: "exit", code: 5 }));
});

describe("a pause that the broker wants", () => {
  const PAUSE_MS = 900_000;
  const rest = () => {
    agent.send({ type: "wake-socket", open: true });
    agent.reply({ nextPollMs: PAUSE_MS });
  };

  test("is kept while a socket can end it", () => {
    rest();
    expect(agent.request(agent.pass(PAUSE_MS - 1))).toBeUndefined();
    expect(agent.request(agent.pass(1))).toBeDefined();
  });

  test("is ended by a wake, by one poll however many wakes come", () => {
    rest();
    agent.nowMs += 60_000;
    expect(agent.request(agent.send({ type: "wake" }))).toBeDefined();
    expect(agent.request(agent.send({ type: "wake" }))).toBeUndefined();
  });

  test("does not begin when a wake overtook the reply that wants it", () => {
    agent.send({ type: "wake-socket", open: true });
    expect(agent.request(agent.send({ type: "wake" }))).toBeUndefined();
    expect(agent.request(agent.reply({ nextPollMs: PAUSE_MS }))).toBeDefined();
    expect(agent.request(agent.reply({ nextPollMs: PAUSE_MS }))).toBeUndefined();
  });

  test("is over within seconds when the socket is lost, and no longer than a hold without one", () => {
    rest();
    agent.nowMs += 60_000;
    expect(agent.request(agent.send({ type: "wake-socket", open: false }))).toBeUndefined();
    expect(agent.request(agent.pass(5_000))).toBeDefined();
    agent.reply({ nextPollMs: PAUSE_MS });
    expect(agent.request(agent.pass(24_999))).toBeUndefined();
    expect(agent.request(agent.pass(1))).toBeDefined();
  });

  test("is no longer than a hold while anything of an attempt is left", () => {
    agent.send({ type: "wake-socket", open: true });
    agent.assign("abcd.0", 1);
    agent.pass(60);
    agent.reply({ renews: ["abcd.0@1"], nextPollMs: PAUSE_MS });
    expect(agent.request(agent.pass(30_000 / 4))).toBeDefined();
  });

  test("does not shorten what a failure or the server's Retry-After asks for", () => {
    agent.send({ type: "no-reply", seq: agent.state.inFlight?.seq ?? 0, retryAfterMs: 20_000, rejected: false });
    expect(agent.request(agent.send({ type: "wake" }))).toBeUndefined();
    expect(agent.request(agent.send({ type: "wake-socket", open: false }))).toBeUndefined();
    expect(agent.request(agent.pass(19_000))).toBeUndefined();
  });
});

test("retries back off with jitter, and never so long that a task would lapse over it", () => {
  agent.assign("abcd.0", 1);
  agent.send({ type: "started", key: "abcd.0@1" });
  agent.pass(60);
  for (let i = 0; i < 10; i++) {
    agent.send({ type: "no-reply", seq: agent.state.inFlight?.seq ?? 0, retryAfterMs: null, rejected: false });
    expect(agent.state.nextPollAtMs - agent.nowMs).toBeLessThanOrEqual(30_000 / 4);
    agent.nowMs = agent.state.nextPollAtMs;
    agent.pass(60);
  }
});
