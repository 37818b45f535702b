/** Tasks as several clusters tell of them, put together. Pure. */
import type { TaskPage } from "../cluster/methods.ts";
import type { AttemptView, TaskView } from "../model/views.ts";

/** Only up to where every cluster has told is the order certain. */
export function mergePages(pages: readonly TaskPage[], limit: number): Omit<TaskPage, "moved"> {
  const told = Math.min(...pages.map(({ next }) => next ?? Number.POSITIVE_INFINITY));
  const byIndex = new Map<number, TaskView[]>();
  for (const task of pages.flatMap(({ items }) => items)) {
    if (task.index <= told) byIndex.set(task.index, [...(byIndex.get(task.index) ?? []), task]);
  }
  const before = Map.groupBy(
    pages.flatMap(({ moved }) => moved),
    ({ index }) => index,
  );
  const all = [...byIndex]
    .sort(([a], [b]) => a - b)
    .map(([index, views]) =>
      merged(
        views,
        before.get(index)?.flatMap(({ attempts }) => attempts),
      ),
    );
  const items = all.slice(0, limit);
  if (items.length < all.length) return { items, next: items.at(-1)?.index ?? null };
  return { items, next: Number.isFinite(told) ? told : null };
}

/**
 * One task as several clusters know it: it moved. Where it is now says its state: that is where it waits without an
 * attempt yet, else where its newest attempt was.
 *
 * @param earlier of its attempts, where it is no more
 */
export function merged(views: readonly TaskView[], earlier: readonly AttemptView[] = []): TaskView {
  const attempts = [...earlier, ...views.flatMap((view) => view.attempts)].sort((a, b) => a.epoch - b.epoch);
  const newest = (view: TaskView): number => view.attempts.at(-1)?.epoch ?? Number.POSITIVE_INFINITY;
  const [first, ...rest] = views;
  if (!first) throw new RangeError("no view of the task");
  const now = rest.reduce((best, view) => (newest(view) > newest(best) ? view : best), first);
  return { ...now, item: now.item ?? views.find(({ item }) => item !== null)?.item ?? null, attempts };
}
