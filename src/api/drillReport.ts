/** The report of a fire drill with what the Broker and other clusters know of tasks that were given back. Pure. */
import type { Whereabouts } from "../broker/methods.ts";
import type { DrillSight, Whereabouts as Standing } from "../cluster/drill/report.ts";
import { type DrilledTask, type DrillView, MAX_NAMED } from "../model/drillView.ts";
import { type JobId, taskId } from "../model/ids.ts";
import { contains, indices } from "../model/ranges.ts";

type Found = Pick<DrilledTask, "now" | "place" | "waits"> & { cluster: string | null };

/** The league's objects tell one after the other: what is on its way from one to the next waits. */
const ON_THE_WAY: Found = { now: "waits", place: null, waits: "granting", cluster: null };

/** @param where by job, as the Broker has it @param standings by cluster, of what the Broker says is there */
export function whole(
  { view, away }: DrillSight,
  where: Readonly<Record<string, Whereabouts>>,
  standings: ReadonlyMap<string, readonly Standing[]>,
): DrillView {
  const at = new Map<string, Found>();
  for (const [name, tasks] of standings)
    for (const { job, index, now, node, waits } of tasks) {
      const place = node === null ? null : `${name}/${node}`;
      at.set(taskId(job as JobId, index), { now, place, waits, cluster: name });
    }
  const found = new Map<string, Found>();
  for (const [job, ranges] of Object.entries(away))
    for (const index of indices(ranges)) {
      const task = taskId(job as JobId, index);
      found.set(task, foundIn(where[job], index, at.get(task)));
    }
  const all = [...found];
  const lost = all.flatMap(([task, { now }]) => (now === "lost" ? [task] : []));
  const again: Record<string, number> = { ...view.again };
  let ranAgain = 0;
  for (const [, { cluster, place }] of all) {
    if (cluster === null || place === null) continue;
    again[cluster] = (again[cluster] ?? 0) + 1;
    ranAgain += 1;
  }
  return {
    ...view,
    counts: {
      ...view.counts,
      again: view.counts.again + ranAgain,
      waiting: view.counts.waiting + all.filter(([, { now }]) => now === "waits").length,
      lost: lost.length,
    },
    again,
    lost: lost.slice(0, MAX_NAMED),
    tasks: view.tasks.map((task) => {
      const its = task.became === "went-on" || task.became === "silent" ? undefined : found.get(task.task);
      if (its === undefined) return task;
      const { cluster, ...rest } = its;
      return { ...task, ...rest, again: cluster !== null && rest.place !== null };
    }),
  };
}

function foundIn(where: Whereabouts | undefined, index: number, standing: Found | undefined): Found {
  if (where === undefined) return { now: "lost", place: null, waits: null, cluster: null };
  if (standing !== undefined) return standing;
  if (contains(where.ended, index)) return { now: "ended", place: null, waits: null, cluster: null };
  if (contains(where.queued, index)) return { now: "waits", place: null, waits: where.waits, cluster: null };
  if (Object.values(where.clusters).some((ranges) => contains(ranges, index))) return ON_THE_WAY;
  return { now: "lost", place: null, waits: null, cluster: null };
}
