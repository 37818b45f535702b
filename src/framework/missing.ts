/**
 * Tasks that their Cluster began anew without: how long it has not told of them, counted in ticks so that a clock that
 * jumps, or an outage of ours, ends none early. Nothing of it is stored: after a rebuild it is counted from the beginning.
 */
import type { TaskLevel } from "../protocol/frameworks.ts";
import { stand } from "./lines.ts";
import type { FrameworkMemory } from "./memory.ts";

const TICK_MS = 30_000;
/** By then its node has stopped a task that nobody asked for: 10 min, and a margin. */
const GONE_AFTER_MS = 720_000;

export class Missing {
  readonly #memory: FrameworkMemory;
  /** by how the task stands: one that is told of and goes missing again is counted anew */
  readonly #countedMs = new WeakMap<TaskLevel, number>();
  #lastTickAt: number;

  constructor(memory: FrameworkMemory, now: number) {
    this.#memory = memory;
    this.#lastTickAt = now;
  }

  tick(now: number): void {
    const ticked = Math.max(0, Math.min(now - this.#lastTickAt, TICK_MS));
    this.#lastTickAt = now;
    for (const taskId of [...this.#memory.missing]) {
      const task = this.#memory.tasks.get(taskId);
      if (!task) continue;
      const { level } = task;
      // It went missing at some time within its first tick.
      const before = this.#countedMs.get(level) ?? -ticked;
      this.#countedMs.set(level, before + ticked);
      if (before + ticked < GONE_AFTER_MS) continue;
      task.isAssumed = false;
      stand(this.#memory, task, { ...level, state: "lost", reason: "agent-lost", atMs: now }, now);
    }
  }

  *wantedAt(now: number): Generator<number> {
    // A clock that was set back begins the tick anew.
    if (this.#memory.missing.size > 0) yield Math.max(now + 1, Math.min(this.#lastTickAt, now) + TICK_MS);
  }
}
