import { afterEach, expect, test } from "vitest";
import { nodes, part, ToyLeague } from "../../test/explain/toyLeague.ts";
import { type JobSpecInput, jobSpecSchema } from "../model/job.ts";
import type { PlanView } from "../model/planView.ts";

let league: ToyLeague;
afterEach(() => league?.close());
const plan = (spec: JobSpecInput): PlanView =>
  league.home.call("plan", { job: { digest: "d", spec: jobSpecSchema.parse(spec) }, whatIf: null }) as PlanView;
const one = { command: "true", resources: { cpus: 1 } };

test("a plan that preempts says that the next starts within the grace", () => {
  league = new ToyLeague({ north: [part("default", [nodes(4, { cpus: 1 })], { owner: "lab" })] });
  const web = league.submit({ ...one, count: 9, role: "web" });
  const [at = { from: 0, to: 1 }] = league.cluster("north").grants.get(web)?.supply ?? [];
  league.say("north", web, { done: [[at.from, at.from + 1]], live: { default: 4 }, ran: 1, ranMs: 36_000_000 });
  const told = plan({ ...one, count: 2, role: "lab" });
  expect(told.job).toMatchObject({ preempts: [{ job: web, tasks: 2 }], why: { reason: "reclaim" } });
  expect(told.job?.nextStartMs).toBeLessThanOrEqual(60_000);
});

test("a plan names what is drained, as explain does", () => {
  league = new ToyLeague({ north: [part("default", [nodes(1, { cpus: 1 })])] });
  const cluster = league.cluster("north");
  cluster.partitions = [part("default", [])];
  league.home.call("report", {
    cluster: "north",
    incarnation: 1,
    rev: 100,
    partitions: cluster.partitions,
    events: [],
    used: [],
    usedSince: 1,
    jobs: [],
    nodes: { up: 0, silent: 0, total: 1, drained: 1, drain: { left: 0, deadlineAt: 0, endsAt: null } },
  });
  const told = plan(one);
  const args = { id: "real000001", digest: "d", spec: jobSpecSchema.parse(one) };
  league.home.call("submit", args);
  expect(league.explain("real000001").reason).toBe("paused");
  expect(told.job?.why?.reason).toBe("paused");
});
