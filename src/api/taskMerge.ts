/** Tasks as several clusters tell of them, put together. Pure. */
import type { TaskView } from "../model/views.ts";

/** What one cluster has of the page; `next`: it has more after that index. */
export interface ClusterPage {
  items: TaskView[];
  next: number | null;
}

/** Only up to where every cluster has told is the order certain. */
export function mergePages(pages: ClusterPage[], limit: number): ClusterPage {
  const told = Math.min(...pages.map(({ next }) => next ?? Number.POSITIVE_INFINITY));
  const byIndex = new Map<number, TaskView[]>();
  for (const task of pages.flatMap(({ items }) => items)) {
    if (task.index <= told) byIndex.set(task.index, [...(byIndex.get(task.index) ?? []), task]);
  }
  const all = [...byIndex.values()].map(merged).sort((a, b) => a.index - b.index);
  const items = all.slice(0, limit);
  if (items.length < all.length) return { items, next: items.at(-1)?.index ?? null };
  return { items, next: Number.isFinite(told) ? told : null };
}

/**
 * One task as several clusters know it: it moved. Where it is now says its state: that is where it waits without an
 * attempt yet, else where its newest attempt was.
 */
export function merged(views: readonly TaskView[]): TaskView {
  const attempts = views.flatMap((view) => view.attempts).sort((a, b) => a.epoch - b.epoch);
  const newest = (view: TaskView): number => view.attempts.at(-1)?.epoch ?? Number.POSITIVE_INFINITY;
  const [first, ...rest] = views;
  if (!first) throw new RangeError("no view of the task");
  const now = rest.reduce((best, view) => (newest(view) > newest(best) ? view : best), first);
  return { ...now, item: now.item ?? views.find(({ item }) => item !== null)?.item ?? null, attempts };
}
