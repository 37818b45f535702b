import { expect, it } from "vitest";
import type { PlannedJob, PlanView } from "../../src/model/planView.ts";
import { planLines } from "./plan.ts";

const job = (over: Partial<PlannedJob> = {}): PlannedJob => ({
  name: "sums",
  role: "lab",
  count: 4,
  startsNow: 4,
  waits: 0,
  places: [
    {
      partition: "north/default",
      tasks: 3,
      nodes: [
        { node: "n1", tasks: 2 },
        { node: "n2", tasks: 1 },
      ],
      withoutNode: 0,
    },
    { partition: "south/gpu", tasks: 1, nodes: null, withoutNode: null },
  ],
  borrows: [],
  preempts: [],
  why: null,
  nextStartMs: null,
  doneMs: null,
  ...over,
});
const plan = (over: Partial<PlanView> = {}): PlanView => ({
  job: job(),
  others: [],
  round: { method: "greedy", objective: "utilisation", value: 1, bound: 1, gapPct: 0, contended: false },
  whatIf: null,
  token: "pln_abc",
  ...over,
});
const linesOf = (view: PlanView) => planLines(view, "hansa", "hansa submit job.yaml --plan TOKEN");

it("says where the tasks go, by partition and node, and how to run it so", () => {
  expect(linesOf(plan())).toEqual([
    "plan  4 tasks → north 3, south 1  all start now, borrows nothing",
    "  north/default  3 tasks  n1 2, n2 1",
    "  south/gpu      1 task",
    "gap 0 % to what no assignment can pass (utilisation, greedy)",
    "run it: hansa submit job.yaml --plan pln_abc",
  ]);
});

it("says at whose expense, what the rest waits for, and about how long", () => {
  const view = plan({
    job: job({
      count: 10,
      waits: 6,
      borrows: [{ partition: "south/gpu", owner: "web", resources: { cpus: 1000 } }],
      preempts: [{ job: "7k2m4x9p1a", role: "web", partition: "south/gpu", tasks: 1 }],
      why: {
        reason: "share",
        sentence: "The league is full.",
        funnel: [],
        fix: { text: "let it use every cluster", change: "submit it without --clusters", startsNow: 1 },
        position: 1,
      },
      nextStartMs: 40_000,
      doneMs: 360_000,
    }),
    others: [{ job: "7k2m4x9p1a", name: "", role: "web", before: 4, after: 3, due: 2 }],
  });
  expect(linesOf(view)).toEqual([
    "plan  10 tasks → north 3, south 1  4 of them now, borrows 1 cpus of web",
    "  north/default  3 tasks  n1 2, n2 1",
    "  south/gpu      1 task",
    "preempts 1 task of job 7k2m4x9p1a (web) in south/gpu",
    "6 wait: share. The league is full.",
    "fix (checked): let it use every cluster: submit it without --clusters  1 task starts now",
    "the next one starts in ≈ 40 s, all done in ≈ 6 min",
    "job 7k2m4x9p1a  web  4 → 3 at once, 2 as tasks end",
    "gap 0 % to what no assignment can pass (utilisation, greedy)",
    "run it: hansa submit job.yaml --plan pln_abc",
  ]);
});

it("a what-if says what was supposed, in full, and who has more or less", () => {
  const added = { count: 2, cluster: "north", partition: "default" };
  const view = plan({
    job: null,
    token: null,
    whatIf: {
      withoutClusters: ["south"],
      addNodes: [{ ...added, resources: { cpus: 8000, mem: 32_768_000 }, attributes: { arch: "x64" } }],
    },
    others: [
      { job: "7k2m4x9p1a", name: "wide", role: "lab", before: 8, after: 4, due: 4 },
      { job: "9qd1x7m2ka", name: "", role: "web", before: 2, after: 2, due: 2 },
    ],
  });
  expect(linesOf(view)).toEqual([
    "what if: without south, 2 nodes of cpus=8,mem=32GiB,arch=x64 in north/default",
    "job 7k2m4x9p1a  wide  8 → 4 at once",
    "1 job keeps what it has",
    "gap 0 % to what no assignment can pass (utilisation, greedy)",
    "nothing was changed; a what-if has no token to submit with",
  ]);
});

it("a what-if of an idle league says that nobody is there", () => {
  const whatIf = { withoutClusters: ["south"], addNodes: [] };
  expect(linesOf(plan({ job: null, token: null, whatIf }))[1]).toBe("no job is live");
});

it("of many nodes it names a few, and says how many tasks have none yet", () => {
  const nodes = Array.from({ length: 9 }, (_, i) => ({ node: `n${i}`, tasks: 1 }));
  const places = [{ partition: "north/default", tasks: 12, nodes, withoutNode: 3 }];
  const [, line] = linesOf(plan({ job: job({ count: 12, startsNow: 12, places }) }));
  expect(line).toBe(
    "  north/default  12 tasks  n0 1, n1 1, n2 1, n3 1, n4 1, n5 1, 3 nodes more, 3 without a node yet",
  );
});
