import { beforeEach, describe, expect, test } from "vitest";
import { ObjectHome } from "../../test/sim/nodeSqlite.ts";
import { epochOf } from "../model/ids.ts";
import { jobSpecSchema, silenceLimitMs, templateOf } from "../model/job.ts";
import { type PartitionSpec, restSpec } from "../model/partition.ts";
import type { NodeView, PartitionView, TaskView } from "../model/views.ts";
import type { ObjectRef } from "../platform/seam.ts";
import type { Inventory, PollReply, PollRequest, Update } from "../protocol/agent.ts";
import type { Grant, Report } from "../protocol/levels.ts";
import { Cluster } from "./cluster.ts";
import type { Held } from "./methods.ts";

const STOP_AFTER_MS = 30_000;
const inventory: Inventory = {
  capacity: { cpus: 1000, mem: 1_000_000 },
  attributes: { arch: "x64" },
  drivers: ["process"],
  version: "test",
};
const noBytes = { size: 0, crc32: 0, dropped: 0 };

let home: ObjectHome<Cluster>;
let gen: number;
beforeEach(() => {
  home = new ObjectHome((platform) => new Cluster(platform), {
    self: { kind: "cluster", league: "acme", name: "north" },
  });
  gen = 0;
});

/** An agent as the Cluster sees it. */
class Node {
  serial: number;
  readonly name: string;
  session = 1;
  nonce = "nonce-01";
  boot = "boot-1";
  seq = 0;
  constructor(name: string, accepts: Partial<Inventory> = {}) {
    ({ node: this.name, serial: this.serial } = home.call("join", { name, key: `key-of-${name}` }) as {
      node: string;
      serial: number;
    });
    this.poll({ inventory: { ...inventory, ...accepts } });
  }
  get claims() {
    return { league: "acme", cluster: "north", node: this.name, serial: this.serial };
  }
  request(rest: Partial<PollRequest> = {}): PollRequest {
    return {
      session: this.session,
      nonce: this.nonce,
      seq: ++this.seq,
      boot: this.boot,
      running: [],
      updates: [],
      pressure: [],
      ...rest,
    };
  }
  poll(rest: Partial<PollRequest> = {}): PollReply {
    return home.call("poll", { claims: this.claims, request: this.request(rest) }) as PollReply;
  }
  wakeSocket() {
    const socket = home.openSocket();
    home.message(socket, { wake: { claims: this.claims } });
    return socket;
  }
  hold(rest: Partial<PollRequest> = {}) {
    const socket = home.openSocket();
    home.message(socket, { poll: { claims: this.claims, request: this.request(rest), waitS: 25 } });
    return socket;
  }
}
/** Times that the node was called by these sockets since it was last asked. */
const callsBy = (...sockets: string[]): number => {
  const calls = home.take("send").filter(({ socket }) => sockets.includes(socket));
  for (const { message } of calls) expect(message).toEqual({ wake: true });
  return calls.length;
};
const heldBy = (socket: string): Held[] =>
  home
    .take("send")
    .filter((effect) => effect.socket === socket)
    .map((effect) => effect.message as Held);
const grant = (rest: Partial<Grant> & { spec?: object } = {}) => {
  const { spec, ...level } = rest;
  gen += 1;
  const message: Grant = {
    job: "abcd",
    gen,
    action: "run",
    limits: { default: 10 },
    supply: [{ from: 0, to: 1, handout: 1, attemptsUsed: 0 }],
    template: templateOf(jobSpecSchema.parse({ command: "true", disconnect: { stopAfter: "30s" }, ...spec })),
    ...level,
  };
  home.call("grant", {
    incarnation: 1,
    clusterIncarnation: home.object.inspect().incarnation,
    grants: [message],
  });
};
const E1 = epochOf(1, 0);
const E2 = epochOf(1, 1);
const ended = (epoch: number, rest: Partial<Update> = {}): Update => ({
  uuid: `abcd.0@${epoch}:end`,
  task: "abcd.0",
  epoch,
  state: "succeeded",
  reason: "exit",
  code: 0,
  ranMs: 5,
  stdout: noBytes,
  stderr: noBytes,
  ...rest,
});
const task = () => home.call("task", { job: "abcd", index: 0 }) as TaskView;
/** What the Cluster said last of the job; the Broker answers. */
const report = (): Report | undefined => {
  const newest = home
    .take("call")
    .filter((effect) => effect.method === "report")
    .at(-1);
  if (!newest) return undefined;
  home.result(newest.to, "report", newest.args, {
    ok: true,
    value: { nextReportMs: 0, rev: 0, ended: [], incarnation: 1, grants: [] },
  });
  return newest.args as Report;
};
const lastReport = () => {
  let last: Report | undefined;
  for (let next = report(); next; next = report()) last = next;
  return last;
};
/** Lets time pass as the platform would: by the alarms that the object sets. */
const pass = (ms: number) => {
  let fired = 0;
  let before = home.nowMs;
  const end = home.nowMs + ms;
  while (home.alarmAt !== null && home.alarmAt <= end) {
    home.nowMs = Math.max(home.nowMs, home.alarmAt);
    if (++fired > 50 && home.nowMs - before < 1_000)
      throw new Error(`the alarm spins: after ${home.nowMs - before} ms again`);
    before = home.nowMs;
    home.fireAlarm();
    lastReport();
  }
  home.nowMs = end;
};

/** The same while a node polls every second, until something is so. */
const passPolling = (node: Node, until: () => boolean) => {
  for (let seconds = 0; !until(); seconds++) {
    if (seconds > 200) throw new Error("it never came to that");
    pass(1_000);
    node.poll();
  }
};

describe("a grant", () => {
  test("reaches a node that listens at once, with what it needs to run it", () => {
    const socket = new Node("n1").hold();
    heldBy(socket);
    grant();
    expect(heldBy(socket)).toMatchObject([
      {
        final: true,
        reply: {
          assignments: [{ task: "abcd.0", epoch: E1, item: null }],
          jobs: { abcd: { stopAfterMs: STOP_AFTER_MS } },
        },
      },
    ]);
  });

  test("of a lower gen changes nothing", () => {
    new Node("n1");
    gen = 5;
    grant({ limits: {} });
    gen = 2;
    grant({ limits: { default: 10 } });
    expect(home.object.inspect().jobs.get("abcd")).toMatchObject({ gen: 6, limits: {} });
  });

  test("that comes again when the job is over takes back nothing of what it used", () => {
    const node = new Node("n1");
    grant();
    node.poll();
    node.poll({ updates: [ended(E1, { ranMs: 500 })] });
    const { to, args } = home.take("call").at(-1) as { to: ObjectRef; args: Report };
    const over = { nextReportMs: 0, rev: 0, ended: ["abcd"], incarnation: 1, grants: [] };
    home.result(to, "report", args, { ok: true, value: over });
    gen = 0;
    grant();
    node.poll({ pressure: ["mem"] });
    expect(lastReport()?.used).toMatchObject([{ role: "default", resourceMs: { cpus: 50_000 } }]);
  });

  test("is still there after the object was rebuilt", () => {
    grant({ supply: [{ from: 0, to: 3, handout: 1, attemptsUsed: 0 }] });
    home.crash();
    expect(new Node("n1").poll().assignments).toHaveLength(3);
  });

  test("limits what is live at once, not what is supplied", () => {
    const node = new Node("n1");
    grant({ limits: { default: 2 }, supply: [{ from: 0, to: 5, handout: 1, attemptsUsed: 0 }] });
    expect(node.poll().assignments).toHaveLength(2);
  });

  test("that cancels stops what is live and ends what waits", () => {
    const node = new Node("n1");
    grant({ limits: { default: 1 }, supply: [{ from: 0, to: 2, handout: 1, attemptsUsed: 0 }] });
    node.poll();
    grant({ action: "cancel", limits: {}, supply: [{ from: 0, to: 2, handout: 1, attemptsUsed: 0 }] });
    expect(lastReport()?.jobs[0]).toMatchObject({ cancelled: [[1, 2]], live: { default: 1 } });
    const reply = node.poll({ running: [["abcd.0", E1]] });
    expect(reply.stops).toMatchObject([{ task: "abcd.0", epoch: E1, reason: "cancelled" }]);
    expect(reply.renews).toEqual([]);
    node.poll({ updates: [ended(E1, { state: "cancelled", reason: "cancelled" })] });
    expect(lastReport()?.jobs[0]).toMatchObject({ cancelled: [[0, 2]], live: {} });
  });
});

describe("an assignment", () => {
  test("is repeated to a copy of the same poll, and withdrawn by a later poll of that session without it", () => {
    const node = new Node("n1");
    grant();
    const first = node.poll();
    node.seq -= 1;
    expect(node.poll().assignments).toEqual(first.assignments);
    expect(node.poll().assignments).toMatchObject([{ task: "abcd.0", epoch: E2 }]);
  });

  test("is not withdrawn by an older poll that comes late", () => {
    const node = new Node("n1");
    const late = node.request();
    grant();
    node.poll();
    home.crash();
    home.call("poll", { claims: node.claims, request: late });
    expect(node.poll({ running: [["abcd.0", E1]] }).renews).toEqual([`abcd.0@${E1}`]);
  });

  test("of which another session says nothing comes back by silence alone: it may be a copy of the folder", () => {
    const node = new Node("n1");
    grant();
    node.poll();
    Object.assign(node, { session: 2, nonce: "nonce-02", seq: 0 });
    expect(node.poll().assignments).toEqual([]);
    pass(STOP_AFTER_MS);
    expect(node.poll().assignments).toEqual([]);
    pass(silenceLimitMs(STOP_AFTER_MS));
    expect(node.poll().assignments).toMatchObject([{ epoch: E2 }]);
  });
});

describe("silence", () => {
  test("hands an attempt out again only when it cannot run any more, and never renews the old one", () => {
    const dead = new Node("n1");
    grant();
    dead.poll();
    dead.poll({ running: [["abcd.0", E1]] });
    const other = new Node("n2");
    const startedAt = home.nowMs;
    passPolling(other, () => home.object.inspect().jobs.get("abcd")?.live.get(0)?.epoch === E2);
    expect(home.nowMs - startedAt).toBeGreaterThanOrEqual(silenceLimitMs(STOP_AFTER_MS));
    const reply = dead.poll({ running: [["abcd.0", E1]] });
    expect(reply.renews).toEqual([]);
    expect(reply.stops).toMatchObject([{ task: "abcd.0", epoch: E1, reason: "superseded" }]);
  });

  test("counts at most one tick of the time that the object itself was away", () => {
    const dead = new Node("n1");
    grant();
    dead.poll();
    dead.poll({ running: [["abcd.0", E1]] });
    new Node("n2");
    pass(20_000);
    home.nowMs += 3_600_000;
    home.crash();
    home.fireAlarm();
    expect(task().attempts).toMatchObject([{ epoch: E1, node: "n1" }]);
    expect(home.query("SELECT silent_ms FROM silence")).toMatchObject([
      { silent_ms: expect.toSatisfy((ms: number) => ms <= 10_000) },
    ]);
  });

  test("is over with one poll, before the reply that renews", () => {
    const node = new Node("n1");
    grant();
    node.poll();
    pass(30_000);
    expect(home.query("SELECT * FROM silence")).toHaveLength(1);
    expect(node.poll({ running: [["abcd.0", E1]] }).renews).toHaveLength(1);
    expect(home.query("SELECT * FROM silence")).toEqual([]);
  });

  test("of a node with work that is kept is never over", () => {
    const node = new Node("n1");
    grant({ spec: { disconnect: "keep" } });
    node.poll();
    node.poll({ running: [["abcd.0", E1]] });
    pass(24 * 3_600_000);
    expect(node.poll({ running: [["abcd.0", E1]] }).renews).toEqual([`abcd.0@${E1}`]);
  });
});

describe("the end of an attempt", () => {
  test("is stored once, acked each time, and final", () => {
    const node = new Node("n1");
    grant();
    node.poll();
    expect(node.poll({ updates: [ended(E1)] }).acked).toEqual([`abcd.0@${E1}:end`]);
    expect(node.poll({ updates: [ended(E1, { state: "failed", code: 1 })] }).acked).toHaveLength(1);
    expect(task()).toMatchObject({ state: "succeeded" });
    expect(lastReport()?.jobs[0]).toMatchObject({ done: [[0, 1]], failed: [], live: {} });
    home.crash();
    expect(task()).toMatchObject({ state: "succeeded" });
  });

  test("uses a retry when the task is to blame, goes to another node, and fails when there are no more", () => {
    const nodes = [new Node("n1"), new Node("n2")];
    grant({ spec: { retry: { max: 1, backoff: "1s" } } });
    const first = nodes.find((node) => node.poll().assignments.length > 0);
    first?.poll({ updates: [ended(E1, { state: "failed", code: 1 })] });
    expect(task()).toMatchObject({ state: "waiting", attempts: [{ state: "failed", code: 1 }] });
    pass(1_000);
    expect(first?.poll().assignments).toEqual([]);
    const second = nodes.find((node) => node !== first);
    expect(second?.poll().assignments).toMatchObject([{ epoch: E2 }]);
    second?.poll({ updates: [ended(E2, { state: "failed", code: 2 })] });
    expect(task()).toMatchObject({ state: "failed", attempts: [{ code: 1 }, { code: 2 }] });
    expect(lastReport()?.jobs[0]).toMatchObject({
      failed: [[0, 1]],
      lastFailure: { node: second?.name, message: "exit code 2" },
    });
  });

  test("for want of memory is the task's own fault, and says how much it may have", () => {
    const node = new Node("n1");
    const message = "ran out of memory: it may use 64 MiB; ask for more as resources.mem";
    grant();
    node.poll();
    node.poll({ updates: [ended(E1, { state: "failed", signal: "SIGKILL", reason: "out-of-memory", message })] });
    expect(task()).toMatchObject({ state: "failed", attempts: [{ reason: "out-of-memory", message }] });
    expect(lastReport()?.jobs[0]).toMatchObject({ failed: [[0, 1]], lastFailure: { message } });
  });

  test("of an older epoch is kept on its attempt and decides nothing", () => {
    const dead = new Node("n1");
    grant();
    dead.poll();
    dead.poll({ running: [["abcd.0", E1]] });
    const other = new Node("n2");
    passPolling(other, () => home.object.inspect().jobs.get("abcd")?.live.get(0)?.epoch === E2);
    expect(dead.poll({ updates: [ended(E1, { state: "failed", code: 9 })] }).acked).toHaveLength(1);
    expect(task()).toMatchObject({
      state: "assigned",
      attempts: [{ epoch: E1, state: "failed", code: 9 }, { epoch: E2 }],
    });
  });

  test("that was lost stays so when a copied disk tells of a reboot: the first machine may run it still", () => {
    const dead = new Node("n1");
    grant({ spec: { copies: "at-least-one", disconnect: { stopAfter: "30s", lostAfter: "10s" } } });
    dead.poll();
    dead.poll({ running: [["abcd.0", E1]] });
    const other = new Node("n2");
    passPolling(other, () => home.object.inspect().jobs.get("abcd")?.live.get(0)?.epoch === E2);
    dead.session = 2;
    expect(dead.poll({ updates: [ended(E1, { state: "failed", reason: "rebooted" })] }).acked).toHaveLength(1);
    expect(task().attempts).toMatchObject([{ epoch: E1, state: "lost" }, { epoch: E2 }]);
  });

  test("by a reboot is kept on its attempt, as lost, by a cluster that has lost what it knew of it", () => {
    const dead = new Node("n1");
    grant({ spec: { copies: "at-least-one", disconnect: { stopAfter: "30s", lostAfter: "10s" } } });
    dead.poll();
    dead.poll({ running: [["abcd.0", E1]] });
    const other = new Node("n2");
    passPolling(other, () => home.object.inspect().jobs.get("abcd")?.live.get(0)?.epoch === E2);
    home.query("DELETE FROM attempt");
    dead.session = 2;
    expect(dead.poll({ updates: [ended(E1, { state: "failed", reason: "rebooted" })] }).acked).toHaveLength(1);
    expect(task().attempts).toMatchObject([{ epoch: E1, state: "lost", reason: "rebooted" }, { epoch: E2 }]);
  });

  test("of an attempt that a Cluster has no row of is kept all the same, when it knows the job", () => {
    const node = new Node("n1");
    grant({ supply: [{ from: 1, to: 2, handout: 1, attemptsUsed: 0 }] });
    node.poll();
    const update = ended(E1, { state: "failed", reason: "deadline" });
    expect(node.poll({ updates: [update] }).acked).toHaveLength(1);
    expect(home.query('SELECT state FROM attempt WHERE "index" = 0 AND epoch = ?', E1)).toEqual([{ state: "failed" }]);
  });

  test("by a deadline, a reboot of a kept task or a shutdown uses no retry", () => {
    const node = new Node("n1");
    grant();
    node.poll();
    node.poll({ updates: [ended(E1, { state: "failed", reason: "shutdown" })] });
    expect(node.poll().assignments.length + node.poll().assignments.length).toBeGreaterThan(0);
    expect(home.object.inspect().jobs.get("abcd")?.live.get(0)).toMatchObject({ attemptsUsed: 0 });
  });
});

describe("what a node goes on with by itself", () => {
  const fault = (epoch: number, code = 1) => ended(epoch, { state: "failed", code });
  const begin = (spec: object = {}) => {
    const node = new Node("n1");
    grant({ spec: { disconnect: "keep", retry: { max: 2, backoff: "1s" }, ...spec } });
    node.poll();
    node.poll({ running: [["abcd.0", E1]] });
    return node;
  };

  test("is allowed with how many retries were used", () => {
    const node = new Node("n1");
    grant({ spec: { disconnect: "keep" }, supply: [{ from: 0, to: 1, handout: 1, attemptsUsed: 3 }] });
    expect(node.poll().assignments).toMatchObject([{ used: 3 }]);
  });

  test("is the task's newest attempt, is renewed, and its end decides; what went before is kept", () => {
    const node = begin();
    const reply = node.poll({ running: [["abcd.0", E2]], updates: [fault(E1, 7)] });
    expect(reply).toMatchObject({ acked: [`abcd.0@${E1}:end`], renews: [`abcd.0@${E2}`], assignments: [], stops: [] });
    expect(task()).toMatchObject({
      state: "running",
      attempts: [
        { epoch: E1, code: 7 },
        { epoch: E2, node: "n1" },
      ],
    });
    home.crash();
    expect(node.poll({ running: [["abcd.0", E2]] }).renews).toEqual([`abcd.0@${E2}`]);
    node.poll({ updates: [ended(E2)] });
    expect(task()).toMatchObject({ state: "succeeded", attempts: [{ code: 7 }, { code: 0 }] });
  });

  test("may have come to its end meanwhile, and the poll may come twice", () => {
    const node = begin();
    const updates = [fault(E1), fault(E2), ended(epochOf(1, 2))];
    expect(node.poll({ updates }).acked).toHaveLength(3);
    expect(node.poll({ updates }).acked).toHaveLength(3);
    expect(task().attempts.map(({ state }) => state)).toEqual(["failed", "failed", "succeeded"]);
  });

  test("uses the job's retries, and there is nothing beyond them", () => {
    const node = begin({ retry: { max: 1, backoff: "1s" } });
    const reply = node.poll({ running: [["abcd.0", epochOf(1, 2)]], updates: [fault(E1), fault(E2)] });
    expect(task()).toMatchObject({ state: "failed", attempts: [{ epoch: E1 }, { epoch: E2 }] });
    expect(reply.stops).toMatchObject([{ epoch: epochOf(1, 2), reason: "superseded" }]);
  });

  test("is stopped when its job is cancelled", () => {
    const node = begin();
    grant({ action: "cancel", spec: { disconnect: "keep", retry: { max: 2, backoff: "1s" } } });
    const { stops } = node.poll({ running: [["abcd.0", E2]], updates: [fault(E1)] });
    expect(stops).toMatchObject([{ epoch: E2, reason: "cancelled" }]);
    node.poll({ updates: [ended(E2, { state: "cancelled", reason: "cancelled" })] });
    expect(task()).toMatchObject({ state: "cancelled" });
  });

  test("is the Cluster's to decide when the node does not, and then by the next epoch", () => {
    const node = begin();
    node.poll({ updates: [fault(E1)] });
    pass(1_000);
    expect(node.poll().assignments).toMatchObject([{ epoch: E2, used: 1 }]);
  });

  test("is nothing of a job that silence hands out again", () => {
    const node = begin({ disconnect: { stopAfter: "30s" } });
    const { stops } = node.poll({ running: [["abcd.0", E2]], updates: [fault(E1)] });
    expect(stops).toMatchObject([{ epoch: E2, reason: "superseded" }]);
    expect(task()).toMatchObject({ state: "waiting" });
  });

  test("of a node that was removed is older than what comes after it", () => {
    begin();
    home.call("removeNode", { name: "n1" });
    pass(600_000);
    const other = new Node("n2");
    passPolling(other, () => task().attempts[0]?.state === "lost");
    expect(other.poll().assignments).toEqual([]);
    expect(home.object.inspect().jobs.get("abcd")?.returned).toMatchObject([{ handout: 1, reason: "agent-lost" }]);
  });
});

describe("a node", () => {
  test("whose older session or other nonce speaks is sent to join again", () => {
    const node = new Node("n1");
    node.session = 2;
    node.poll();
    node.session = 1;
    expect(node.poll().action).toBe("rejoin");
    Object.assign(node, { session: 2, nonce: "another-one" });
    expect(node.poll().action).toBe("rejoin");
  });

  test("that joins again with its key is the same node, another gets another name", () => {
    const node = new Node("n1");
    expect(home.call("join", { name: "n1", key: "key-of-n1" })).toEqual({ node: "n1", serial: node.serial });
    expect(home.call("join", { name: "n1", key: "a-new-machine" })).toMatchObject({ node: "n1-2" });
  });

  test("that is paused or under pressure gets nothing new", () => {
    const node = new Node("n1");
    grant();
    expect(node.poll({ pressure: ["disk"] }).assignments).toEqual([]);
    home.call("pauseNode", { name: "n1", paused: true });
    expect(node.poll()).toMatchObject({ assignments: [], action: "pause" });
    home.call("pauseNode", { name: "n1", paused: false });
    expect(node.poll().assignments).toHaveLength(1);
  });

  test("cannot end what runs on another", () => {
    const node = new Node("n1");
    grant();
    node.poll();
    node.poll({ running: [["abcd.0", E1]] });
    const other = new Node("n2");
    expect(other.poll({ updates: [ended(E1, { state: "failed", code: 1 })] }).acked).toHaveLength(1);
    expect(task()).toMatchObject({ state: "running", attempts: [{ node: "n1" }] });
  });

  test("that was removed leaves its name to a new one only when nothing of it can run any more", () => {
    const node = new Node("n1");
    grant();
    node.poll();
    node.poll({ running: [["abcd.0", E1]] });
    home.call("removeNode", { name: "n1" });
    expect(home.call("join", { name: "n1", key: "a-new-machine" })).toMatchObject({ node: "n1-2" });
    pass(120_000);
    expect(home.call("join", { name: "n1", key: "another-machine" })).toMatchObject({ node: "n1", serial: 2 });
  });

  test("that was removed takes no room with what ran there beside its rows", () => {
    const node = new Node("n1");
    new Node("n2");
    grant();
    node.poll();
    node.poll({ running: [["abcd.0", E2]], pressure: ["mem"] });
    expect(home.call("partition", { name: "default" })).toMatchObject({ amounts: { stopping: { cpus: 100 } } });
    home.call("removeNode", { name: "n1" });
    expect(lastReport()?.partitions).toMatchObject([{ total: { cpus: 1000 }, usable: { cpus: 1000 } }]);
  });

  test("that was removed is told so, and its work comes back by silence", () => {
    const node = new Node("n1");
    grant();
    node.poll();
    home.call("removeNode", { name: "n1" });
    expect(node.poll({ running: [["abcd.0", E1]] })).toMatchObject({
      action: "gone",
      renews: [],
      stops: [{ task: "abcd.0" }],
    });
    expect(task()).toMatchObject({ state: "assigned" });
    pass(60_000);
    expect(lastReport()?.jobs[0]?.returned ?? home.object.inspect().jobs.get("abcd")?.returned).toMatchObject([
      { from: 0, to: 1, handout: 1, reason: "agent-lost" },
    ]);
  });
});

test("what no node here could ever run is returned to the Broker at once", () => {
  new Node("n1").hold();
  grant({ spec: { resources: { cpus: 4 } } });
  expect(lastReport()?.jobs[0]).toMatchObject({ returned: [{ from: 0, to: 1, handout: 1, reason: "does-not-fit" }] });
});

test("what has room in all but on no node says so, is given back, and is asked for again when a node has room", () => {
  const nodes = [new Node("n1"), new Node("n2")];
  grant({
    job: "full",
    limits: { default: 2 },
    supply: [{ from: 0, to: 2, handout: 1, attemptsUsed: 0 }],
    spec: { resources: { cpus: 0.6 } },
  });
  const running = nodes.map((node): [string, number][] =>
    node.poll().assignments.map(({ task: id, epoch }) => [id, epoch]),
  );
  grant({ spec: { resources: { cpus: 0.7 } } });
  const poll = () => nodes.forEach((node, i) => void node.poll({ running: running[i] ?? [] }));
  poll();
  pass(5_000);
  expect(home.object.inspect().jobs.get("abcd")?.reason).toBe("fragmented");
  for (let i = 0; i < 20; i++) {
    poll();
    pass(1_000);
  }
  expect(home.object.inspect().jobs.get("abcd")?.returned).toMatchObject([{ reason: "fragmented" }]);
  const [task0, epoch] = running[0]?.[0] ?? ["", 0];
  nodes[0]?.poll({ updates: [{ ...ended(epoch), uuid: `${task0}:end`, task: task0 }] });
  expect(home.object.inspect().jobs.get("abcd")?.reason).toBeNull();
});

test("a return is repeated until a gen omits it", () => {
  new Node("n1").hold();
  grant({ spec: { resources: { cpus: 4 } } });
  lastReport();
  home.crash();
  expect(lastReport()?.jobs[0]?.returned).toHaveLength(1);
  grant({ supply: [] });
  expect(lastReport()?.jobs[0]?.returned).toEqual([]);
});

test("a report of which nothing is heard is made again, with what it told", () => {
  grant();
  expect(lastReport()?.jobs).toMatchObject([{ job: "abcd" }]);
  for (const laterMs of [31_000, 2_000]) {
    home.nowMs += laterMs;
    home.fireAlarm();
  }
  expect(lastReport()?.jobs).toMatchObject([{ job: "abcd" }]);
});

test("after a leap of its clock it waits out the pause of a report that failed, though nothing was told for long", () => {
  new Node("n1").hold();
  grant();
  home.nowMs += 300_000;
  home.fireAlarm();
  expect(home.alarmAt).toBe(home.nowMs + 1_000);
});

describe("an object that lost its rows", () => {
  test("adopts what its nodes run, and returns the rest only after the job's silence limit", () => {
    const node = { league: "acme", cluster: "north", node: "n1", serial: 1 };
    const poll = (seq: number, running: [string, number][]) =>
      home.call("poll", {
        claims: node,
        request: { session: 3, nonce: "nonce-01", seq, boot: "b", running, updates: [], pressure: [], inventory },
      }) as PollReply;
    expect(poll(1, [["abcd.0", E1]]).renews).toEqual([`abcd.0@${E1}`]);
    grant({ supply: [{ from: 0, to: 2, handout: 1, attemptsUsed: 0, recover: true }] });
    expect(poll(2, [["abcd.0", E1]])).toMatchObject({ renews: [`abcd.0@${E1}`], assignments: [] });
    const startedAt = home.nowMs;
    let returned: unknown[] = [];
    for (let seq = 3; returned.length === 0; seq++) {
      pass(2_000);
      poll(seq, [["abcd.0", E1]]);
      returned = home.object.inspect().jobs.get("abcd")?.returned ?? [];
      if (home.nowMs - startedAt > 200_000) throw new Error("never returned");
    }
    expect(home.nowMs - startedAt).toBeGreaterThanOrEqual(silenceLimitMs(STOP_AFTER_MS));
    expect(returned).toMatchObject([{ from: 1, to: 2, handout: 1, reason: "agent-lost" }]);
  });

  test("counts anew while it lets nodes go on with what it does not know, until a report is answered", () => {
    const node = { league: "acme", cluster: "north", node: "n1", serial: 1 };
    const poll = (seq: number, running: [string, number][]) =>
      home.call("poll", {
        claims: node,
        request: { session: 3, nonce: "nonce-01", seq, boot: "b", running, updates: [], pressure: [], inventory },
      }) as PollReply;
    poll(1, []);
    grant({ supply: [{ from: 0, to: 1, handout: 1, attemptsUsed: 0, recover: true }], spec: { disconnect: {} } });
    const limitMs = silenceLimitMs(600_000);
    pass(limitMs - 20_000);
    // Whether one was answered it does not know.
    home.crash();
    expect(poll(2, [["other.0", E1]]).renews).toEqual([`other.0@${E1}`]);
    const startedAt = home.nowMs;
    const returned = () => home.object.inspect().jobs.get("abcd")?.returned ?? [];
    while (returned().length === 0 && home.nowMs < startedAt + 2 * limitMs) pass(5_000);
    expect(home.nowMs - startedAt).toBeGreaterThanOrEqual(limitMs);
  });
});

test("a node is given nothing while it stops what nobody here knows: that may need all there is", () => {
  const node = new Node("n1");
  const running: [string, number][] = [["wxyz.0", E1]];
  expect(node.poll({ running }).stops).toMatchObject([{ task: "wxyz.0", epoch: E1, reason: "unknown" }]);
  grant();
  expect(node.poll({ running }).assignments).toEqual([]);
  expect(node.poll().assignments).toMatchObject([{ epoch: E1 }]);
});

test("an older poll that comes late is not heard: the newer one stays held, and what that said stands", () => {
  const node = new Node("n1");
  const late = { claims: node.claims, request: node.request({ pressure: ["disk"] }), waitS: 5 };
  const held = node.hold();
  heldBy(held);
  const socket = home.openSocket();
  home.message(socket, { poll: late });
  expect(heldBy(socket)).toMatchObject([{ final: true, reply: { assignments: [] } }]);
  expect((home.call("node", { name: "n1" }) as NodeView).pressure).toEqual([]);
  grant();
  expect(heldBy(held)).toMatchObject([{ final: true, reply: { assignments: [{ epoch: E1 }] } }]);
});

describe("a follow", () => {
  test("wakes a held poll once, also when it began between two polls", () => {
    const node = new Node("n1");
    grant();
    node.poll();
    const running: [string, number][] = [["abcd.0", E1]];
    const socket = node.hold({ running });
    heldBy(socket);
    home.call("follow", { task: "abcd.0", epoch: E1 });
    expect(heldBy(socket)).toMatchObject([{ final: true, reply: { follows: [`abcd.0@${E1}`] } }]);
    expect(heldBy(node.hold({ running }))).toMatchObject([{ final: false }]);
    home.nowMs += 120_000;
    expect(heldBy(node.hold({ running }))).toMatchObject([{ final: true, reply: { follows: [] } }]);
    home.call("follow", { task: "abcd.0", epoch: E1 });
    expect(heldBy(node.hold({ running }))).toMatchObject([{ final: true, reply: { follows: [`abcd.0@${E1}`] } }]);
  });
});

describe("a node with a wake socket", () => {
  const REST_MS = 900_000;
  /** one clock against the other */
  const CLOCKS_APART = 0.02;
  const stateOf = (name: string) => (home.call("node", { name }) as NodeView).state;

  test("is told to rest when it has nothing to do, also when it already holds a poll", () => {
    const node = new Node("n1");
    const held = node.hold();
    heldBy(held);
    node.wakeSocket();
    expect(heldBy(held)).toMatchObject([{ final: true, reply: { nextPollMs: REST_MS } }]);
    expect(node.poll().nextPollMs).toBe(REST_MS);
    expect(heldBy(node.hold())).toMatchObject([{ final: true, reply: { nextPollMs: REST_MS } }]);
  });

  test("is neither silent nor suspect while it rests, also when the object is rebuilt meanwhile", () => {
    const node = new Node("n1");
    node.wakeSocket();
    node.poll();
    pass(REST_MS + CLOCKS_APART * REST_MS + 5_000);
    expect(stateOf("n1")).toBe("up");
    pass(60_000);
    expect(stateOf("n1")).toBe("suspect");
    node.poll();
    home.crash();
    pass(REST_MS);
    expect(stateOf("n1")).toBe("up");
  });

  test("is called before it is taken for silent, as the clock here may have leapt", () => {
    const node = new Node("n1");
    const socket = node.wakeSocket();
    node.poll();
    pass(60_000);
    home.nowMs += 2 * REST_MS;
    home.fireAlarm();
    expect(callsBy(socket)).toBe(1);
    expect(home.query("SELECT * FROM silence")).toHaveLength(0);
    node.poll();
    expect(stateOf("n1")).toBe("up");
  });

  test("is called before it is taken for silent, as an old copy of a poll may have hidden that it rests", () => {
    const node = new Node("n1");
    const socket = node.wakeSocket();
    node.poll();
    const copy = { claims: node.claims, request: node.request({ running: [["wxyz.0", E1]] }), waitS: 5 };
    node.poll();
    home.crash();
    home.message(home.openSocket(), { poll: copy });
    pass(70_000);
    home.fireAlarm();
    expect(callsBy(socket)).toBe(1);
    expect(home.query("SELECT * FROM silence")).toHaveLength(0);
  });

  test("does not rest while something keeps it from work: an old copy of a poll may have said so", () => {
    const node = new Node("n1");
    const socket = node.wakeSocket();
    const copy = { claims: node.claims, request: node.request({ pressure: ["starting"] }), waitS: 5 };
    expect(node.poll({ pressure: ["disk"] }).nextPollMs).toBe(0);
    expect(node.poll().nextPollMs).toBe(REST_MS);
    home.crash();
    home.message(home.openSocket(), { poll: copy });
    pass(70_000);
    home.fireAlarm();
    expect(callsBy(socket)).toBe(1);
  });

  test("does not rest while it runs anything, whether that is known here or not", () => {
    const node = new Node("n1");
    node.wakeSocket();
    grant();
    expect(node.poll()).toMatchObject({ nextPollMs: 0, assignments: [{ epoch: E1 }] });
    expect(node.poll({ running: [["abcd.0", E1]] }).nextPollMs).toBe(0);
    expect(node.poll({ updates: [ended(E1)] }).nextPollMs).toBe(REST_MS);
    expect(node.poll({ running: [["wxyz.0", E1]] }).nextPollMs).toBeLessThanOrEqual(1_000);
  });

  test("that got work is overdue like any other, socket or not", () => {
    const node = new Node("n1");
    node.wakeSocket();
    node.poll();
    grant();
    node.poll();
    node.poll({ running: [["abcd.0", E1]] });
    home.crash();
    pass(30_000);
    expect(home.query("SELECT * FROM silence")).toHaveLength(1);
  });

  test("is called once for what it is wanted for, and again only after it has polled", () => {
    const node = new Node("n1");
    const sockets = [node.wakeSocket(), node.wakeSocket()];
    node.poll();
    expect(callsBy(...sockets)).toBe(0);
    grant();
    expect(callsBy(...sockets)).toBe(2);
    grant({ supply: [{ from: 0, to: 3, handout: 1, attemptsUsed: 0 }] });
    pass(5_000);
    expect(callsBy(...sockets)).toBe(0);
    expect(node.poll().assignments).toHaveLength(3);
    node.poll({ updates: [0, 1, 2].map((n) => ended(E1, { uuid: `abcd.${n}@${E1}:end`, task: `abcd.${n}` })) });
    grant({ supply: [{ from: 0, to: 4, handout: 1, attemptsUsed: 0 }] });
    expect(callsBy(...sockets)).toBe(2);
  });

  test("is called anew by an object that was rebuilt, and by a socket that is opened after the call", () => {
    const node = new Node("n1");
    const first = node.wakeSocket();
    node.poll();
    grant();
    home.crash();
    expect(callsBy(first)).toBe(1);
    expect(callsBy(node.wakeSocket())).toBe(1);
  });

  test("is not called for what it can't run, or what another that is called can take", () => {
    const nodes = ["n1", "n2", "n3"].map((name) => new Node(name));
    const small = new Node("n4", { capacity: { cpus: 1 } });
    const sockets = [...nodes, small].map((node) => node.wakeSocket());
    for (const node of [...nodes, small]) node.poll();
    grant({ supply: [{ from: 0, to: 2, handout: 1, attemptsUsed: 0 }], spec: { resources: { cpus: 1 } } });
    pass(5_000);
    expect(callsBy(...sockets)).toBe(2);
  });

  test("is called and waited for when a task prefers it to one that listens, but not for long", () => {
    const near = new Node("n1", { attributes: { zone: "a" } });
    const far = new Node("n2", { attributes: { zone: "b" } });
    const socket = far.wakeSocket();
    far.poll();
    near.poll();
    const hold = near.hold();
    const spread = { affinity: ["zone = b"] };
    grant({ spec: spread });
    expect(callsBy(socket)).toBe(1);
    expect(heldBy(hold).some(({ reply }) => (reply?.assignments.length ?? 0) > 0)).toBe(false);
    pass(2_500);
    expect(heldBy(hold).some(({ reply }) => (reply?.assignments.length ?? 0) > 0)).toBe(true);
  });

  test("that was called in vain listens for a while instead of being called without end", () => {
    const [busy, spare] = [new Node("n1"), new Node("n2")];
    const socket = busy.wakeSocket();
    busy.poll();
    grant();
    expect(callsBy(socket)).toBe(1);
    spare.poll();
    expect(busy.poll().nextPollMs).toBe(0);
    expect(busy.poll().nextPollMs).toBe(REST_MS);
  });

  test("that does not come when called is suspect within a minute, and its task goes elsewhere", () => {
    const node = new Node("n1");
    node.wakeSocket();
    node.poll();
    pass(600_000);
    grant();
    pass(30_000);
    expect(stateOf("n1")).toBe("up");
    pass(10_000);
    expect(stateOf("n1")).toBe("suspect");
  });

  test("is expected as usual from when its last socket closes", () => {
    const node = new Node("n1");
    const sockets = [node.wakeSocket(), node.wakeSocket()];
    node.poll();
    pass(600_000);
    home.closeSocket(sockets[0] ?? "");
    pass(60_000);
    expect(stateOf("n1")).toBe("up");
    home.closeSocket(sockets[1] ?? "");
    pass(30_000);
    expect(stateOf("n1")).toBe("up");
    pass(10_000);
    expect(stateOf("n1")).toBe("suspect");
    expect(node.poll().nextPollMs).toBe(0);
  });

  test("is called when an assignment left with the reply to a copy of its poll", () => {
    const nodes = [new Node("n1"), new Node("n2")];
    const sockets = nodes.map((node) => node.wakeSocket());
    for (const node of nodes) node.poll();
    grant();
    const calls = sockets.map((socket) => callsBy(socket));
    expect([...calls].sort()).toEqual([0, 1]);
    const resting = calls.indexOf(0);
    const node = nodes[resting] as Node;
    node.seq -= 1;
    expect(node.poll().assignments).toHaveLength(1);
    expect(callsBy(sockets[resting] as string)).toBe(1);
  });

  test("that was removed has its socket closed, and a socket of an older machine of that name is not taken", () => {
    const node = new Node("n1");
    const socket = node.wakeSocket();
    node.poll();
    home.call("removeNode", { name: "n1" });
    expect(home.isOpen(socket)).toBe(false);
    const { serial } = node;
    const next = new Node("n1");
    expect(next.serial).toBeGreaterThan(serial);
    node.serial = serial;
    expect(home.isOpen(node.wakeSocket())).toBe(false);
    expect(next.poll().nextPollMs).toBe(0);
    next.wakeSocket();
    expect(next.poll().nextPollMs).toBe(REST_MS);
  });

  test("that is resumed is called for what waits", () => {
    const node = new Node("n1");
    const socket = node.wakeSocket();
    home.call("pauseNode", { name: "n1", paused: true });
    node.poll();
    grant();
    expect(callsBy(socket)).toBe(0);
    home.call("pauseNode", { name: "n1", paused: false });
    expect(callsBy(socket)).toBe(1);
  });
});

test("an object that was restored from a backup does not renew what its rows do not know, nor stops it", () => {
  const node = new Node("n1");
  lastReport();
  home.generation = 1;
  home.crash();
  expect(node.poll({ running: [["wxyz.0", E1]] })).toMatchObject({ renews: [], stops: [] });
});

test("an object that was restored renews nothing of a node that joined after the backup", () => {
  const node = new Node("n1");
  home.generation = 1;
  home.crash();
  node.poll();
  pass(10_000);
  const claims = { league: "acme", cluster: "north", node: "n2", serial: 2 };
  const request = node.request({ running: [["wxyz.0", E1]], inventory });
  expect(home.call("poll", { claims, request })).toMatchObject({ renews: [], stops: [] });
});

test("an object that lost its rows in a league that was restored renews nothing that it does not know", () => {
  home.generation = 1;
  home.crash();
  const claims = { league: "acme", cluster: "north", node: "n1", serial: 1 };
  const request = {
    session: 3,
    nonce: "nonce-01",
    seq: 1,
    boot: "b",
    running: [["wxyz.0", E1]],
    updates: [],
    pressure: [],
    inventory,
  };
  expect(home.call("poll", { claims, request })).toMatchObject({ renews: [], stops: [] });
});

test("an object that was restored counts on no node before it has told what it has and runs, and calls it", () => {
  const node = new Node("n1");
  const socket = node.wakeSocket();
  node.poll();
  home.generation = 1;
  home.take("send");
  home.crash();
  expect(callsBy(socket)).toBe(1);
  const free = () => (home.call("partition", { name: "default" }) as PartitionView).amounts.free;
  expect(free().cpus ?? 0).toBe(0);
  const running: PollRequest["running"] = [["wxyz.0", E1]];
  expect(node.poll({ running })).toMatchObject({ wantInventory: true });
  node.poll({ running, inventory });
  expect(free().cpus ?? 0).toBe(0);
  node.poll();
  expect(free()).toMatchObject({ cpus: inventory.capacity.cpus });
});

test("an idle poll writes nothing and asks nobody", () => {
  const node = new Node("n1");
  lastReport();
  pass(1_000);
  home.crash();
  home.takeEffects();
  const before = home.rowsWritten;
  for (let i = 0; i < 10; i++) node.hold();
  expect(home.rowsWritten).toBe(before);
  expect(home.take("call")).toEqual([]);
  expect(home.take("alarm")).toEqual([]);
});

describe("many nodes", () => {
  const HOLD_FOR_MS = 300_000;
  /** Time in which polls are overdue and ticks come. */
  const AROUND_MS = 20_000;
  const names = (n: number) => Array.from({ length: n }, (_, i) => `n${i}`);
  const busy = (n: number, rest: Node[] = [], stopAfter = "30s") => {
    const nodes = names(n).map((name) => new Node(name));
    grant({
      limits: { default: n },
      supply: [{ from: 0, to: n, handout: 1, attemptsUsed: 0 }],
      spec: { resources: { cpus: 1 }, disconnect: { stopAfter } },
    });
    const running = nodes.map((node) =>
      node.poll().assignments.map(({ task, epoch }) => [task, epoch] as [string, number]),
    );
    const alive = (who: Node[]) => {
      for (const [i, node] of nodes.entries()) if (who.includes(node)) node.poll({ running: running[i] ?? [] });
      for (const node of rest) if (who.includes(node)) node.poll();
    };
    alive(nodes);
    return { nodes, alive };
  };
  /** While these poll. @returns ms until something of the others is given up; Infinity: nothing is */
  const lostAfterMs = (ms: number, meanwhile: () => void) => {
    const from = home.nowMs;
    while (home.nowMs - from < ms) {
      pass(5_000);
      meanwhile();
      if (home.query("SELECT 1 FROM attempt WHERE state = 'lost'").length > 0) return home.nowMs - from;
    }
    return Number.POSITIVE_INFINITY;
  };
  const limitMs = silenceLimitMs(STOP_AFTER_MS);

  test("of which more than a third fall silent together are waited for longer, and that is told once with why", () => {
    const { nodes, alive } = busy(10);
    const told: Report[] = [];
    const from = home.nowMs;
    const isLost = () => home.query("SELECT 1 FROM attempt WHERE state = 'lost'").length > 0;
    while (!isLost()) {
      expect(home.nowMs - from).toBeLessThan(limitMs + HOLD_FOR_MS + AROUND_MS);
      home.nowMs = Math.min(home.nowMs + 5_000, home.alarmAt ?? Number.POSITIVE_INFINITY);
      if (home.alarmAt !== null && home.alarmAt <= home.nowMs) home.fireAlarm();
      alive(nodes.slice(4));
      for (let next = report(); next; next = report()) told.push(next);
    }
    expect(home.nowMs - from).toBeGreaterThanOrEqual(limitMs + HOLD_FOR_MS);
    const events = told.flatMap(({ events: some }) => some).filter(({ type }) => type === "cluster.mass-silence");
    expect(events).toMatchObject([{ detail: expect.stringContaining("5 min longer") }]);
    const held = told.flatMap(({ jobs }) => jobs).filter(({ reason }) => reason === "mass-silence");
    expect(held[0]?.silenceLeftMs).toBeGreaterThan(HOLD_FOR_MS);
    expect(held[0]?.live).toEqual({ default: 10 });
  });

  test("of which a third or less fall silent are not waited for", () => {
    const { nodes, alive } = busy(12);
    const lostMs = lostAfterMs(limitMs + AROUND_MS, () => alive(nodes.slice(4)));
    expect(lostMs).toBeGreaterThanOrEqual(limitMs);
    expect(lostMs).toBeLessThanOrEqual(limitMs + AROUND_MS);
  });

  test("fewer than ten are not waited for", () => {
    busy(9);
    expect(lostAfterMs(limitMs + AROUND_MS, () => {})).toBeLessThanOrEqual(limitMs + AROUND_MS);
  });

  test("that fall silent one after the other are not waited for", () => {
    const { nodes, alive } = busy(10, [], "10m");
    const from = home.nowMs;
    const left = () => nodes.slice(Math.min(4, 1 + Math.floor((home.nowMs - from) / 80_000)));
    const mostMs = silenceLimitMs(600_000) + AROUND_MS;
    expect(lostAfterMs(mostMs, () => alive(left()))).toBeLessThanOrEqual(mostMs);
  });

  test("count as silent also where nothing runs", () => {
    const idle = names(8).map((name) => new Node(`idle-${name}`));
    const { alive } = busy(3, idle);
    expect(lostAfterMs(limitMs + HOLD_FOR_MS - AROUND_MS, () => alive(idle.slice(4)))).toBe(Number.POSITIVE_INFINITY);
    expect(lostAfterMs(3 * AROUND_MS, () => alive(idle.slice(4)))).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  test("that boot anew together have their link: what they do not mention is not waited for longer", () => {
    const { nodes, alive } = busy(10);
    const reborn = nodes.slice(0, 4);
    for (const node of reborn) Object.assign(node, { session: 2, nonce: "nonce-02", seq: 0 });
    const meanwhile = () => {
      for (const node of reborn) node.poll();
      alive(nodes.slice(4));
    };
    expect(lostAfterMs(limitMs + AROUND_MS, meanwhile)).toBeLessThanOrEqual(limitMs + AROUND_MS);
  });
});

describe("a node of which something was given up", () => {
  const soon = { copies: "at-least-one", disconnect: { stopAfter: "10m", lostAfter: "1s" } };
  const stateOf = (name: string) => (home.call("node", { name }) as NodeView).state;

  test("gets nothing new until it speaks, and what waits goes to another cluster", () => {
    const node = new Node("n1");
    grant({ spec: soon });
    node.poll();
    node.poll({ running: [["abcd.0", E1]] });
    let told: Report | undefined;
    const from = home.nowMs;
    while (told?.jobs[0]?.returned.length !== 1) {
      expect(home.nowMs - from).toBeLessThan(30_000);
      home.nowMs = home.alarmAt ?? Number.NaN;
      home.fireAlarm();
      told = report() ?? told;
    }
    expect(told).toMatchObject({
      nodes: { up: 0, silent: 1 },
      partitions: [{ usable: { cpus: 0 }, shapes: [] }],
      jobs: [{ returned: [{ reason: "agent-lost" }], live: {} }],
      events: [{ type: "node.silent", node: "n1" }],
    });
    expect(stateOf("n1")).toBe("suspect");
    expect(node.poll({ running: [["abcd.0", E1]] }).stops).toMatchObject([{ epoch: E1, reason: "superseded" }]);
    expect(stateOf("n1")).toBe("up");
  });

  test("is not taken for up by an object that is built anew, which does not tick for it either", () => {
    const node = new Node("n1");
    grant({ spec: soon });
    node.poll();
    node.poll({ running: [["abcd.0", E1]] });
    pass(40_000);
    expect(stateOf("n1")).toBe("suspect");
    grant({ limits: {}, supply: [] });
    pass(60_000);
    home.crash();
    expect(stateOf("n1")).toBe("suspect");
    const alarms = home.alarmAt;
    expect(alarms === null || alarms > home.nowMs + 10_000).toBe(true);
    node.poll();
    home.crash();
    expect(stateOf("n1")).toBe("up");
  });

  test("may be removed, and its name be given anew", () => {
    new Node("n1");
    grant({ limits: {}, supply: [{ from: 0, to: 1, handout: 1, attemptsUsed: 0 }] });
    pass(90_000);
    home.call("nodes", { after: null, limit: 10 });
    home.fireAlarm();
    expect(home.query("SELECT node FROM silence")).toEqual([{ node: "n1" }]);
    home.call("removeNode", { name: "n1" });
    expect(home.query("SELECT node FROM silence")).toEqual([]);
    expect(new Node("n1").name).toBe("n1");
  });

  test("says for how long its work is held, and nothing of what it may keep for ever", () => {
    const node = new Node("n1");
    grant();
    node.poll();
    node.poll({ running: [["abcd.0", E1]] });
    home.nowMs = home.alarmAt ?? Number.NaN;
    while (home.query("SELECT 1 FROM silence").length === 0) {
      home.fireAlarm();
      home.nowMs = home.alarmAt ?? Number.NaN;
    }
    const held = lastReport()?.jobs[0];
    expect(held).toMatchObject({ reason: "holding", live: { default: 1 } });
    expect(held?.silenceLeftMs).toBeLessThanOrEqual(silenceLimitMs(STOP_AFTER_MS));
    expect(held?.silenceLeftMs).toBeGreaterThan(silenceLimitMs(STOP_AFTER_MS) - 15_000);
  });
});

describe("nodes that rest", () => {
  test("are called, more and more of them, when another falls silent and they do not come", () => {
    const working = new Node("n0");
    grant();
    working.poll();
    working.poll({ running: [["abcd.0", E1]] });
    const resting = Array.from({ length: 9 }, (_, i) => new Node(`r${i}`));
    for (const node of resting) {
      node.wakeSocket();
      expect(node.poll().nextPollMs).toBe(900_000);
    }
    pass(90_000);
    const { items } = home.call("nodes", { after: null, limit: 100 }) as { items: NodeView[] };
    expect(new Set(items.map(({ state }) => state))).toEqual(new Set(["suspect"]));
  });

  test("and come are not called again, and stay up", () => {
    const working = new Node("n0");
    grant();
    working.poll();
    working.poll({ running: [["abcd.0", E1]] });
    const resting = Array.from({ length: 9 }, (_, i) => new Node(`r${i}`));
    const sockets = resting.map((node) => {
      const socket = node.wakeSocket();
      node.poll();
      return socket;
    });
    let calls = 0;
    for (let seconds = 0; seconds < 70; seconds++) {
      pass(1_000);
      for (const { socket } of home.take("send")) {
        const called = resting[sockets.indexOf(socket)];
        if (!called) continue;
        calls += 1;
        called.poll();
        called.poll();
      }
    }
    expect(calls).toBeGreaterThan(0);
    expect(calls).toBeLessThanOrEqual(3);
    const { items } = home.call("nodes", { after: null, limit: 100 }) as { items: NodeView[] };
    expect(items.filter(({ state }) => state === "up")).toHaveLength(9);
  });
});

describe("partitions", () => {
  const put = (name: string, rest: Partial<PartitionSpec> = {}, position: number | null = null) =>
    home.call("putPartition", { spec: { ...restSpec(), name, ...rest }, position }) as PartitionView;
  const partition = (name: string) => home.call("partition", { name }) as PartitionView;
  const names = () => (home.call("partitions", {}) as PartitionView[]).map(({ name }) => name);
  const ten = [{ from: 0, to: 10, handout: 1, attemptsUsed: 0 }];
  const spec = { resources: { cpus: 0.1, mem: "1MiB" }, disconnect: { stopAfter: "30s" } };
  const usedIn = (name: string) => partition(name).amounts.used.cpus ?? 0;

  test("stand in the order in which they were made, or where they were put; the rest is last", () => {
    put("a");
    put("b");
    expect(names()).toEqual(["a", "b", "default"]);
    put("b", {}, 0);
    expect(names()).toEqual(["b", "a", "default"]);
    home.crash();
    expect(names()).toEqual(["b", "a", "default"]);
    home.call("removePartition", { name: "b" });
    home.crash();
    expect(names()).toEqual(["a", "default"]);
  });

  test("the rest takes a policy, but neither rules nor a slice, and is never removed", () => {
    expect(put("default", { owner: "lab", pack: "pack" })).toMatchObject({ owner: "lab", pack: "pack" });
    expect(() => put("default", { nodes: ["arch = x64"] })).toThrow(/neither nodes nor slice/);
    expect(() => home.call("removePartition", { name: "default" })).toThrow(/cannot be removed/);
    home.crash();
    expect(partition("default")).toMatchObject({ owner: "lab", pack: "pack" });
  });

  test("what a job may run in each is kept, also by a slice's budget", () => {
    put("lab", { slice: { cpus: { amount: 300 }, mem: { percent: 50 } } });
    const node = new Node("n1");
    grant({ limits: { lab: 9, default: 2 }, supply: ten, spec });
    node.poll();
    expect([usedIn("lab"), usedIn("default")]).toEqual([300, 200]);
    expect(lastReport()?.jobs[0]?.live).toEqual({ lab: 3, default: 2 });
  });

  test("what runs goes on, and counts where it was handed out, whatever becomes of its partition", () => {
    put("lab", { nodes: ["arch = x64"], owner: "lab" });
    const node = new Node("n1");
    grant({ limits: { lab: 1 }, spec });
    node.poll();
    put("lab", { nodes: ["arch = arm64"], owner: "lab" });
    expect([usedIn("lab"), usedIn("default")]).toEqual([100, 0]);
    home.crash();
    node.poll({ running: [["abcd.0", E1]] });
    expect(usedIn("lab")).toBe(100);
    home.call("removePartition", { name: "lab" });
    expect(usedIn("default")).toBe(100);
  });

  test("are told to the Broker with what may be in use of them, and who owns them", () => {
    new Node("n1");
    put("lab", { slice: { cpus: { percent: 25 } }, owner: "lab", lend: { cpus: { amount: 100 } }, speed: 2 });
    expect(lastReport()?.partitions).toMatchObject([
      { name: "lab", isSlice: true, owner: "lab", speed: 2, usable: { cpus: 250 }, lendable: { cpus: 100 } },
      { name: "default", isSlice: false, owner: null, usable: { cpus: 750, mem: 750_000 }, lendable: {} },
    ]);
  });

  test("lend nothing when they say so, whatever resources there are", () => {
    new Node("n1", { capacity: { cpus: 1000, mem: 1000, licences: 5000 } });
    put("lab", { nodes: ["arch = x64"], owner: "lab", lend: "none" });
    expect(lastReport()?.partitions[0]?.lendable).toEqual({ cpus: 0, mem: 0, licences: 0 });
  });

  test("a node that takes nothing now is down, but for what runs there", () => {
    const node = new Node("n1");
    grant({ spec });
    node.poll();
    home.call("pauseNode", { name: "n1", paused: true });
    expect(partition("default").amounts).toMatchObject({ used: { cpus: 100 }, down: { cpus: 900 }, free: {} });
    expect(lastReport()?.partitions[0]?.usable.cpus).toBe(100);
  });

  test("what an attempt that is being stopped has is neither used nor free", () => {
    const node = new Node("n1");
    grant({ spec });
    node.poll();
    grant({ action: "cancel", limits: {}, spec });
    expect(partition("default").amounts).toMatchObject({ stopping: { cpus: 100 }, free: { cpus: 900 }, used: {} });
  });

  test("count what was used by who owned them then, live attempts as far as they have come, and lose none", () => {
    put("default", { owner: "lab" });
    const node = new Node("n1");
    grant({ supply: [{ from: 0, to: 2, handout: 1, attemptsUsed: 0 }], spec: { ...spec, role: "shop" } });
    node.poll();
    home.nowMs += 1_000;
    let price = 1;
    const used = () => {
      put("probe", { price: ++price });
      return lastReport()?.used;
    };
    const running: PollRequest["running"] = [["abcd.1", E1]];
    node.poll({ running, updates: [ended(E1, { ranMs: 700 })] });
    put("default", { owner: "web" });
    const lent = { partition: "default", lender: "lab", role: "shop", taskMs: 1_700 };
    expect(used()).toMatchObject([{ ...lent, resourceMs: { cpus: 170_000 } }]);
    home.crash();
    expect(used()).toMatchObject([lent]);
    node.poll({ running: [], updates: [ended(E1, { uuid: "abcd.1:end", task: "abcd.1", ranMs: 900 })] });
    // The Broker says that the job is over: its rows are not read again.
    const { to, args } = home.take("call").at(-1) ?? {};
    const answer = { nextReportMs: 0, rev: 0, ended: ["abcd"], incarnation: 1, grants: [] };
    if (to) home.result(to, "report", args, { ok: true, value: answer });
    home.crash();
    expect(used()).toMatchObject([{ ...lent, taskMs: 1_600, resourceMs: { cpus: 160_000 } }]);
  });

  test("what was counted before a restore is the Broker's, and what comes after counts from nothing", () => {
    const node = new Node("n1");
    grant({ supply: [{ from: 0, to: 2, handout: 1, attemptsUsed: 0 }], spec });
    node.poll();
    node.poll({ running: [["abcd.1", E1]], updates: [ended(E1, { ranMs: 700 })] });
    home.generation = 1;
    home.crash();
    const told = lastReport();
    expect(told?.used.filter(({ taskMs }) => taskMs !== 0)).toEqual([]);
    expect(told?.usedSince).toBe(told?.incarnation);
  });

  test("a lost attempt counts as long as it was held, also when its node tells later how long it ran", () => {
    const node = new Node("n1");
    new Node("n2", { roles: ["none"] });
    grant({ spec });
    node.poll();
    pass(120_000);
    let price = 1;
    const used = () => {
      put("probe", { price: ++price });
      return lastReport()?.used[0]?.taskMs ?? 0;
    };
    const held = used();
    expect(held).toBeGreaterThan(30_000);
    node.poll({ updates: [ended(E1, { ranMs: 1_000 })] });
    const after = used();
    home.crash();
    expect(used()).toBe(after);
    expect(after).toBeGreaterThanOrEqual(held);
  });

  test("how long the tasks of a job take is told from ends that were told: silence is no run time", () => {
    const node = new Node("n1");
    const quiet = new Node("n2");
    grant({ supply: [{ from: 0, to: 2, handout: 1, attemptsUsed: 0 }], spec: { ...spec, resources: { cpus: 0.6 } } });
    node.poll();
    quiet.poll();
    node.poll({ updates: [ended(E1, { ranMs: 1_000 })] });
    const told = { ran: 1, ranMs: 1_000 };
    expect(lastReport()?.jobs[0]).toMatchObject({ ...told, live: { default: 1 } });
    pass(120_000);
    grant({ action: "cancel", limits: {} });
    expect(lastReport()?.jobs[0]).toMatchObject({ ...told, live: {} });
    home.crash();
    expect(lastReport()?.jobs[0]).toMatchObject({ ...told, live: {} });
  });
});
