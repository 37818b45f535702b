/** What Clusters are asked: accepts, declines and kills, each repeated until it is answered or needless. */
import type { KillRequest } from "../protocol/frameworks.ts";
import { type FrameworkMemory, keyOf } from "./memory.ts";
import type { Request } from "./state.ts";

const RETRY_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** A call without an outcome was lost. */
const LOST_MS = 30_000;
/** A kill that was heard is asked for again until the task has ended. */
const KILL_AGAIN_MS = 10_000;

interface Attempt {
  inFlightSince: number | null;
  failures: number;
  notBefore: number;
}
const fresh = (): Attempt => ({ inFlightSince: null, failures: 0, notBefore: Number.NEGATIVE_INFINITY });

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
    failed(this.#attempts.get(keyOf(method, first)), now);
  }

  killAnswered(taskId: string, isHeard: boolean, now: number): void {
    const attempt = this.#kills.get(taskId);
    if (!attempt) return;
    failed(attempt, now);
    if (isHeard) attempt.notBefore = now + Math.max(KILL_AGAIN_MS, attempt.notBefore - now);
  }

  *wantedAt(now: number): Generator<number> {
    for (const key of this.#memory.requests.keys()) yield wantedAt(this.#attempts.get(key), now);
    for (const { taskId } of this.#killable()) yield wantedAt(this.#kills.get(taskId), now);
  }
}

function begins(attempts: Map<string, Attempt>, key: string, now: number): boolean {
  const attempt = attempts.get(key) ?? fresh();
  attempts.set(key, attempt);
  if (attempt.inFlightSince !== null && isOver(now, attempt.inFlightSince, LOST_MS)) failed(attempt, now);
  // A clock that was set back does not keep it waiting.
  if (attempt.inFlightSince !== null || (now < attempt.notBefore && attempt.notBefore - now <= RETRY_MAX_MS))
    return false;
  attempt.inFlightSince = now;
  return true;
}

const isOver = (now: number, since: number, ms: number): boolean => now < since || now - since > ms;

function failed(attempt: Attempt | undefined, now: number): void {
  if (!attempt) return;
  attempt.inFlightSince = null;
  attempt.notBefore = now + Math.min(RETRY_MS * 2 ** attempt.failures, RETRY_MAX_MS);
  attempt.failures = Math.min(attempt.failures + 1, 10);
}

const wantedAt = (attempt: Attempt | undefined, now: number): number =>
  attempt
    ? Math.min(
        Math.max(now + 1, attempt.inFlightSince === null ? attempt.notBefore : attempt.inFlightSince + LOST_MS + 1),
        now + RETRY_MAX_MS,
      )
    : now + 1;
