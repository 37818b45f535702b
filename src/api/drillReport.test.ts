import { expect, test } from "vitest";
import type { Whereabouts } from "../broker/methods.ts";
import type { DrillSight } from "../cluster/drill/report.ts";
import type { DrilledTask } from "../model/drillView.ts";
import { whole } from "./drillReport.ts";

const stopped = (index: number): DrilledTask => ({
  task: `abcd.${index}`,
  epoch: 1,
  node: "n1",
  became: "stopped",
  reason: "deadline",
  now: "waits",
  place: null,
  again: false,
  waits: null,
});

const sightOf = (tasks: DrilledTask[], away: DrillSight["away"]): DrillSight => ({
  view: {
    state: "over",
    startedAt: 0,
    endsAt: 1,
    reportBy: 2,
    nodes: { cut: 1, silent: 0, back: 1, missing: [] },
    counts: {
      live: 5,
      followed: 5,
      silent: 0,
      wentOn: 0,
      ended: 0,
      stopped: 5,
      givenUp: 0,
      notStarted: 0,
      again: 1,
      waiting: 0,
      doubled: 0,
      lost: 0,
      late: 0,
    },
    again: { north: 1 },
    tasks,
    doubled: [],
    lost: [],
    late: [],
  },
  away,
});

const HERE: Whereabouts = { ended: [], queued: [], clusters: {}, waits: null };

test("what was given back is told with where it is, and what nobody has is lost", () => {
  const sight = sightOf([0, 1, 2, 3, 4].map(stopped), { abcd: [[0, 5]] });
  const where = {
    abcd: { ...HERE, ended: [[1, 2]], queued: [[2, 3]], clusters: { south: [[0, 2]], west: [[3, 4]] }, waits: "space" },
  } satisfies Record<string, Whereabouts>;
  const standings = new Map([
    [
      "south",
      [
        { job: "abcd", index: 0, now: "runs" as const, node: "s1", waits: null },
        { job: "abcd", index: 1, now: "ended" as const, node: "s2", waits: null },
      ],
    ],
  ]);
  const { counts, again, lost, tasks } = whole(sight, where, standings);
  expect(counts).toMatchObject({ again: 3, waiting: 2, lost: 1 });
  expect(again).toEqual({ north: 1, south: 2 });
  expect(lost).toEqual(["abcd.4"]);
  expect(tasks).toMatchObject([
    { now: "runs", place: "south/s1", again: true },
    { now: "ended", place: "south/s2", again: true },
    { now: "waits", place: null, waits: "space", again: false },
    { now: "waits", place: null, waits: "granting", again: false },
    { now: "lost", place: null },
  ]);
});

test("of a job that is over everything has ended, and one that nobody knows is lost", () => {
  const sight = sightOf([stopped(0)], { abcd: [[0, 1]], wxyz: [[0, 2]] });
  const { counts, lost } = whole(sight, { abcd: { ...HERE, ended: [[0, 9]] } }, new Map());
  expect(counts).toMatchObject({ again: 1, waiting: 0, lost: 2 });
  expect(lost).toEqual(["wxyz.0", "wxyz.1"]);
});

test("what goes on where it was is told as that, whatever became of its task", () => {
  const sight = sightOf([{ ...stopped(0), became: "went-on", now: "runs", place: "north/n1" }], { abcd: [[0, 1]] });
  expect(whole(sight, { abcd: { ...HERE, ended: [[0, 1]] } }, new Map()).tasks).toEqual(sight.view.tasks);
});
