/** Tasks of a job as people page through them: handed out or still in supply. */
import type { TaskView } from "../model/views.ts";
import type { ClusterMemory } from "./memory.ts";
import type { TaskPage } from "./methods.ts";
import type { TaskRow } from "./store.ts";
import { isCurrent, taskView, unstarted } from "./views.ts";

export function oneTask(memory: ClusterMemory, job: string, index: number): TaskView | null {
  const row = memory.store.task(job, index);
  const state = memory.jobs.get(job);
  const told = () => row && taskView(row, memory.store.attempts(job, index, index), state, memory.cluster);
  if (row && isCurrent(row, state)) return told() ?? null;
  if (state) for (const view of unstarted(state, memory.cluster)) if (view.index === index) return view;
  return told() ?? null;
}

export function taskPage(
  memory: ClusterMemory,
  { job, state, after, limit }: { job: string; state: string | null; after: number | null; limit: number },
): TaskPage {
  const { store, cluster } = memory;
  const from = after ?? -1;
  const known = memory.jobs.get(job);
  const rows = store.tasks(job, from, limit);
  const last = rows.length === limit ? (rows.at(-1)?.index ?? from) : Number.POSITIVE_INFINITY;
  const attempts = rows.length === 0 ? [] : store.attempts(job, rows[0]?.index ?? 0, rows.at(-1)?.index ?? 0);
  const ofTask = (index: number) => attempts.filter((attempt) => attempt.index === index);
  const told = (row: TaskRow) => taskView(row, ofTask(row.index), known, cluster);
  const views = rows.filter((row) => isCurrent(row, known)).map(told);
  const moved = rows.filter((row) => !isCurrent(row, known)).map(told);
  if (known)
    for (const view of unstarted(known, cluster)) if (view.index > from && view.index <= last) views.push(view);
  views.sort((a, b) => a.index - b.index);
  const page = views.slice(0, limit);
  const more = views.length > limit || rows.length === limit;
  const end = views.length > limit ? page.at(-1)?.index : rows.at(-1)?.index;
  return {
    items: page.filter((view) => state === null || view.state === state),
    moved: moved
      .filter(({ attempts: ran }) => ran.length > 0)
      .map(({ index, attempts: ran }) => ({ index, attempts: ran })),
    next: more ? (end ?? null) : null,
  };
}
