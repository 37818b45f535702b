/** A plan decides nothing, says what would be decided, and a submission with its token gets just that or nothing. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nodes, part, ToyLeague } from "../../test/explain/toyLeague.ts";
import { decisionIn } from "../model/decision.ts";
import { type JobSpecInput, jobSpecSchema } from "../model/job.ts";
import { OBJECTIVES } from "../model/league.ts";
import { type PlanRequestInput, planRequestSchema } from "../model/planRequest.ts";
import type { PlanView } from "../model/planView.ts";
import { Problem } from "../model/problems.ts";
import type { JobView } from "../model/views.ts";

const RUNS = { numRuns: Number(process.env.HANSA_RUNS ?? 60) };
const one = { command: "true", resources: { cpus: 1 } };
const twoClusters = () => ({
  north: [part("default", [nodes(2, { cpus: 2 })])],
  south: [part("default", [nodes(2, { cpus: 2 })])],
});

let league: ToyLeague;
beforeEach(() => {
  league = new ToyLeague(twoClusters());
});
afterEach(() => league.close());

const plan = (job: JobSpecInput | null, whatIf?: PlanRequestInput["whatIf"], of = league): PlanView => {
  const request = planRequestSchema.parse({ ...(job && { job }), whatIf });
  const digest = JSON.stringify(job);
  return of.home.call("plan", {
    job: request.job ? { digest, spec: request.job } : null,
    whatIf: request.whatIf ?? null,
  }) as PlanView;
};
const submit = (spec: JobSpecInput, token: string | null, id = "planned001", of = league): JobView => {
  const args = { id, digest: JSON.stringify(spec), spec: jobSpecSchema.parse(spec), plan: decisionIn(token ?? "") };
  return of.home.call("submit", args) as JobView;
};
function refusal(run: () => unknown): Problem {
  try {
    run();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error("it was not refused");
}
const placesOf = ({ job }: PlanView) => Object.fromEntries((job?.places ?? []).map((at) => [at.partition, at.tasks]));
const limitsOf = ({ partitions }: Pick<JobView, "partitions">) =>
  Object.fromEntries(Object.entries(partitions).flatMap(([key, { limit }]) => (limit > 0 ? [[key, limit]] : [])));
const traces = (of = league) => {
  const { rowsWritten, effects } = of.home;
  return { rowsWritten, effects: effects.length };
};

describe("a plan", () => {
  test("says where a job would start, writes nothing and sends nothing", () => {
    const was = traces();
    const told = plan({ ...one, count: 4 });
    expect(told).toMatchObject({
      job: { count: 4, startsNow: 4, waits: 0, borrows: [], preempts: [], why: null, nextStartMs: null },
      others: [],
      round: { method: "greedy", objective: "utilisation", contended: false },
      whatIf: null,
    });
    expect(placesOf(told)).toEqual({ "north/default": 2, "south/default": 2 });
    expect(traces()).toEqual(was);
    expect(league.home.call("jobs", { prefix: "", state: null, after: null, limit: 9 })).toMatchObject({ items: [] });
  });

  test("is the same however often it is asked, and whatever else was planned", () => {
    const first = plan({ ...one, count: 3 });
    plan({ ...one, count: 30, role: "web" });
    plan(null, { withoutClusters: ["south"] });
    expect(plan({ ...one, count: 3 })).toEqual(first);
  });

  test("says why the rest waits, and tries what would help more than what starts anyway", () => {
    const job = plan({ ...one, count: 6, clusters: ["north"] }).job;
    expect(job).toMatchObject({ startsNow: 4, waits: 2, why: { reason: "space", position: 1 } });
    expect(job?.why?.fix).toMatchObject({ text: "let it use every cluster", startsNow: 2 });
    expect(plan({ ...one, count: 10 }).job?.why?.fix?.text).toMatch(/^add /);
    expect(plan({ command: "true", resources: { gpus: 1 } }).job).toMatchObject({
      startsNow: 0,
      why: { reason: "never-fits" },
    });
  });

  test("says of whom it borrows, and who gets less for it", () => {
    league.change("south/default", (level) => ({ ...level, owner: "lab" }));
    expect(plan({ ...one, count: 6 }).job?.borrows).toMatchObject([{ partition: "south/default", owner: "lab" }]);
    expect(plan({ ...one, count: 6, role: "lab" }).job?.borrows).toEqual([]);
    const other = league.submit({ ...one, count: 20, name: "other" });
    const told = plan({ ...one, count: 20, role: "lab" });
    expect(told.others).toMatchObject([{ job: other, name: "other", role: "default", before: 8 }]);
    expect(told.others[0]?.after).toBeLessThan(8);
  });

  test("says when all is over once such a job has run before", () => {
    const spec = { ...one, count: 16, name: "nightly" };
    expect(plan(spec).job?.doneMs).toBeNull();
    const id = league.submit({ ...spec, count: 2 });
    for (const cluster of ["north", "south"]) {
      const [at = { from: 0, to: 1 }] = league.cluster(cluster).grants.get(id)?.supply ?? [];
      league.say(cluster, id, { done: [[at.from, at.to]], live: {}, waiting: 0, ran: 1, ranMs: 5_000 });
    }
    expect(league.view(id).state).toBe("succeeded");
    expect(plan(spec).job).toMatchObject({ startsNow: 8, waits: 8, doneMs: 10_000 });
    expect(plan({ ...spec, command: "false" }).job?.doneMs).toBeNull();
  });

  test("for a cluster that is not there says which was meant", () => {
    const { code, extra } = refusal(() => plan({ ...one, clusters: ["nroth"] }));
    expect(code).toBe("invalid-request");
    expect(extra.errors).toMatchObject([{ field: "job.clusters[0]", didYouMean: "north" }]);
  });
});

describe("a submission with a plan's token", () => {
  test("gets just what was told", () => {
    const told = plan({ ...one, count: 5 });
    expect(limitsOf(submit({ ...one, count: 5 }, told.token))).toEqual(placesOf(told));
  });

  test("is refused when something changed in between, says what, and offers the plan as it is now", () => {
    const spec = { ...one, count: 6 };
    const { token } = plan(spec);
    league.submit({ ...one, count: 4, clusters: ["north"] });
    const was = traces();
    const problem = refusal(() => submit(spec, token));
    expect(problem.code).toBe("plan-changed");
    expect(problem.detail).toMatch(/north\/default 3 → \d tasks?/);
    expect(traces()).toEqual(was);
    const now = plan(spec);
    expect(problem.extra.data?.plan).toBe(now.token);
    expect(limitsOf(submit(spec, now.token))).toEqual(placesOf(now));
  });

  test("is refused when it would now borrow, or is another job", () => {
    const spec = { ...one, count: 8 };
    const { token } = plan(spec);
    expect(refusal(() => submit({ ...spec, command: "false" }, token)).detail).toMatch(/another job/);
    league.change("south/default", (level) => ({ ...level, owner: "lab" }));
    expect(refusal(() => submit(spec, token)).detail).toMatch(/would now borrow south\/default of lab/);
  });

  test("that is repeated finds its job although the plan would now differ", () => {
    const spec = { ...one, count: 6 };
    const { token } = plan(spec);
    const job = submit(spec, token);
    league.settle();
    expect(plan(spec).token).not.toBe(token);
    expect(submit(spec, token)).toMatchObject({ id: job.id, createdAt: job.createdAt });
    expect(refusal(() => submit({ ...spec, count: 5 }, token)).code).toBe("idempotency-key-reused");
  });

  test("still holds when time has passed and nothing happened", () => {
    league.submit({ ...one, count: 3, role: "web" });
    const spec = { ...one, count: 9, role: "lab" };
    const told = plan(spec);
    league.home.nowMs += 1_000;
    league.home.fireAlarm();
    league.settle();
    expect(limitsOf(submit(spec, told.token))).toEqual(placesOf(told));
  });
});

describe("in a league whose jobs contend", () => {
  const big = { command: "big", count: 20, resources: { cpus: 1.5, mem: "1GiB" }, role: "lab" };
  const metrics = () => league.home.call("metrics", {}) as Record<string, number>;

  test("a plan is that of the optimiser, and a submission adopts it", () => {
    league.submit({ ...one, count: 20, role: "web" });
    const was = traces();
    const told = plan(big);
    expect(told.round).toMatchObject({ method: "sifting", contended: true });
    expect(told.round.gapPct).toBeGreaterThanOrEqual(0);
    expect(traces()).toEqual(was);
    expect(metrics().optimisations_total).toBe(0);
    expect(limitsOf(submit(big, told.token))).toEqual(placesOf(told));
    expect(metrics()).toMatchObject({ optimisations_total: 1, starved_jobs: 0 });
  });

  test("the round soon after asks the optimiser no more for the same league", () => {
    league.submit({ ...one, count: 20, role: "web" });
    submit(big, plan(big).token);
    league.settle();
    for (let i = 0; i < 3; i++) {
      league.home.nowMs += 3_000;
      league.home.fireAlarm();
    }
    expect(metrics().optimisations_total).toBe(1);
  });
});

describe("a what-if", () => {
  test("without a cluster says what each job would have, and has no token", () => {
    const id = league.submit({ ...one, count: 8, name: "wide" });
    const told = plan(null, { withoutClusters: ["south"] });
    expect(told).toMatchObject({
      job: null,
      others: [{ job: id, name: "wide", before: 8, after: 4, due: 4 }],
      whatIf: { withoutClusters: ["south"], addNodes: [] },
      token: null,
    });
    expect(plan({ ...one, clusters: ["south"] }, { withoutClusters: ["south"] })).toMatchObject({
      job: { startsNow: 0, why: { reason: "no-nodes" } },
      token: null,
    });
  });

  test("with more nodes says what was taken for what was left out", () => {
    const id = league.submit({ ...one, count: 20 });
    const told = plan(null, { addNodes: [{ count: 3, resources: { cpus: 4 } }] });
    expect(told.others).toMatchObject([{ job: id, before: 8, after: 20 }]);
    expect(told.whatIf?.addNodes).toEqual([
      {
        count: 3,
        cluster: "north",
        partition: "default",
        resources: { cpus: 4_000, mem: 64_000_000 },
        attributes: { arch: "x64" },
      },
    ]);
    const gpus = { ...one, resources: { gpus: 1 }, constraints: ["gpu_model = A100"], clusters: ["south"] };
    const added = { count: 1, resources: { gpus: 4 }, attributes: { gpu_model: "A100" } };
    expect(plan(gpus).job?.startsNow).toBe(0);
    expect(placesOf(plan(gpus, { addNodes: [added] }))).toEqual({ "south/default": 1 });
  });

  test("on a cluster that never had a node fills its default partition", () => {
    league.home.call("createCluster", { name: "west", labels: {}, idempotency: null });
    const added = { count: 1, cluster: "west", resources: { cpus: 4, mem: 8_000 } };
    expect(placesOf(plan({ ...one, count: 3, clusters: ["west"] }, { addNodes: [added] }))).toEqual({
      "west/default": 3,
    });
  });

  test("names what is not there by field, with what was likely meant", () => {
    league.cluster("north").partitions = [part("gpu", []), part("part", [], { isSlice: true }), part("default", [])];
    league.settle();
    const { extra } = refusal(() =>
      plan(one, {
        withoutClusters: ["suoth"],
        addNodes: [
          { count: 1, cluster: "nort", resources: { cpus: 1 } },
          { count: 1, cluster: "north", partition: "gpus", resources: { cpu: 1 } },
          { count: 1, cluster: "north", partition: "part", resources: { licences: 1 } },
        ],
      }),
    );
    expect(extra.errors).toMatchObject([
      { field: "whatIf.withoutClusters[0]", didYouMean: "south" },
      { field: "whatIf.addNodes[0].cluster", didYouMean: "north" },
      { field: "whatIf.addNodes[1].partition", didYouMean: "gpu" },
      { field: "whatIf.addNodes[1].resources.cpu", didYouMean: "cpus" },
      { field: "whatIf.addNodes[2].partition", message: expect.stringMatching(/is a slice/) },
    ]);
  });
});

type Drawn<A> = A extends fc.Arbitrary<infer T> ? T : never;
const ROLES = ["lab", "lab/ml", "web"];
const anyNode = fc.record({ cpus: fc.integer({ min: 1, max: 6 }), count: fc.integer({ min: 1, max: 3 }) });
const anyPartition = fc.record({
  shapes: fc.array(anyNode, { minLength: 1, maxLength: 2 }),
  owner: fc.constantFrom(null, null, ...ROLES),
  lendable: fc.constantFrom({}, { cpus: 2000 }, { cpus: 0 }),
  price: fc.integer({ min: 1, max: 3 }),
});
const anySpec = fc.record({
  command: fc.constantFrom("a", "b"),
  count: fc.integer({ min: 1, max: 30 }),
  cpus: fc.constantFrom(0.5, 1, 1.5, 2),
  role: fc.constantFrom(...ROLES),
  clusters: fc.constantFrom(undefined, undefined, ["north"], ["south"]),
});
const specOf = ({ command, count, cpus, role, clusters }: Drawn<typeof anySpec>): JobSpecInput => ({
  command,
  count,
  resources: { cpus },
  role,
  ...(clusters && { clusters: [...clusters] }),
});
const anyLeague = fc.record({
  north: anyPartition,
  south: anyPartition,
  limits: fc.dictionary(fc.constantFrom(...ROLES), fc.integer({ min: 0, max: 8 }), { maxKeys: 2 }),
  objective: fc.constantFrom(...OBJECTIVES),
  jobs: fc.array(anySpec, { maxLength: 4 }),
  planned: fc.array(anySpec, { minLength: 1, maxLength: 3 }),
  sleeps: fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 3, maxLength: 3 }),
});

/** The second one waits for what is lent to end, although a slot for it is free: that is kept for the first one. */
const ANOTHER_MAY_HAVE_ROOM_MADE: Drawn<typeof anyLeague> = {
  north: { shapes: [{ cpus: 3, count: 1 }], owner: "lab/ml", lendable: { cpus: 2000 }, price: 1 },
  south: { shapes: [{ cpus: 1, count: 1 }], owner: null, lendable: {}, price: 1 },
  limits: {},
  objective: "utilisation",
  jobs: [{ command: "a", count: 1, cpus: 1.5, role: "web", clusters: undefined }],
  planned: [
    { command: "a", count: 1, cpus: 1, role: "lab", clusters: ["north"] },
    { command: "a", count: 1, cpus: 0.5, role: "lab", clusters: ["north"] },
  ],
  sleeps: [0, 0, 0],
};

test("in any league a plan's token is taken at once, and the job's limits are what the plan told", () => {
  fc.assert(
    fc.property(anyLeague, ({ north, south, limits, objective, jobs, planned, sleeps }) => {
      const partition = ({ shapes, owner, lendable, price }: typeof north) => [
        part(
          "default",
          shapes.map(({ cpus, count }) => nodes(count, { cpus })),
          { owner, lendable, price },
        ),
      ];
      const any = new ToyLeague({ north: partition(north), south: partition(south) });
      any.home.call("changeLeague", { objective });
      for (const [role, cpus] of Object.entries(limits)) any.role(role, { limit: { cpus: cpus * 1000 } });
      for (const spec of jobs) any.submit(specOf(spec));
      for (const [i, spec] of planned.entries()) {
        const was = traces(any);
        const told = plan(specOf(spec), undefined, any);
        expect(traces(any)).toEqual(was);
        const job = submit(specOf(spec), told.token, `planned${i}00`, any);
        expect(limitsOf(job)).toEqual(placesOf(told));
        for (const { job: id, after } of told.others) {
          const now = Object.values((any.home.call("job", { id }) as JobView).partitions);
          expect(now.reduce((n, { limit }) => n + limit, 0)).toBe(after);
        }
        expect((any.home.call("metrics", {}) as Record<string, number>).starved_jobs).toBe(0);
        any.home.nowMs += sleeps[i] ?? 0;
        if (any.home.alarmAt !== null && any.home.alarmAt <= any.home.nowMs) any.home.fireAlarm();
        any.settle();
      }
      any.close();
    }),
    { ...RUNS, examples: [[ANOTHER_MAY_HAVE_ROOM_MADE]] },
  );
});
