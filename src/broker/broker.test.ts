import { beforeEach, describe, expect, test } from "vitest";
import { ObjectHome } from "../../test/sim/nodeSqlite.ts";
import { type JobSpecInput, jobSpecSchema } from "../model/job.ts";
import type { PlanView } from "../model/planView.ts";
import { type Ranges, size, union } from "../model/ranges.ts";
import { DEFAULT_POLICY, type RolePolicy } from "../model/role.ts";
import type { EventView, ExplainView, JobView, LedgerView, RoleView } from "../model/views.ts";
import type { Grant, GrantMessage, JobReport, PartitionLevel, Report, ReportAnswer, Use } from "../protocol/levels.ts";
import { Broker } from "./broker.ts";

const SHAPE = { count: 1, capacity: { cpus: 1000, mem: 1_000_000 }, attributes: {}, drivers: ["process"] };

const level = (rest: Partial<PartitionLevel> = {}): PartitionLevel => ({
  name: "default",
  owner: null,
  isSlice: false,
  price: 1,
  speed: 1,
  total: SHAPE.capacity,
  usable: SHAPE.capacity,
  offered: {},
  lendable: {},
  shapes: [SHAPE],
  ...rest,
});

let home: ObjectHome<Broker>;
beforeEach(() => {
  home = new ObjectHome((platform) => new Broker(platform), { self: { kind: "broker", league: "acme", name: "" } });
  for (const name of ["north", "south"]) home.call("createCluster", { name, labels: {}, idempotency: null });
});

const submit = (spec: JobSpecInput, id = "abcdefghij", digest = "d1") =>
  home.call("submit", { id, digest, spec: jobSpecSchema.parse(spec) }) as JobView;
const charged = (role: string) => (home.call("role", { name: role }) as RoleView).charged;
const metrics = () => home.call("metrics", {}) as Record<string, number>;
const job = (id = "abcdefghij") => home.call("job", { id }) as JobView;
const problemOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return null;
};

/** A Cluster as the Broker sees it: it keeps the newest grant of each job, and reports what it is told to. */
class FakeCluster {
  readonly name: string;
  incarnation = 1;
  rev = 0;
  readonly grants = new Map<string, Grant>();
  constructor(name: string) {
    this.name = name;
    this.report({});
  }
  take(): this {
    for (const { to, method, args } of home.take("call")) {
      if (method !== "grant") continue;
      const message = args as GrantMessage;
      if (to.name === this.name) this.apply(message.grants);
      else others.get(to.name)?.apply(message.grants);
    }
    return this;
  }
  apply(grants: readonly Grant[]) {
    for (const grant of grants)
      if ((this.grants.get(grant.job)?.gen ?? 0) < grant.gen) this.grants.set(grant.job, grant);
  }
  report(jobs: Record<string, Partial<JobReport>>, rest: Partial<Report> = {}): ReportAnswer {
    const report: Report = {
      cluster: this.name,
      incarnation: this.incarnation,
      rev: ++this.rev,
      partitions: [level()],
      nodes: { up: 1, silent: 0, total: 1 },
      events: [],
      used: [],
      usedSince: this.incarnation,
      jobs: Object.entries(jobs).map(([id, said]) => ({
        job: id,
        genApplied: this.grants.get(id)?.gen ?? 0,
        done: [],
        failed: [],
        cancelled: [],
        returned: [],
        live: {},
        waiting: 0,
        reason: null,
        ranMs: 0,
        ran: 0,
        lastFailure: null,
        ...said,
      })),
      ...rest,
    };
    const answer = home.call("report", report) as ReportAnswer;
    this.apply(answer.grants);
    return answer;
  }
  grant(id = "abcdefghij"): Grant {
    const grant = this.take().grants.get(id);
    if (!grant) throw new Error(`${this.name} has no grant of ${id}`);
    return grant;
  }
}
let north: FakeCluster;
let south: FakeCluster;
const others = new Map<string, FakeCluster>();
beforeEach(() => {
  north = new FakeCluster("north");
  south = new FakeCluster("south");
  others.set("north", north).set("south", south);
});
const conserved = (id = "abcdefghij") => {
  const where = home.object.inspect(id);
  if (!where) throw new Error(`no job ${id}`);
  const parts = [where.queue, ...where.supply.values(), where.terminal];
  expect(parts.reduce((n, part) => n + size(part), 0)).toBe(where.count);
  expect(size(parts.reduce((all, part) => union(all, part), []))).toBe(where.count);
};

test("of an event that a later Cluster tells, what is not known here is told to nobody", () => {
  const event = { type: "node.back" as const, node: "n1", later: 1, round: "one" };
  north.report({}, { events: [event] });
  const { events } = home.call("events", { since: null, limit: 100, job: null }) as { events: EventView[] };
  const { cursor: _, at: __, ...body } = events.at(-1) as EventView;
  expect(body).toEqual({ type: "node.back", node: "n1", cluster: "north" });
});

describe("a submission", () => {
  test("is granted in its own turn, spread over the clusters, and its rows are few", () => {
    const before = home.rowsWritten;
    submit({ command: "true", count: 4 });
    expect([north.grant().limits.default, south.grant().limits.default]).toEqual([2, 2]);
    expect(north.grant().supply).toMatchObject([{ from: 0, to: 2, handout: 1, attemptsUsed: 0 }]);
    expect(home.rowsWritten - before).toBe(4);
    conserved();
  });

  test("that is repeated is the same job; with another body it is refused", () => {
    expect(submit({ command: "true" })).toEqual(submit({ command: "true" }));
    expect(problemOf(() => submit({ command: "false" }, "abcdefghij", "d2"))).toBe("idempotency-key-reused");
    expect(
      (home.call("jobs", { prefix: "", state: null, after: null, limit: 10 }) as { items: JobView[] }).items,
    ).toHaveLength(1);
  });

  test("for a cluster that is not there is refused, and nothing is stored", () => {
    const before = home.rowsWritten;
    expect(problemOf(() => submit({ command: "true", clusters: ["west"] }))).toBe("invalid-request");
    expect(home.rowsWritten).toBe(before);
    expect(problemOf(() => job())).toBe("not-found");
  });

  test("carries the items of just the indices that a cluster gets", () => {
    submit({ command: "echo {}", each: Array.from({ length: 600 }, (_, i) => `item-${i}`), resources: { cpus: 0.5 } });
    const { from, items } = north.grant().supply[0] ?? {};
    expect(items?.[0]).toBe(`item-${from}`);
    expect(items).toHaveLength(2);
  });
});

describe("a report", () => {
  test("is heard whatever is free for frameworks, on however many kinds of nodes, and that is not kept", () => {
    const rooms = Array.from({ length: 10_000 }, (_, n) => ({
      free: { cpus: 1_000 + n, disk: 1_000_000, gpus: 0, mem: 1_000_000, ports: 1_001_000 },
      nodes: 1,
    }));
    const partitions = ["a", "b", "default"].map((name) => level({ name, rooms, offered: { cpus: 500 } }));
    north.report({}, { partitions });
    const [row] = home.query<{ partitions: string }>("SELECT partitions FROM cluster WHERE name = 'north'");
    expect(row?.partitions.length).toBeLessThan(2_000);
    home.crash();
    expect(home.call("cluster", { name: "north" })).toMatchObject({ partitions: ["a", "b", "default"] });
  });

  test("moves what ended out of the supply, tops it up in the answer, and ends the job", () => {
    submit({ command: "true", count: 30, clusters: ["north"] });
    expect(north.grant().limits.default).toBe(10);
    const answer = north.report({ abcdefghij: { done: [[0, 10]] } });
    expect(answer.grants).toMatchObject([{ job: "abcdefghij", limits: { default: 10 } }]);
    conserved();
    north.report({ abcdefghij: { done: [[0, 29]], failed: [[29, 30]] } });
    expect(job()).toMatchObject({ state: "failed", counts: { succeeded: 29, failed: 1, waiting: 0, live: 0 } });
    conserved();
  });

  test("that is older than the last one changes nothing", () => {
    submit({ command: "true", count: 2, clusters: ["north"] });
    north.take().report({ abcdefghij: { done: [[0, 1]] } });
    north.rev -= 2;
    north.report({ abcdefghij: { done: [] } });
    expect(job().counts.succeeded).toBe(1);
    conserved();
  });

  test("that returns tasks gives them to another cluster under a higher number, once", () => {
    submit({ command: "true", clusters: ["north", "south"], resources: { cpus: 0.9 } });
    const first = north.take().grants.size > 0 ? north : south;
    const second = first === north ? south : north;
    const returned = [{ from: 0, to: 1, handout: 1, attemptsUsed: 0, reason: "does-not-fit" as const }];
    first.report({ abcdefghij: { returned } });
    expect(second.grant().supply).toMatchObject([{ from: 0, to: 1, handout: 2 }]);
    expect(first.take().grants.get("abcdefghij")?.supply).toEqual([]);
    first.report({ abcdefghij: { returned } });
    expect(second.grant().supply).toHaveLength(1);
    conserved();
  });

  test("from a Cluster that began anew marks its supply as perhaps running, and keeps what was done", () => {
    submit({ command: "true", count: 4, clusters: ["north"] });
    north.take().report({ abcdefghij: { done: [[0, 1]], live: { default: 3 } } });
    north.incarnation = 2;
    north.rev = 0;
    north.grants.clear();
    north.report({});
    expect(north.grant().supply).toMatchObject([{ from: 1, to: 4, handout: 1, recover: true }]);
    expect(job().counts.succeeded).toBe(1);
    conserved();
  });
});

describe("a cancel", () => {
  test("is final when every cluster says that nothing lives", () => {
    submit({ command: "true", count: 30 });
    north.take().report({ abcdefghij: { live: { default: 10 } } });
    south.report({ abcdefghij: { live: { default: 10 } } });
    home.call("cancel", { id: "abcdefghij" });
    expect(job().state).toBe("cancelling");
    for (const cluster of [north, south]) {
      const { action, supply } = cluster.grant();
      expect(action).toBe("cancel");
      const ranges = supply.map(({ from, to }): [number, number] => [from, to]);
      expect(job().state).toBe("cancelling");
      cluster.report({ abcdefghij: { cancelled: ranges, live: {} } });
    }
    expect(job()).toMatchObject({ state: "cancelled", counts: { cancelled: 30 } });
    conserved();
  });

  test("of a job that nobody runs yet is over at once", () => {
    submit({ command: "true", resources: { cpus: 9 } });
    expect(home.call("cancel", { id: "abcdefghij" })).toMatchObject({ state: "cancelled" });
  });
});

describe("a role", () => {
  const put = (name: string, policy: Partial<RolePolicy>) =>
    home.call("putRole", { name, policy: { ...DEFAULT_POLICY, ...policy } });
  const one = { command: "true", clusters: ["north"], resources: { cpus: 1 } };

  test("at its limit is told how to raise it", () => {
    put("lab", { limit: { cpus: 500 } });
    submit({ ...one, count: 3, resources: { cpus: 0.5 }, role: "lab" });
    north.take().report({ abcdefghij: { live: { default: 1 } } });
    expect(home.call("explain", { id: "abcdefghij" })).toMatchObject({
      reason: "over-limit",
      fix: { change: "hansa roles set lab --limit cpus=1", startsNow: 1 },
    });
  });

  test("that borrows all that it may does not starve", () => {
    put("lab", { borrow: { cpus: 1000 } });
    const half = { command: "true", count: 3, resources: { cpus: 0.5 }, role: "lab" };
    submit({ ...half, clusters: ["north"] });
    north.take().report({ abcdefghij: { live: { default: 2 } } });
    submit({ ...half, clusters: ["south"] }, "bbbbbbbbbb");
    expect(south.take().grants.has("bbbbbbbbbb")).toBe(false);
    expect(metrics().starved_jobs).toBe(0);
  });

  test("is charged for what is being cancelled until it has ended", () => {
    put("lab", { limit: { cpus: 1000 } });
    submit({ ...one, role: "lab" });
    north.take().report({ abcdefghij: { live: { default: 1 } } });
    submit({ ...one, clusters: ["south"], role: "lab" }, "bbbbbbbbbb");
    home.call("cancel", { id: "abcdefghij" });
    expect(south.take().grants.has("bbbbbbbbbb")).toBe(false);
    north.take().report({ abcdefghij: { cancelled: [[0, 1]] } });
    expect(south.grant("bbbbbbbbbb").limits).toEqual({ default: 1 });
  });
});

test("the ledger of every cluster is stored when a job has ended", () => {
  const used = (ms: number) => [
    { partition: "default", lender: null, role: "default", taskMs: 1, resourceMs: { cpus: ms } },
  ];
  submit({ command: "true", count: 2, resources: { cpus: 1 } });
  south.take().report({ abcdefghij: { done: [] } }, { used: used(1_000_000) });
  const [[from, to] = [0, 1]] = south.grant().supply.map((one): [number, number] => [one.from, one.to]);
  south.report({ abcdefghij: { done: [[from, to]] } }, { used: used(2_000_000) });
  north.report({ abcdefghij: { done: [[1 - from, 2 - from]] } }, { used: used(5_000_000) });
  expect(job().state).toBe("succeeded");
  home.crash();
  const { roles } = home.call("ledger", {}) as LedgerView;
  expect(roles).toMatchObject([{ role: "default", used: { cpus: 7 } }]);
});

describe("what may still run beyond a lowered limit", () => {
  const half = { command: "true", count: 4, resources: { cpus: 0.5 }, role: "lab" };
  const put = (cpus: number) => home.call("putRole", { name: "lab", policy: { ...DEFAULT_POLICY, limit: { cpus } } });
  beforeEach(() => {
    put(1000);
    submit({ ...half, clusters: ["north"] });
    expect(north.grant().limits).toEqual({ default: 2 });
  });

  test("is charged when its Cluster began anew", () => {
    north.report({ abcdefghij: { live: { default: 2 } } });
    submit({ ...half, clusters: ["south"] }, "bbbbbbbbbb");
    north.take().report({ abcdefghij: { live: { default: 2 } } });
    expect(north.grant().limits).toEqual({ default: 1 });
    north.incarnation = 2;
    north.rev = 0;
    north.report({});
    expect(south.take().grants.has("bbbbbbbbbb")).toBe(false);
  });

  test("is charged when the Broker was rebuilt before the Cluster had heard of it", () => {
    submit({ ...half, clusters: ["south"] }, "bbbbbbbbbb");
    home.crash();
    put(1000);
    north.report({});
    expect(south.take().grants.has("bbbbbbbbbb")).toBe(false);
    north.take().report({ abcdefghij: { live: { default: 1 } } });
    expect(south.take().grants.has("bbbbbbbbbb")).toBe(true);
  });
});

test("what is supplied as a limit falls is not charged by the limit before", () => {
  home.call("putRole", { name: "lab", policy: { ...DEFAULT_POLICY, limit: { cpus: 1000 } } });
  south.report({}, { partitions: [], nodes: { up: 0, silent: 0, total: 0 } });
  submit({ command: "true", count: 9, resources: { cpus: 0.25 }, role: "lab" });
  north.take().report({ abcdefghij: { live: { default: 4 } } });
  south.report({});
  north.report({ abcdefghij: { done: [[0, 1]], live: { default: 3 } } });
  expect([north.grant().limits, south.grant().limits]).toEqual([{ default: 3 }, { default: 1 }]);
  expect(charged("lab").cpus).toBe(1000);
});

describe("events", () => {
  test("are stored in order, and a reader goes on where it was", () => {
    submit({ command: "true", clusters: ["north"] });
    const first = home.call("events", { since: null, limit: 3, job: null }) as { events: EventView[]; cursor: string };
    north.take().report({ abcdefghij: { done: [[0, 1]] } });
    const rest = home.call("events", { since: first.cursor, limit: 10, job: null }) as { events: EventView[] };
    expect([...first.events, ...rest.events].map((event) => event.type)).toEqual([
      "cluster.created",
      "cluster.created",
      "job.submitted",
      "job.ended",
    ]);
  });

  test("are all read by who goes on after a cursor that nobody was given", () => {
    submit({ command: "true" });
    const { events } = home.call("events", { since: "b9999999999999999", limit: 9, job: null }) as {
      events: EventView[];
    };
    expect(events).not.toEqual([]);
  });

  describe("beyond what is kept", () => {
    const numbers = () => home.query("SELECT count(*) AS kept, min(seq) AS first FROM event")[0];
    /** Events `from` to `to`, and one more that the Broker writes. */
    const write = (from: number, to: number) => {
      home.query(
        "WITH RECURSIVE n (seq) AS (SELECT ? UNION ALL SELECT seq + 1 FROM n WHERE seq < ?) INSERT INTO event SELECT seq, 0, '{}' FROM n",
        from,
        to,
      );
      home.crash();
      submit({ command: "true" }, `job${to}`.padEnd(10, "x"));
    };

    test("go, and not too many of them at once", () => {
      write(3, 103_999);
      expect(numbers()).toEqual({ kept: 100_000, first: 4_001 });
      write(104_001, 115_999);
      expect(numbers()).toEqual({ kept: 107_000, first: 9_001 });
    });

    test("are counted from the numbers that a restore has let out", () => {
      write(3, 50_000);
      write(2_000_000, 2_000_999);
      expect(numbers()).toMatchObject({ first: 1 });
      write(2_001_001, 2_100_999);
      expect(numbers()).toMatchObject({ first: 5_001 });
    });
  });

  test("are read from the rows by who watched a Broker that crashed: it ends the watch, as it may not have told all", () => {
    submit({ command: "true", clusters: ["north"] });
    const { cursor } = home.call("events", { since: null, limit: 9, job: null }) as { cursor: string };
    const socket = home.openSocket();
    home.message(socket, { watch: { since: cursor, job: null } });
    north.take().report({ abcdefghij: { done: [[0, 1]] } });
    home.takeEffects();
    home.crash();
    expect(home.isOpen(socket)).toBe(false);
    const again = home.openSocket();
    home.message(again, { watch: { since: cursor, job: null } });
    const told = home.take("send").flatMap(({ message }) => message as EventView[]);
    expect(told.map(({ type }) => type)).toEqual(["job.ended"]);
  });

  test("reach who watches, and a progress frame says how it stands", () => {
    submit({ command: "true", clusters: ["north"] });
    const socket = home.openSocket();
    home.message(socket, { watch: { since: null, job: "abcdefghij" } });
    north.take().report({ abcdefghij: { done: [[0, 1]] } });
    const frames = home.take("send").flatMap(({ message }) => message as EventView[]);
    expect(frames.map(({ type }) => type)).toEqual(["job.progress", "job.ended"]);
  });
});

test("a waiting job always says why", () => {
  submit({ command: "true", resources: { gpus: 1 } });
  expect(home.call("explain", { id: "abcdefghij" }) as ExplainView).toMatchObject({
    reason: "never-fits",
    position: 1,
  });
  submit({ command: "true", count: 50 }, "bbbbbbbbbb");
  expect(job("bbbbbbbbbb").waits?.detail.length).toBeGreaterThan(10);
});

test("everything is as it was after the object was rebuilt, and unconfirmed grants are sent again", () => {
  submit({ command: "true", count: 30 });
  const view = job();
  home.crash();
  expect(job()).toEqual(view);
  expect(north.grant().supply.length + south.grant().supply.length).toBeGreaterThan(0);
  conserved();
});

/** From alarm to alarm. @returns after how long, ms */
const passUntil = (isSo: () => boolean): number => {
  const startedAt = home.nowMs;
  while (!isSo()) {
    if (home.nowMs - startedAt > 100_000) throw new Error("it never came to that");
    home.nowMs = home.alarmAt ?? Number.NaN;
    home.fireAlarm();
  }
  return home.nowMs - startedAt;
};

test("a Broker that was restored hands nothing out before what ran meanwhile must be over, and never an old number", () => {
  submit({ command: "true", count: 50, disconnect: { stopAfter: "30s" } });
  const before = north.grant();
  home.generation = 1;
  home.crash();
  expect(home.call("explain", { id: "abcdefghij" })).toMatchObject({ reason: "holding" });
  north.report({
    abcdefghij: { done: [[before.supply[0]?.from ?? 0, before.supply[0]?.to ?? 0]], genApplied: before.gen },
  });
  const newSupply = () =>
    north
      .take()
      .grants.get("abcdefghij")
      ?.supply.filter(({ handout }) => handout > 1) ?? [];
  expect(passUntil(() => newSupply().length > 0)).toBeGreaterThanOrEqual(45_300);
  expect(newSupply()[0]?.handout).toBeGreaterThan(2 ** 20);
  expect(north.grants.get("abcdefghij")?.gen).toBeGreaterThan(2 ** 20);
  conserved();
});

test("what is submitted after a restore may be a copy of what ran before it, and waits as long", () => {
  submit({ command: "true", count: 1 });
  home.generation = 1;
  home.crash();
  const copyOf = (id: string, stopAfter: string) => {
    submit({ command: "true", count: 1, clusters: ["north"], disconnect: { stopAfter } }, id);
    const { reason } = home.call("explain", { id }) as ExplainView;
    return { reason, supply: north.take().grants.get(id)?.supply ?? [] };
  };
  expect(copyOf("bbbbbbbbbb", "30s")).toMatchObject({ reason: "holding", supply: [] });
  const spec = jobSpecSchema.parse({ command: "true", count: 2, disconnect: { stopAfter: "30s" } });
  const plan = () => (home.call("plan", { job: { digest: "d1", spec }, whatIf: null }) as PlanView).job;
  expect(plan()).toMatchObject({ startsNow: 0, waits: 2, places: [], why: { reason: "holding" } });
  expect(plan()?.nextStartMs).toBeGreaterThan(45_000);
  const isHandedOut = () => (north.take().grants.get("bbbbbbbbbb")?.supply ?? []).length > 0;
  expect(passUntil(isHandedOut)).toBeGreaterThanOrEqual(45_300);
  expect(copyOf("cccccccccc", "30s").supply).toHaveLength(1);
  expect(plan()).toMatchObject({ startsNow: 2, why: null });
});

test("what is cancelled after a restore is not over before what may run of it is", () => {
  submit({ command: "true", count: 2, disconnect: { stopAfter: "30s" } }, "aaaaaaaaaa");
  home.generation = 1;
  home.crash();
  submit({ command: "true", count: 1, disconnect: { stopAfter: "30s" } }, "bbbbbbbbbb");
  for (const id of ["aaaaaaaaaa", "bbbbbbbbbb"])
    expect(home.call("cancel", { id })).toMatchObject({ state: "cancelling", counts: { cancelled: 0 } });
  expect(home.call("explain", { id: "bbbbbbbbbb" })).toMatchObject({ state: "cancelling", reason: "holding" });
  home.crash();
  for (const cluster of [north, south]) cluster.take().report({});
  expect(passUntil(() => job("bbbbbbbbbb").state === "cancelled")).toBeGreaterThanOrEqual(45_300);
  expect(job("aaaaaaaaaa")).toMatchObject({ state: "cancelling", counts: { waiting: 2 } });
  for (const cluster of [north, south]) {
    cluster.incarnation += 1;
    cluster.take().report({
      aaaaaaaaaa: { cancelled: cluster.grants.get("aaaaaaaaaa")?.supply.map(({ from, to }) => [from, to]) ?? [] },
    });
  }
  expect(job("aaaaaaaaaa")).toMatchObject({ state: "cancelled", counts: { cancelled: 2 } });
  expect(north.take().grants.get("bbbbbbbbbb")).toBeUndefined();
});

test("what ended after the backup is not handed out again, unless another cluster has it: that one tells its end", () => {
  submit({ command: "true", count: 50 });
  const has = south.grant().supply[0]?.from ?? 0;
  expect(home.object.inspect("abcdefghij")?.queue).toEqual([[expect.any(Number), 50]]);
  home.generation = 1;
  home.crash();
  for (const cluster of [north, south]) cluster.incarnation += 1;
  const done: Ranges = [
    [has, has + 1],
    [49, 50],
  ];
  north.report({ abcdefghij: { done } });
  conserved();
  expect(home.object.inspect("abcdefghij")?.queue).toEqual([[expect.any(Number), 49]]);
  expect(south.grant().supply[0]?.from).toBe(has);
  south.report({ abcdefghij: { failed: [[has, has + 1]] } });
  north.report({ abcdefghij: { done } });
  conserved();
  expect(job().counts).toMatchObject({ succeeded: 1, failed: 1 });
});

test("what a Cluster told to be cancelled stays so when it has forgotten it", () => {
  submit({ command: "true", count: 4, clusters: ["north"] });
  const { supply } = north.grant();
  const { from = 0, to = 0, handout = 0 } = supply[0] ?? {};
  north.report({ abcdefghij: { live: { default: 1 } } });
  home.call("cancel", { id: "abcdefghij" });
  north.take();
  const returned: JobReport["returned"] = [{ from, to: from + 1, handout, attemptsUsed: 0, reason: "agent-lost" }];
  const over = job().counts.cancelled;
  north.report({ abcdefghij: { live: { default: 1 }, cancelled: [[from + 2, to]], returned } });
  north.report({ abcdefghij: { live: { default: 1 } } });
  conserved();
  expect(job().counts.cancelled).toBe(over + to - from - 1);
});

test("the end that was told first stands when Clusters tell theirs again after a restore", () => {
  submit({ command: "true", count: 2 });
  const index = north.grant().supply[0]?.from ?? 0;
  north.report({ abcdefghij: { done: [[index, index + 1]] } });
  home.generation = 1;
  home.crash();
  for (const cluster of [north, south]) cluster.incarnation += 1;
  north.report({ abcdefghij: { done: [[index, index + 1]] } });
  south.report({ abcdefghij: { failed: [[index, index + 1]] } });
  conserved();
  expect(job().counts).toMatchObject({ succeeded: 1, failed: 0 });
});

test("a Broker whose clock was set back pokes its Clusters as soon as one whose was not", () => {
  submit({ command: "true" });
  home.nowMs -= 3_600_000;
  north.report({});
  expect((home.alarmAt ?? 0) - home.nowMs).toBeLessThanOrEqual(180_000);
});

describe("a reader of events whose Broker was restored", () => {
  const eventsSince = (since: string | null) =>
    (home.call("events", { since, limit: 1_000, job: null }) as { events: EventView[] }).events;
  const cursorsOf = (events: EventView[]) => events.map(({ cursor }) => cursor);
  const restoreTo = (backup: Uint8Array, generation: number) => {
    home = new ObjectHome((platform) => new Broker(platform), { self: home.self, generation, backup });
  };

  test.each([{ generation: 1 }, { generation: 1_800_000_000 }])(
    "goes on with all that is new, and with nothing of before, in generation $generation",
    ({ generation }) => {
      submit({ command: "true" });
      const backup = home.serialize();
      const kept = eventsSince(null);
      submit({ command: "false" }, "bcdefghijk");
      const lost = eventsSince(kept.at(-1)?.cursor ?? null);
      restoreTo(backup, generation);
      home.crash();
      submit({ command: "false" }, "cdefghijkl");
      const after = eventsSince(lost.at(-1)?.cursor ?? null);
      expect(after.map(({ type }) => type).slice(0, 2)).toEqual(["league.restored", "job.submitted"]);
      expect(eventsSince(null)).toEqual([...kept, ...after]);
      expect(eventsSince(kept.at(-1)?.cursor ?? null)).toEqual(after);
      expect(cursorsOf(after).filter((cursor) => cursorsOf(lost).includes(cursor))).toEqual([]);
    },
  );

  test("misses none where a generation that someone counts by hand begins below what there was", () => {
    home.query("UPDATE event SET seq = seq + 5000000");
    home.crash();
    const backup = home.serialize();
    submit({ command: "true" });
    const lost = eventsSince(null).at(-1)?.cursor ?? null;
    restoreTo(backup, 1);
    expect(eventsSince(lost).map(({ type }) => type)).toEqual(["league.restored"]);
  });
});

test("a job that is submitted again after a restore begins with numbers that were never given out", () => {
  submit({ command: "true", clusters: ["north"], disconnect: { stopAfter: "30s" } });
  const before = north.grant();
  const restored = new ObjectHome((platform) => new Broker(platform), { self: home.self, generation: 1_800_000_000 });
  restored.call("createCluster", { name: "north", labels: {}, idempotency: null });
  home = restored;
  const after = new FakeCluster("north");
  submit({ command: "true", clusters: ["north"], disconnect: { stopAfter: "30s" } });
  expect(after.grant().gen).toBeGreaterThan(before.gen);
  expect(after.grant().supply[0]?.handout).toBeGreaterThan(before.supply[0]?.handout ?? 0);
  expect(after.grant().supply[0]?.handout).toBeLessThan(2 ** 33);
});

describe("a join token", () => {
  const redeem = (key: string) => home.call("redeemJoin", { id: "t1", hash: "h", key });
  beforeEach(() => {
    home.call("createToken", {
      id: "t1",
      hash: "h",
      scope: "join",
      cluster: "north",
      role: null,
      uses: 1,
      expiresAt: home.nowMs + 1000,
      note: "",
      idempotency: null,
    });
  });
  test("is used once by each node, however often that asks", () => {
    expect(redeem("node-a")).toEqual({ cluster: "north" });
    expect(redeem("node-a")).toEqual({ cluster: "north" });
    expect(problemOf(() => redeem("node-b"))).toBe("not-allowed");
    expect(redeem("node-a")).toEqual({ cluster: "north" });
  });
  test("is of no use when it is expired or revoked", () => {
    home.nowMs += 2000;
    expect(redeem("node-a")).toBeNull();
    home.nowMs -= 2000;
    home.call("revokeToken", { id: "t1" });
    expect(redeem("node-a")).toBeNull();
  });
});

describe("the ledger", () => {
  const use = (cpuSeconds: number, rest: Partial<Use> = {}): Use => ({
    partition: "default",
    lender: null,
    role: "default",
    taskMs: 1,
    resourceMs: { cpus: cpuSeconds * 1_000_000 },
    ...rest,
  });
  const ledger = () => home.call("ledger", {}) as LedgerView;
  const cpuSeconds = () => ledger().entries[0]?.resourceSeconds.cpus;

  test("counts nothing twice when a report of an earlier incarnation comes late", () => {
    north.report({}, { used: [use(100)] });
    north.incarnation = 2;
    north.rev = 0;
    north.report({}, { used: [use(10)] });
    expect(cpuSeconds()).toBe(110);
    north.incarnation = 1;
    north.rev = 1;
    north.report({}, { used: [use(100)] });
    north.incarnation = 2;
    north.rev = 5;
    north.report({}, { used: [use(20)] });
    expect(cpuSeconds()).toBe(120);
  });

  test("balances also where floats do not count one by one any more", () => {
    const lent = Array.from({ length: 50 }, (_, i) =>
      use(0, { role: `r${i}`, lender: i % 3 === 0 ? null : "lab", resourceMs: { mem: 2 ** 60 + i * 1_234_567_891 } }),
    );
    north.report({}, { used: lent });
    south.report({}, { used: lent });
    expect(ledger().balanced).toBe(true);
  });
});

test("what was used before this object was built is not its utilisation", () => {
  const used = (seconds: number): Use[] => [
    { partition: "default", lender: null, role: "default", taskMs: 1, resourceMs: { cpus: seconds * 1_000_000 } },
  ];
  north.report({}, { used: used(100) });
  home.crash();
  north.report({}, { used: used(175) });
  home.nowMs += 10_000;
  north.report({}, { used: used(180) });
  // 5 cpu-seconds of the 20 that two cpus have in ten seconds
  expect(metrics().utilisation_cpus).toBeCloseTo(0.25);
});

test("a return bars where the task might have run, not what was added meanwhile", () => {
  submit({ command: "true", clusters: ["north"] });
  const { supply } = north.take().grant();
  const partitions = [level(), level({ name: "gpu" })];
  north.report({}, { partitions });
  const back = { from: 0, to: 1, handout: supply[0]?.handout ?? 0, attemptsUsed: 0, reason: "refused" as const };
  north.report({ abcdefghij: { returned: [{ ...back, partitions: ["default"] }] } }, { partitions });
  expect(north.grant().limits).toEqual({ gpu: 1 });
});

test("what waits where it can't run comes back for a cluster that has room and no tasks", () => {
  const shapes = (count: number) => {
    const total = { cpus: 1000 * count, mem: 1_000_000 * count };
    return { partitions: [level({ total, usable: total, shapes: [{ ...SHAPE, count }] })] };
  };
  north.report({}, shapes(8));
  south.report({}, { partitions: [level({ usable: {}, shapes: [] })] });
  submit({ command: "true", count: 8, resources: { cpus: 1 } });
  const handout = north.grant().supply[0]?.handout ?? 0;
  north.report({ abcdefghij: { live: { default: 8 } } }, shapes(8));
  const waits = { live: { default: 1 }, waiting: 7 };
  north.report({ abcdefghij: waits }, shapes(1));
  north.report({ abcdefghij: waits }, shapes(1));
  expect(north.grant()).toMatchObject({ limits: { default: 1 } });
  expect(north.grant().recall).toBeUndefined();
  south.report({}, shapes(5));
  expect(north.grant().recall).toBe(5);
  const { gen } = north.grant();
  north.report({ abcdefghij: waits }, shapes(1));
  expect(north.grant().gen).toBe(gen);
  const returned = [{ from: 3, to: 8, handout, attemptsUsed: 0, reason: "surplus" as const }];
  north.report({ abcdefghij: { live: { default: 1 }, waiting: 2, returned } }, shapes(1));
  expect(north.grant()).toMatchObject({ supply: [{ from: 0, to: 3 }] });
  expect(north.grant().recall).toBeUndefined();
  expect(south.grant()).toMatchObject({ limits: { default: 5 }, supply: [{ from: 3, to: 8 }] });
  conserved();
});

test("while jobs contend, what was given back as it does not fit is not granted there again", () => {
  submit({ command: "true", count: 500, resources: { cpus: 0.1 }, clusters: ["south"] }, "bbbbbbbbbb", "d2");
  submit({ command: "true", resources: { cpus: 0.1 }, clusters: ["north"] });
  const handout = north.grant().supply[0]?.handout ?? 0;
  south.report({ bbbbbbbbbb: { live: { default: 10 } } });
  const back = { from: 0, to: 1, handout, attemptsUsed: 0, reason: "does-not-fit" as const, partitions: ["default"] };
  north.report({ abcdefghij: { returned: [back] } });
  expect(north.grant().supply).toEqual([]);
  north.report({ abcdefghij: {} });
  expect(north.grant().supply).toEqual([]);
  conserved();
});

test("while jobs contend, ends are made up for without a round each, and who waits for room gets one", () => {
  submit({ command: "true", count: 500, resources: { cpus: 0.1 }, clusters: ["north"] });
  submit({ command: "false", count: 500, resources: { cpus: 0.1 }, clusters: ["north"] }, "bbbbbbbbbb", "d2");
  const ids = ["abcdefghij", "bbbbbbbbbb"];
  const ends = new Map(ids.map((id) => [id, 0]));
  const reportEnds = (more: number) => {
    const said: Record<string, Partial<JobReport>> = {};
    for (const [id, { limits }] of north.take().grants) {
      const done = (ends.get(id) ?? 0) + more;
      ends.set(id, done);
      said[id] = { done: done > 0 ? [[0, done]] : [], live: limits };
    }
    north.report(said);
  };
  for (let i = 0; i < 5; i++) reportEnds(0);
  const before = metrics().rounds_total ?? 0;
  for (let i = 0; i < 10; i++) reportEnds(1);
  expect((metrics().rounds_total ?? 0) - before).toBeLessThan(3);
  for (const id of ids) {
    const held = north.grant(id).supply.reduce((n, { from, to }) => n + to - from, 0);
    expect(held).toBeGreaterThanOrEqual(north.grant(id).limits.default ?? 0);
    conserved(id);
  }
  home.nowMs += 1_000;
  reportEnds(1);
  expect(metrics().rounds_total).toBeGreaterThan(before);
});

describe("a report whose only news is that grants are applied", () => {
  const rounds = () => metrics().rounds_total ?? 0;
  const ids = Array.from({ length: 40 }, (_, i) => `job${String(i).padStart(7, "0")}`);
  let applied = 0;
  /** @returns rounds made for it */
  const echo = (jobs = ids.slice(0, 1), live = 1) => {
    const before = rounds();
    applied += 1;
    north.report(Object.fromEntries(jobs.map((id) => [id, { genApplied: applied, live: { default: live } }])));
    return rounds() - before;
  };
  beforeEach(() => {
    for (const [i, id] of ids.entries())
      submit({ command: "true", count: 4, resources: { cpus: 0.001, mem: "1MiB" } }, id, `d${i}`);
    north.take();
    echo(ids);
  });

  test("makes a round, however many jobs it is of", () => {
    expect([echo(ids), echo(ids), echo(ids)]).toEqual([1, 1, 1]);
  });

  test("waits for the alarm when there was nothing else for long, and news is heard at once", () => {
    const made = Array.from({ length: 100 }, () => echo());
    expect(made.slice(0, 32)).toEqual(Array(32).fill(1));
    expect(made.slice(36)).toEqual(Array(64).fill(0));
    expect(home.alarmAt).toBeLessThanOrEqual(home.nowMs + 1000);
    const before = rounds();
    home.nowMs = home.alarmAt ?? 0;
    home.fireAlarm();
    expect(rounds()).toBeGreaterThan(before);
    expect(echo(ids, 2)).toBe(1);
    expect(Array.from({ length: 4 }, () => echo(ids, 2))).toEqual([1, 1, 1, 0]);
    home.nowMs += 2_000;
    expect(echo(ids, 2)).toBe(1);
  });

  test("waits also when there is news between: that answers nothing of what went to and fro", () => {
    const made = Array.from({ length: 30 }, (_, i) => {
      const live = 1 + (i % 2);
      return Array.from({ length: 7 }, () => echo(ids, live)).reduce((sum, n) => sum + n);
    });
    expect(made.slice(0, 8)).toEqual(Array(8).fill(7));
    expect(made.slice(20)).toEqual(Array(10).fill(1));
  });
});
