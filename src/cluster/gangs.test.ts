import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { ToyNodes } from "../../test/support/toyNodes.ts";
import { silenceLimitMs } from "../model/job.ts";
import { size as sizeOf } from "../model/ranges.ts";

let toy: ToyNodes;
beforeEach(() => {
  toy = new ToyNodes();
});

const gang = (count: number, cpus: number, rest: object = {}) => ({
  count,
  gang: true as const,
  resources: { cpus },
  ...rest,
});
const together = () => new Set(toy.started.map(({ atMs }) => atMs)).size === 1;

describe("a gang", () => {
  test("starts on several nodes in one turn", () => {
    for (const name of ["n1", "n2", "n3"]) toy.node(name, 2);
    toy.grant("gang", gang(6, 1));
    expect(Object.values(toy.running("gang")).sort()).toEqual(["n1", "n1", "n2", "n2", "n3", "n3"]);
    expect(together()).toBe(true);
    expect(toy.kept()).toEqual([]);
  });

  test("of which not all have room gets none, keeps what there is, and starts when the rest is free", () => {
    toy.node("n1", 1);
    toy.node("n2", 1);
    toy.grant("small", { resources: { cpus: 1 } });
    toy.grant("gang", gang(2, 1));
    expect(toy.running("gang")).toEqual({});
    expect(toy.kept()).toHaveLength(1);
    toy.pass(3_000);
    expect(toy.report("gang")).toMatchObject({ reason: "gang", held: 1, waiting: 2 });
    // What is kept nobody else gets.
    toy.grant("other", { resources: { cpus: 1 } });
    expect(toy.running("other")).toEqual({});
    toy.end("small.0");
    expect(Object.keys(toy.running("gang")).sort()).toEqual(["gang.0", "gang.1"]);
    expect(toy.kept()).toEqual([]);
    toy.pass(3_000);
    expect(toy.report("gang")).toMatchObject({ reason: null, live: { default: 2 } });
  });

  test("lets go when its time is over and goes back whole; others have their turn before it may come again", () => {
    toy.node("n1", 1);
    toy.node("n2", 1);
    toy.grant("small", { resources: { cpus: 1 } });
    toy.grant("gang", gang(2, 1, { gang: { hold: "10s" } }));
    toy.grant("other", { resources: { cpus: 1 } });
    toy.pass(9_000);
    expect(toy.kept()).toHaveLength(1);
    expect(toy.running("other")).toEqual({});
    toy.pass(2_000);
    expect(toy.kept()).toEqual([]);
    expect(toy.report("gang")).toMatchObject({
      reason: "fragmented",
      waiting: 0,
      returned: [{ from: 0, to: 2, reason: "fragmented", partitions: ["default"] }],
    });
    expect(Object.keys(toy.running("other"))).toEqual(["other.0"]);
    toy.end("small.0");
    toy.pass(8_000);
    expect(toy.report("gang")).toMatchObject({ reason: "fragmented" });
    toy.pass(3_000);
    expect(toy.report("gang")).toMatchObject({ reason: null });
  });

  test("of which some wait for the end of others is not given back, nor looked at time and again, while no node is up", () => {
    for (const name of ["n1", "n2"]) toy.node(name, 1);
    toy.grant("gang", gang(2, 1, { retry: { max: 3, backoff: "1s" } }));
    const [task, node] = Object.entries(toy.running("gang")).find(([, name]) => name === "n1") ?? [];
    expect(node).toBe("n1");
    toy.silence("n2");
    toy.end(String(task), { state: "failed", code: 1 });
    toy.home.call("drain", { deadlineMs: 10 * 60_000, forMs: null });
    toy.pass(20_000);
    expect(toy.report("gang")).toMatchObject({ waiting: 1, live: { default: 1 }, returned: [] });
    const before = toy.home.turns;
    toy.pass(10_000);
    expect(toy.home.turns - before).toBeLessThan(10);
  });

  test("keeps no place on a node that tells of more than was known to run there", () => {
    for (const name of ["n1", "n2"]) toy.node(name, 1);
    toy.grant("small", { resources: { cpus: 1 } });
    toy.grant("gang", gang(2, 1));
    const [busy] = Object.values(toy.running("small"));
    toy.haunt(busy === "n1" ? "n2" : "n1", "gone.0");
    toy.end("small.0");
    toy.pass(3_000);
    expect(toy.running("gang")).toEqual({});
  });

  test("that no node, or too few, could hold goes back at once", () => {
    toy.node("n1", 2);
    toy.grant("large", gang(2, 3));
    toy.grant("many", gang(3, 1));
    toy.pass(1_000);
    for (const job of ["large", "many"])
      expect(toy.report(job)).toMatchObject({ returned: [{ reason: "does-not-fit" }], waiting: 0 });
  });

  test("waits without nodes, and is not given back in part", () => {
    toy.grant("gang", gang(2, 1));
    expect(toy.report("gang")).toMatchObject({ reason: "no-nodes", waiting: 2 });
  });

  test("is one of several: as many start as there is room for, each whole", () => {
    toy.node("n1", 5);
    toy.grant("gangs", { count: 6, gang: { size: 2 }, resources: { cpus: 1 } });
    expect(Object.keys(toy.running()).sort()).toEqual(["gangs.0", "gangs.1", "gangs.2", "gangs.3"]);
    expect(toy.kept()).toHaveLength(1);
    toy.end("gangs.0");
    expect(toy.kept()).toEqual([]);
    expect(Object.keys(toy.running()).sort()).toEqual(["gangs.1", "gangs.2", "gangs.3", "gangs.4", "gangs.5"]);
  });

  test("gets no more than its limit, whatever is free", () => {
    toy.node("n1", 8);
    toy.grant("gangs", { count: 6, gang: { size: 3 }, resources: { cpus: 1 } }, { limits: { default: 5 } });
    expect(Object.keys(toy.running()).sort()).toEqual(["gangs.0", "gangs.1", "gangs.2"]);
    expect(toy.kept()).toEqual([]);
  });

  test("keeps places while others are missing only one at a time: of high priority, then of age", () => {
    for (const name of ["n1", "n2", "n3", "n4"]) toy.node(name, 1);
    toy.grant("small", { count: 2, resources: { cpus: 1 } });
    toy.grant("older", gang(3, 1));
    toy.grant("younger", gang(4, 1));
    expect(toy.home.object.inspect().gangTimes.holder).toBe("older/0");
    expect(toy.kept()).toHaveLength(2);
    toy.grant("urgent", gang(4, 1, { priority: 90 }));
    for (const task of ["small.0", "small.1"]) toy.end(task);
    expect(Object.keys(toy.running()).sort()).toEqual(["older.0", "older.1", "older.2"]);
    expect(toy.home.object.inspect().gangTimes.holder).toBe("urgent/0");
  });
});

describe("a task of a gang", () => {
  const failed = { state: "failed" as const, code: 1 };
  const two = (spec: object = {}) => {
    toy.node("n1", 1);
    toy.node("n2", 1);
    toy.grant("gang", gang(2, 1, spec));
  };

  test("that fails is tried again beside the others", () => {
    two({ retry: { max: 1, backoff: "1s" } });
    toy.end("gang.0", failed);
    expect(Object.keys(toy.running())).toEqual(["gang.1"]);
    toy.pass(2_000);
    expect(Object.keys(toy.running()).sort()).toEqual(["gang.0", "gang.1"]);
    expect(toy.started).toHaveLength(3);
  });

  test("that finds no place again in time has all of them stopped, and they wait together", () => {
    two({ retry: { max: 1, backoff: "5s" }, gang: { hold: "10s" } });
    const spread = toy.running("gang");
    toy.end("gang.0", failed);
    // The place is taken meanwhile.
    toy.grant("other", { resources: { cpus: 1 } });
    expect(toy.running("other")).toEqual({ "other.0": spread["gang.0"] });
    toy.pass(14_000);
    expect(Object.keys(toy.running("gang"))).toEqual(["gang.1"]);
    toy.pass(3_000);
    expect(toy.running("gang")).toEqual({});
    toy.end("other.0");
    toy.pass(1_000);
    expect(Object.keys(toy.running()).sort()).toEqual(["gang.0", "gang.1"]);
    const task = toy.home.call("task", { job: "gang", index: 1 }) as { attempts: { state: string; reason: string }[] };
    expect(task.attempts[0]).toMatchObject({ state: "cancelled", reason: "gang" });
    // It did not fail, and used no retry.
    expect(toy.home.query('SELECT attempts_used FROM task WHERE "index" = 1')).toEqual([{ attempts_used: 0 }]);
  });

  test("that fails for good ends the others: they are cancelled, not tried again", () => {
    two();
    toy.end("gang.0", failed);
    expect(toy.running()).toEqual({});
    expect(toy.report("gang")).toMatchObject({ failed: [[0, 1]], cancelled: [[1, 2]], waiting: 0, live: {} });
    toy.home.crash();
    expect(toy.home.object.inspect().jobs.get("gang")?.retry.size).toBe(0);
  });

  test("that succeeds leaves the others alone", () => {
    two();
    toy.end("gang.0");
    expect(Object.keys(toy.running())).toEqual(["gang.1"]);
    toy.end("gang.1");
    expect(toy.report("gang")).toMatchObject({ done: [[0, 2]] });
  });

  test("that is lost with its node has the others stopped, and all run again together elsewhere", () => {
    two();
    toy.node("n3", 2);
    const lost = toy.running("gang")["gang.0"] ?? "";
    toy.silence(lost);
    toy.started.length = 0;
    toy.pass(silenceLimitMs(30_000) + 60_000);
    expect(toy.started).toHaveLength(2);
    expect(together()).toBe(true);
    expect(new Set(toy.started.map(({ node }) => node)).has(lost)).toBe(false);
  });

  test("that is lost where the rest of the nodes can't hold all of them sends the gang back whole", () => {
    two();
    toy.silence(toy.running("gang")["gang.0"] ?? "");
    toy.pass(silenceLimitMs(30_000) + 60_000);
    const returned = toy.report("gang")?.returned ?? [];
    expect(returned.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(toy.report("gang")).toMatchObject({ waiting: 0, live: {} });
  });
});

describe("after the object is rebuilt", () => {
  test("a gang that ran runs on, and one that waited waits on", () => {
    for (const name of ["n1", "n2", "n3"]) toy.node(name, 1);
    toy.grant("runs", gang(2, 1));
    toy.grant("waits", gang(2, 1));
    expect(toy.kept()).toHaveLength(1);
    toy.home.crash();
    toy.pass(1_000);
    expect(Object.keys(toy.running())).toEqual(["runs.0", "runs.1"]);
    expect(toy.kept()).toHaveLength(1);
  });

  test("what was never heard of an assignment is tried again beside those that run", () => {
    toy.node("n1", 1);
    toy.node("n2", 1);
    toy.node("n3", 1);
    const deaf = toy.nodes.get("n1");
    if (deaf) deaf.isSilent = true;
    toy.grant("gang", gang(3, 1));
    expect(Object.keys(toy.running())).toHaveLength(2);
    if (deaf) deaf.isSilent = false;
    toy.pass(21_000);
    expect(Object.keys(toy.running())).toHaveLength(3);
  });
});

const anyJob = fc.record({
  size: fc.integer({ min: 1, max: 4 }),
  gangs: fc.integer({ min: 1, max: 3 }),
  cpus: fc.integer({ min: 1, max: 2 }),
  priority: fc.constantFrom(10, 50, 50, 90),
  holdS: fc.integer({ min: 1, max: 12 }),
});
const anyCluster = fc.record({
  cpus: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
  jobs: fc.array(anyJob, { minLength: 2, maxLength: 5 }),
  /** which of the running tasks end in a step */
  ends: fc.infiniteStream(fc.boolean()),
});

test("whatever gangs wait on whatever nodes, none starts in part, one keeps places, and all that fit end", () => {
  fc.assert(
    fc.property(anyCluster, ({ cpus, jobs, ends }) => {
      const toy = new ToyNodes();
      cpus.forEach((amount, n) => {
        toy.node(`n${n}`, amount);
      });
      const broker = jobs.map((job, n) => new PlayedBroker(toy, `job${n}`, job));
      const fitting = broker.filter(
        ({ job }) => cpus.reduce((n, one) => n + Math.floor(one / job.cpus), 0) >= job.size,
      );
      for (let step = 0; step < 400 && !fitting.every((one) => one.isOver); step++) {
        for (const task of Object.keys(toy.running())) if (ends.next().value) toy.end(task);
        toy.pass(500);
        for (const one of broker) one.grantAgain();
        holdInvariants(toy, broker);
      }
      expect(fitting.filter((one) => !one.isOver).map(({ id }) => id)).toEqual([]);
      toy.home.close();
    }),
    { numRuns: Number(process.env.HANSA_RUNS ?? 40) },
  );
});

/** Grants a job, and again what of it came back, once it may come back. */
class PlayedBroker {
  readonly id: string;
  readonly job: { size: number; gangs: number; cpus: number; priority: number; holdS: number };
  readonly #toy: ToyNodes;
  #supply: { from: number; to: number; handout: number; attemptsUsed: number }[];

  constructor(toy: ToyNodes, id: string, job: PlayedBroker["job"]) {
    this.id = id;
    this.job = job;
    this.#toy = toy;
    this.#supply = [{ from: 0, to: job.size * job.gangs, handout: 1, attemptsUsed: 0 }];
    this.#grant();
  }

  get isOver(): boolean {
    return sizeOf(this.#toy.report(this.id)?.done ?? []) === this.job.size * this.job.gangs;
  }

  #grant(): void {
    const { size, gangs, cpus, priority, holdS } = this.job;
    const gang = size === 1 ? undefined : { size, hold: `${holdS}s` };
    const spec = { count: size * gangs, resources: { cpus }, priority, ...(gang && { gang }) };
    this.#toy.grant(this.id, spec, { supply: this.#supply });
  }

  grantAgain(): void {
    const { returned = [], reason } = this.#toy.report(this.id) ?? {};
    if (returned.length === 0 || reason === "fragmented" || returned[0]?.reason === "does-not-fit") return;
    const isBack = (index: number, handout: number) =>
      returned.some((one) => one.handout === handout && one.from <= index && index < one.to);
    const single = this.#supply.flatMap(({ from, to, handout }) =>
      Array.from({ length: to - from }, (_, n) => ({
        from: from + n,
        to: from + n + 1,
        handout: isBack(from + n, handout) ? handout + 1 : handout,
        attemptsUsed: 0,
      })),
    );
    this.#supply = single;
    this.#grant();
  }
}

function holdInvariants(toy: ToyNodes, broker: readonly PlayedBroker[]): void {
  const { jobs, holds, gangTimes } = toy.home.object.inspect();
  for (const { id, job } of broker) {
    const state = jobs.get(id);
    for (let gang = 0; state && gang < job.gangs; gang++) {
      const indices = Array.from({ length: job.size }, (_, rank) => gang * job.size + rank);
      const live = indices.filter((index) => state.live.has(index));
      const done = indices.filter((index) => state.done.some(([from, to]) => from <= index && index < to));
      if (live.length > 0) expect(live.length + done.length).toBe(job.size);
      expect(new Set(live.map((index) => state.live.get(index)?.partition)).size).toBeLessThanOrEqual(1);
    }
  }
  const partial = [...holds].filter(([key, { places }]) => {
    const { job } = broker.find(({ id }) => key.startsWith(`${id}/`)) ?? {};
    return places.length < (job?.size ?? 0);
  });
  expect(partial.map(([key]) => key)).toEqual(partial.length === 0 ? [] : [gangTimes.holder]);
  for (const [key] of holds) {
    const { job } = broker.find(({ id }) => key.startsWith(`${id}/`)) ?? {};
    const untilMs = gangTimes.byGang.get(key)?.untilMs ?? Number.POSITIVE_INFINITY;
    expect(untilMs - toy.home.nowMs).toBeLessThanOrEqual(Math.max(30_000, 1000 * (job?.holdS ?? 0)));
  }
}
