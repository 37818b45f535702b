/** A drill and its preview as the API tells them, for tests. */
import type { ClusterDrillView, DrilledTask, DrillPreview, DrillView } from "../../src/model/drillView.ts";

export const NOW = 1_800_000_000_000;

export const previewOf = (over: Partial<DrillPreview> = {}): DrillPreview => ({
  cluster: "north",
  forMs: 300_000,
  nodes: { cut: 2, silent: 0 },
  massHoldMs: 0,
  counts: { live: 1, stops: 1, mayStop: 0, goesOn: 0, again: 1 },
  tasks: [{ task: "k3v1.0", node: "n1", framework: null, fate: "stops", again: true }],
  ...over,
});

export const taskOf = (over: Partial<DrilledTask> = {}): DrilledTask => ({
  task: "k3v1.0",
  epoch: 1,
  node: "n1",
  became: "stopped",
  reason: "deadline",
  now: "runs",
  place: "south/s1",
  again: true,
  waits: null,
  ...over,
});

export function drillOf({
  counts = {},
  ...over
}: Partial<Omit<DrillView, "counts">> & { counts?: Partial<DrillView["counts"]> } = {}): ClusterDrillView {
  const none = { silent: 0, wentOn: 0, ended: 0, stopped: 0, givenUp: 0, notStarted: 0, again: 0, waiting: 0 };
  return {
    cluster: "north",
    drill: {
      state: "over",
      startedAt: NOW,
      endsAt: NOW + 60_000,
      reportBy: NOW + 70_000,
      nodes: { cut: 2, silent: 0, back: 2, missing: [] },
      counts: { live: 2, followed: 2, ...none, doubled: 0, lost: 0, late: 0, ...counts },
      again: {},
      tasks: [],
      doubled: [],
      lost: [],
      late: [],
      ...over,
    },
  };
}
