/**
 * Tasks that their Cluster knows nothing of any more, as it lost its rows: they may run on their nodes until those stop
 * them. How long that has been is counted in ticks, so that a clock that jumps, or an outage of ours, ends none early.
 */
import { DEFAULT_LOST_AFTER_MS } from "../model/job.ts";
import { RECOVERY_MS } from "../protocol/levels.ts";
import { stand } from "./lines.ts";
import type { FrameworkMemory } from "./memory.ts";
import type { Task } from "./state.ts";

const TICK_MS = 30_000;

/** Whatever else of its Cluster is missing waits anew, too. */
export function goMissing(memory: FrameworkMemory, task: Task, now: number): void {
  memory.hear(task.cluster, { missingMs: 0, countedAtMs: now });
  task.isAssumed = true;
  stand(memory, task, { ...task.level, state: "unreachable", atMs: now }, now);
}

/** By then its Cluster does not renew what it does not know any more, and its node has stopped it. */
const goneAfterMs = ({ level }: Task): number => RECOVERY_MS + (level.lostAfterMs ?? DEFAULT_LOST_AFTER_MS);

export class Missing {
  readonly #memory: FrameworkMemory;

  constructor(memory: FrameworkMemory) {
    this.#memory = memory;
  }

  #byCluster(): Map<string, Task[]> {
    const { missing, tasks } = this.#memory;
    const byCluster = new Map<string, Task[]>();
    for (const taskId of missing) {
      const task = tasks.get(taskId);
      if (!task) continue;
      const there = byCluster.get(task.cluster) ?? [];
      byCluster.set(task.cluster, there);
      there.push(task);
    }
    return byCluster;
  }

  tick(now: number): void {
    const memory = this.#memory;
    for (const [cluster, tasks] of this.#byCluster()) {
      const { missingMs = 0, countedAtMs = now } = memory.heard.get(cluster) ?? {};
      const passed = now - countedAtMs;
      if (passed >= 0 && passed < TICK_MS) continue;
      // A clock that was set back begins the tick anew.
      const counted = missingMs + Math.max(0, Math.min(passed, TICK_MS));
      memory.hear(cluster, { missingMs: counted, countedAtMs: now });
      memory.saveHeard(cluster);
      for (const task of tasks) {
        if (counted < goneAfterMs(task)) continue;
        task.isAssumed = false;
        stand(memory, task, { ...task.level, state: "lost", reason: "agent-lost", atMs: now }, now);
      }
    }
  }

  *wantedAt(now: number): Generator<number> {
    for (const cluster of this.#byCluster().keys()) {
      const { countedAtMs = now } = this.#memory.heard.get(cluster) ?? {};
      yield Math.max(now + 1, Math.min(countedAtMs, now) + TICK_MS);
    }
  }
}
