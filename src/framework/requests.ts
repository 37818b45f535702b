/** What Clusters are asked: accepts, declines and kills, each repeated until it is answered or needless. */
import { Attempt } from "../platform/attempt.ts";
import type { KillRequest } from "../protocol/frameworks.ts";
import { type FrameworkMemory, keyOf } from "./memory.ts";
import type { Request } from "./state.ts";

/** A kill that was heard is asked for again until the task has ended. */
const KILL_AGAIN_MS = 10_000;

export class Requests {
  readonly #memory: FrameworkMemory;
  readonly #attempts = new Map<string, Attempt>();
  readonly #kills = new Map<string, Attempt>();

  constructor(memory: FrameworkMemory) {
    this.#memory = memory;
  }

  send(now: number): void {
    const { platform, requests } = this.#memory;
    for (const [key, { cluster, method, args }] of requests)
      if (begins(this.#attempts, key, now)) platform.call(this.#memory.clusterRef(cluster), method, args);
    for (const key of this.#attempts.keys()) if (!requests.has(key)) this.#attempts.delete(key);
    for (const { taskId, cluster, kill } of this.#killable()) {
      if (!begins(this.#kills, taskId, now)) continue;
      const args: KillRequest = { framework: this.#memory.id, taskId, graceMs: kill?.graceMs ?? null };
      platform.call(this.#memory.clusterRef(cluster), "killTask", args);
    }
    for (const taskId of this.#kills.keys()) if (!this.#memory.killing.has(taskId)) this.#kills.delete(taskId);
  }

  /** One that its Cluster does not know yet would be killed in vain. */
  #killable() {
    return [...this.#memory.killing].flatMap((taskId) => {
      const task = this.#memory.tasks.get(taskId);
      return task && !this.#memory.isPending(task) ? [task] : [];
    });
  }

  /** The next one leaves at once. */
  killAgain(taskId: string): void {
    this.#kills.delete(taskId);
  }

  failed(method: Request["method"], first: string, now: number): void {
    this.#attempts.get(keyOf(method, first))?.failed(now);
  }

  killAnswered(taskId: string, isHeard: boolean, now: number): void {
    this.#kills.get(taskId)?.pause(now, isHeard ? KILL_AGAIN_MS : 0);
  }

  *wantedAt(now: number): Generator<number> {
    for (const key of this.#memory.requests.keys()) yield wantedAt(this.#attempts.get(key), now);
    for (const { taskId } of this.#killable()) yield wantedAt(this.#kills.get(taskId), now);
  }
}

function begins(attempts: Map<string, Attempt>, key: string, now: number): boolean {
  const attempt = attempts.get(key) ?? new Attempt();
  attempts.set(key, attempt);
  return attempt.begins(now);
}

const wantedAt = (attempt: Attempt | undefined, now: number): number => attempt?.wantedAt(now) ?? now + 1;
