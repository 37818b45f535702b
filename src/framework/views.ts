/** A framework and its tasks as people and the operator API see them. */
import type { TaskTold } from "../model/framework.ts";
import type { FrameworkMemory } from "./memory.ts";
import type { FrameworkMethods, FrameworkTaskView, FrameworkView } from "./methods.ts";
import type { ClusterBody, OfferCounts, Task } from "./state.ts";

const MOST = 1_000;

export function viewOf({ id, self, isConnected, offers, inverseOffers, heard }: FrameworkMemory): FrameworkView | null {
  if (!self) return null;
  const { info, state, suppressed, registeredAtMs, reregisteredAtMs, unregisteredAtMs, constraints } = self;
  return {
    id,
    info,
    state,
    isConnected,
    suppressedRoles: suppressed,
    registeredAtMs,
    reregisteredAtMs,
    unregisteredAtMs,
    offers: [...offers.values()],
    inverseOffers: [...inverseOffers.values()],
    constraints,
    counts: countsOf(heard.values()),
  };
}

export function taskPage(
  memory: FrameworkMemory,
  { after, limit }: Parameters<FrameworkMethods["tasks"]>[0],
): ReturnType<FrameworkMethods["tasks"]> {
  const size = Math.max(1, Math.min(limit, MOST));
  const from = after === null ? Number.MAX_SAFE_INTEGER : Number(after);
  const rows = memory.tasksBefore(Number.isSafeInteger(from) ? from : 0, size + 1);
  const page = rows.slice(0, size);
  const last = page.at(-1);
  return {
    items: page.map(({ task, isCompleted }) => taskView(task, isCompleted)),
    next: rows.length > size && last ? String(last.task.ordinal) : null,
  };
}

const NOTHING: TaskTold = { labels: [], discovery: null, container: null };

function taskView({ level, statuses, told }: Task, isCompleted: boolean): FrameworkTaskView {
  return { level, statuses, isCompleted, told: told ?? NOTHING };
}

function countsOf(clusters: Iterable<ClusterBody>): OfferCounts {
  const counts: OfferCounts = { sent: 0, accepted: 0, declined: 0, rescinded: 0 };
  for (const { offers } of clusters) {
    counts.sent += offers.sent;
    counts.accepted += offers.accepted;
    counts.declined += offers.declined;
    counts.rescinded += offers.rescinded;
  }
  return counts;
}

export function metricsOf({ self, isConnected, tasks, completed, offers, requests, heard }: FrameworkMemory) {
  const counts = countsOf(heard.values());
  const byState: Record<string, number> = {};
  let unacknowledged = 0;
  for (const { state, queue } of tasks.values()) {
    const name = `tasks_${state.replace("TASK_", "").toLowerCase()}`;
    byState[name] = (byState[name] ?? 0) + 1;
    unacknowledged += queue.length;
  }
  return {
    in_use: self ? 1 : 0,
    is_connected: isConnected ? 1 : 0,
    offers_outstanding: offers.size,
    offers_sent_total: counts.sent,
    offers_accepted_total: counts.accepted,
    offers_declined_total: counts.declined,
    offers_rescinded_total: counts.rescinded,
    updates_unacknowledged: unacknowledged,
    requests_open: requests.size,
    tasks_completed: completed.size,
    ...byState,
  };
}
