import { beforeEach, describe, expect, test } from "vitest";
import { ObjectHome } from "../../../test/sim/nodeSqlite.ts";
import { PlayedAgent } from "../../../test/support/playedAgent.ts";
import type { DrillPreview } from "../../model/drillView.ts";
import { epochOf } from "../../model/ids.ts";
import { type JobSpecInput, jobSpecSchema, templateOf } from "../../model/job.ts";
import type { Update } from "../../protocol/agent.ts";
import type { ClusterEvent, Grant, Report, ReportAnswer } from "../../protocol/levels.ts";
import { Cluster } from "../cluster.ts";
import type { Held } from "../methods.ts";
import type { DrillSight } from "./report.ts";

const SECOND = 1_000;
const MIN = 60 * SECOND;
const STOP_AFTER = 30 * SECOND;
/** stopAfter + 15 s + 1 %, what a node has until it is overdue, and ticks */
const GIVEN_UP_WITHIN = 46 * SECOND + 10 * SECOND + 2 * 5 * SECOND;
const KEY = `abcd.0@${epochOf(1, 0)}`;

let home: ObjectHome<Cluster>;
let gen: number;
let agents: PlayedAgent[];
let events: ClusterEvent[];
beforeEach(() => {
  home = new ObjectHome((platform) => new Cluster(platform), {
    self: { kind: "cluster", league: "acme", name: "north" },
  });
  gen = 0;
  agents = [];
  events = [];
});

function join(name: string): PlayedAgent {
  const agent = new PlayedAgent((method, args) => home.call(method, args), "north", name);
  agents.push(agent);
  return agent;
}

function grant(spec: Partial<JobSpecInput> = {}, rest: Partial<Grant> = {}): void {
  const parsed = jobSpecSchema.parse({ command: "true", disconnect: { stopAfter: "30s" }, ...spec });
  const level: Grant = {
    job: "abcd",
    gen: ++gen,
    action: "run",
    limits: { default: 10 },
    supply: [{ from: 0, to: 1, handout: 1, attemptsUsed: 0 }],
    template: templateOf(parsed),
    ...rest,
  };
  home.call("grant", {
    incarnation: 1,
    clusterIncarnation: home.object.inspect().incarnation,
    grants: [level],
  });
}

/** Polls of nodes that are cut off fail, and are all the same made. */
function pollAll(): void {
  for (const agent of agents) {
    try {
      agent.poll();
    } catch (error) {
      expect(error).toMatchObject({ code: "unavailable" });
    }
  }
}

function hear(): void {
  for (;;) {
    const newest = home.take("call").findLast(({ method }) => method === "report");
    if (!newest) return;
    events.push(...(newest.args as Report).events);
    const value = { nextReportMs: 0, rev: 0, clusterIncarnation: 0, ended: [], incarnation: 1, grants: [] };
    home.result(newest.to, "report", newest.args, { ok: true, value: value satisfies ReportAnswer });
  }
}

/** Lets time pass: alarms fire when they are due, and agents poll each second. */
function pass(ms: number): void {
  const end = home.nowMs + ms;
  while (home.nowMs < end) {
    const step = Math.min(end, home.nowMs + SECOND);
    while (home.alarmAt !== null && home.alarmAt <= step) {
      home.nowMs = Math.max(home.nowMs, home.alarmAt);
      home.fireAlarm();
      hear();
    }
    home.nowMs = step;
    pollAll();
    hear();
  }
}

/** One task runs on n1, the first of the nodes. */
function running(spec: Partial<JobSpecInput> = {}, others: readonly string[] = ["n2"]): PlayedAgent {
  const first = join("n1");
  grant(spec);
  pollAll();
  pollAll();
  for (const name of others) join(name);
  hear();
  expect(first.running).toEqual([KEY]);
  return first;
}

const start = (forMs: number, request = "first") => home.call("startDrill", { forMs, request }) as DrillSight;
const sight = () => home.call("drillSight", {}) as DrillSight;
const view = () => sight().view;
const preview = (forMs: number) => home.call("previewDrill", { forMs }) as DrillPreview;
const heldBy = (socket: string): Held[] =>
  home
    .take("send")
    .filter((effect) => effect.socket === socket)
    .map(({ message }) => message as Held);
const requestOf = (agent: PlayedAgent, seq: number) => ({
  claims: { league: "acme", cluster: "north", node: agent.name, serial: 1 },
  request: { session: 1, nonce: "nonce-01", seq, boot: "boot-1", running: [], updates: [], pressure: [] },
});
const hold = (agent: PlayedAgent, seq = 100) => {
  const socket = home.openSocket();
  home.message(socket, { poll: { ...requestOf(agent, seq), waitS: 25 } });
  return socket;
};
const wake = (agent: PlayedAgent) => {
  const socket = home.openSocket();
  home.message(socket, { wake: { claims: requestOf(agent, 0).claims } });
  return socket;
};
const types = () => events.map(({ type }) => type);

describe("while a drill lasts", () => {
  test("a poll changes nothing whatever it says, and is told to come again", () => {
    const agent = running();
    start(MIN);
    agent.end("abcd.0", epochOf(1, 0));
    home.takeEffects();
    const before = home.serialize();
    expect(() => agent.poll()).toThrowError("cut off by a fire drill");
    const socket = hold(agents[1] as PlayedAgent);
    expect(heldBy(socket)).toMatchObject([{ final: true, reply: null, problem: { code: "unavailable" } }]);
    expect(home.isOpen(socket)).toBe(false);
    expect(home.serialize()).toEqual(before);
    expect(home.takeEffects().filter(({ type }) => type !== "close")).toEqual([]);
  });

  test("nobody joins", () => {
    running();
    start(MIN);
    expect(() => join("n3")).toThrowError("fire drill");
    pass(MIN);
    expect(join("n3").name).toBe("n3");
  });

  test("what nodes had open is broken as it begins, and what they open is closed", () => {
    running();
    const [first, second] = agents as [PlayedAgent, PlayedAgent];
    const held = hold(second);
    const waked = wake(first);
    home.takeEffects();
    start(MIN);
    expect(heldBy(held)).toMatchObject([{ final: true, reply: null, problem: { code: "unavailable" } }]);
    expect([held, waked, wake(first)].map((socket) => home.isOpen(socket))).toEqual([false, false, false]);
  });

  test("silence decides as it does without one: nothing is given up sooner, nor kept for longer", () => {
    const agent = running();
    start(10 * MIN);
    pass(STOP_AFTER + 15 * SECOND);
    expect(view().counts).toMatchObject({ silent: 1, givenUp: 0 });
    agent.end("abcd.0", epochOf(1, 0), { state: "failed", reason: "deadline", ranMs: 25_000 });
    pass(GIVEN_UP_WITHIN - STOP_AFTER);
    expect(view().counts).toMatchObject({ silent: 0, givenUp: 1, doubled: 0, late: 0 });
  });

  test("it survives the object, which breaks what it had no time to break", () => {
    running();
    start(MIN);
    const [{ drill } = { drill: null }] = home.query("SELECT drill FROM self");
    home.call("endDrill", {});
    const [held, waked] = [hold(agents[1] as PlayedAgent), wake(agents[0] as PlayedAgent)];
    home.takeEffects();
    // As if what the turn sent that began it had never left.
    home.query("UPDATE self SET drill = ?", drill);
    home.crash();
    expect(heldBy(held)).toMatchObject([{ final: true, problem: { code: "unavailable" } }]);
    expect([held, waked].map((socket) => home.isOpen(socket))).toEqual([false, false]);
    expect(() => agents[0]?.poll()).toThrowError("fire drill");
    expect(view()).toMatchObject({ state: "on", counts: { live: 1, followed: 1 } });
    pass(MIN);
    expect(view().state).not.toBe("on");
  });

  test("another one is refused with what to do, and a copy of its request is itself", () => {
    running();
    const { startedAt } = start(MIN).view;
    home.nowMs += 5 * SECOND;
    expect(start(MIN).view.startedAt).toBe(startedAt);
    for (const ask of [() => start(MIN, "second"), () => preview(MIN)])
      expect(ask).toThrowError(/is on for 55s more.*hansa drill north --end/);
    pass(56 * SECOND);
    expect(view().state).toBe("settling");
    expect(() => start(MIN, "second")).toThrowError(/report of the last drill of north is made within/);
    pass(30 * SECOND);
    expect(start(MIN).view).toMatchObject({ state: "over", startedAt });
    expect(start(MIN, "second").view.state).toBe("on");
    pass(2 * MIN);
    // A copy of the first comes late.
    expect(start(MIN).view.state).toBe("over");
  });
});

describe("a drill ends", () => {
  test("by its alarm", () => {
    running();
    start(20 * SECOND);
    home.nowMs += 20 * SECOND;
    home.fireAlarm();
    expect(view()).toMatchObject({ state: "settling", endsAt: home.nowMs });
    expect(() => pollAll()).not.toThrow();
  });

  test("with its time, also when the alarm was lost", () => {
    const agent = running();
    start(20 * SECOND);
    home.alarmAt = null;
    home.nowMs += 20 * SECOND;
    expect(agent.poll().renews).toEqual([KEY]);
    expect(view().state).toBe("settling");
  });

  test("early when it is told to, and stays as it ended", () => {
    const agent = running();
    start(10 * MIN);
    home.nowMs += 5 * SECOND;
    home.call("endDrill", {});
    const { endsAt } = view();
    expect(endsAt).toBe(home.nowMs);
    expect(agent.poll().renews).toEqual([KEY]);
    pass(SECOND);
    home.call("endDrill", {});
    expect(view().endsAt).toBe(endsAt);
  });

  test("when the clock is set back to before its begin", () => {
    const agent = running();
    start(10 * MIN);
    home.nowMs -= MIN;
    expect(agent.poll().renews).toEqual([KEY]);
  });

  test("with the rows, when those come from a backup", () => {
    running();
    start(10 * MIN);
    const backup = home.serialize();
    const self = { kind: "cluster" as const, league: "acme", name: "north" };
    const restored = new ObjectHome((platform) => new Cluster(platform), { self, backup, generation: 1 });
    expect(restored.call("drillSight", {})).toBeNull();
    expect(() => restored.call("poll", requestOf(agents[0] as PlayedAgent, 100))).not.toThrow();
  });
});

describe("its report", () => {
  test("stands when every node was heard again, and both are in the log", () => {
    running();
    start(20 * SECOND);
    pass(21 * SECOND);
    expect(view().state).toBe("settling");
    pass(15 * SECOND);
    expect(view()).toMatchObject({
      state: "over",
      nodes: { cut: 2, back: 2, missing: [] },
      counts: { live: 1, wentOn: 1, again: 0, waiting: 0, doubled: 0, lost: 0, late: 0 },
      tasks: [{ task: "abcd.0", node: "n1", became: "went-on", now: "runs", place: "north/n1", again: false }],
    });
    expect(types().filter((type) => /drill/.test(type))).toEqual(["cluster.drill-started", "cluster.drill-ended"]);
    expect(events.at(-1)?.detail).toMatch(/^after 20s: 0 of 1 attempts doubled, 0 late, 0 nodes did not come back$/);
  });

  test("does not wait for a node that never comes back, and names it", () => {
    running();
    start(20 * SECOND);
    const [first] = agents.splice(0, 1);
    pass(20 * SECOND + 119 * SECOND);
    expect(view().state).toBe("settling");
    pass(2 * SECOND);
    expect(view()).toMatchObject({ state: "over", nodes: { cut: 2, back: 1, missing: [first?.name] } });
    home.crash();
    expect(view().nodes).toMatchObject({ back: 1, missing: ["n1"] });
  });

  test("tells what its node stopped at its deadline, and where it runs again", () => {
    const agent = running();
    start(40 * SECOND);
    pass(25 * SECOND);
    agent.end("abcd.0", epochOf(1, 0), { state: "failed", reason: "deadline", ranMs: 25_000 });
    pass(40 * SECOND);
    expect(view()).toMatchObject({
      state: "over",
      counts: { stopped: 1, again: 1, doubled: 0, late: 0 },
      again: { north: 1 },
      tasks: [{ became: "stopped", reason: "deadline", now: "runs", place: "north/n2", again: true }],
    });
  });

  test("tells what was given back, of which others know where it is", () => {
    const agent = running();
    start(3 * MIN);
    pass(25 * SECOND);
    agent.end("abcd.0", epochOf(1, 0), { state: "failed", reason: "deadline", ranMs: 25_000 });
    pass(3 * MIN);
    expect(sight()).toMatchObject({
      away: { abcd: [[0, 1]] },
      view: { counts: { stopped: 1, again: 0, waiting: 0, doubled: 0 }, tasks: [{ became: "stopped", place: null }] },
    });
  });

  test("does not change with what happens later", () => {
    const agent = running();
    start(20 * SECOND);
    pass(40 * SECOND);
    agent.end("abcd.0", epochOf(1, 0));
    pass(5 * SECOND);
    expect(view()).toMatchObject({ counts: { wentOn: 1 }, tasks: [{ became: "went-on", now: "ended" }] });
  });

  test("tells what came to its end meanwhile", () => {
    const agent = running();
    start(20 * SECOND);
    pass(5 * SECOND);
    agent.end("abcd.0", epochOf(1, 0));
    pass(30 * SECOND);
    expect(view()).toMatchObject({ counts: { ended: 1 }, tasks: [{ became: "ended", now: "ended" }] });
  });

  /** Given up, and its node tells how it ended when it is back. */
  function outlives(ranMs: number, spec: Partial<JobSpecInput> = {}): void {
    const agent = running(spec);
    start(5 * MIN);
    pass(4 * MIN);
    const end: Partial<Update> = { state: "failed", reason: "deadline", ranMs };
    agent.end("abcd.0", epochOf(1, 0), end);
    pass(2 * MIN);
  }

  test("finds what lived on after it was given up", () => {
    outlives(4 * MIN);
    const { counts, doubled, late } = view();
    expect(counts).toMatchObject({ doubled: 1, late: 1 });
    expect(doubled).toMatchObject([{ task: "abcd.0", node: "n1" }]);
    expect(doubled[0]?.byMs).toBeGreaterThan(2 * MIN);
    expect(late).toMatchObject([{ what: "outlived" }]);
    expect(events.at(-1)?.detail).toMatch(/1 of 1 attempts doubled, 1 late/);
  });

  test("does not take for doubled what was dead in time, though its end is told late", () => {
    outlives(30_000);
    expect(view().counts).toMatchObject({ stopped: 1, doubled: 0, late: 0 });
  });

  test("does not take for doubled what may run twice", () => {
    outlives(4 * MIN, { copies: "at-least-one", disconnect: { stopAfter: "10m", lostAfter: "1s" } });
    expect(view().counts).toMatchObject({ doubled: 0, late: 0 });
  });

  test("finds what its node still has when it is back, for as long as it has it", () => {
    const agent = running();
    start(3 * MIN);
    pass(2 * MIN);
    agent.isDeaf = true;
    pass(MIN + 119 * SECOND);
    expect(view().state).toBe("settling");
    pass(2 * SECOND);
    expect(view()).toMatchObject({ state: "over", doubled: [{ task: "abcd.0", node: "n1", byMs: null }] });
    home.crash();
    expect(view().counts.doubled).toBe(1);
  });

  test("a clock that is set back meanwhile doubles nothing", () => {
    const agent = running();
    pass(MIN);
    start(5 * MIN);
    pass(30 * SECOND);
    agent.end("abcd.0", epochOf(1, 0), { state: "failed", reason: "deadline", ranMs: 90_000 });
    home.nowMs -= 20 * SECOND;
    pass(6 * MIN);
    expect(view()).toMatchObject({ counts: { stopped: 1, doubled: 0 } });
  });
});

describe("a preview", () => {
  const fates = (forMs: number) => preview(forMs).tasks.map(({ fate, again }) => [fate, again]);

  test("tells what stops before the cut is over, what may, and what goes on", () => {
    running();
    expect(fates(20 * SECOND)).toEqual([["stops", false]]);
    expect(fates(MIN)).toEqual([["stops", true]]);
    expect(preview(MIN)).toMatchObject({ cluster: "north", nodes: { cut: 2, silent: 0 }, massHoldMs: 0 });
  });

  test("tells what may stop, as its node comes back late", () => {
    running({ disconnect: { stopAfter: "2m" } });
    expect(fates(10 * SECOND)).toEqual([["goes-on", false]]);
    expect(fates(MIN)).toEqual([["may-stop", false]]);
    expect(fates(3 * MIN)).toEqual([["stops", true]]);
  });

  test("of what is kept: it goes on, and is not handed out again", () => {
    running({ disconnect: "keep" });
    expect(fates(60 * MIN)).toEqual([["goes-on", false]]);
  });

  test("of what may run twice: it goes on and is handed out again", () => {
    running({ copies: "at-least-one", disconnect: { stopAfter: "1h", lostAfter: "1s" } });
    expect(fates(MIN)).toEqual([["goes-on", true]]);
  });

  test("of many nodes: what ran there is waited for longer", () => {
    running({}, ["n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10"]);
    expect(preview(MIN).massHoldMs).toBe(5 * MIN);
    expect(fates(MIN)).toEqual([["stops", false]]);
    expect(fates(10 * MIN)).toEqual([["stops", true]]);
  });

  test("changes nothing", () => {
    running();
    const before = home.serialize();
    preview(MIN);
    expect(home.serialize()).toEqual(before);
  });

  test("of nobody is refused, as the drill is", () => {
    for (const ask of [() => preview(MIN), () => start(MIN)]) expect(ask).toThrowError(/north has no nodes/);
    join("n1");
    agents = [];
    pass(2 * MIN);
    for (const ask of [() => preview(MIN), () => start(MIN)]) expect(ask).toThrowError(/none of the 1 nodes of north/);
    expect(home.call("drillSight", {})).toBeNull();
  });
});
