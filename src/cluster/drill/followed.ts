/**
 * The attempts that were live when a fire drill began, and what happened to each: noted in rows as it happens, until
 * the report stands.
 */
import { attemptKey, type Epoch, type JobId, type TaskId, taskId } from "../../model/ids.ts";
import type { PollRequest, Update } from "../../protocol/agent.ts";
import type { OpenPoll } from "../heldPolls.ts";
import type { DrilledFate, DrilledStart } from "../schema.ts";
import type { Live } from "../state.ts";
import type { ClusterStore } from "../store.ts";

export interface FollowedAttempt {
  job: string;
  index: number;
  epoch: number;
  node: string;
  start: DrilledStart;
  fate: DrilledFate;
}

/** `TASK@EPOCH` */
export const keyOf = ({ job, index, epoch }: Pick<FollowedAttempt, "job" | "index" | "epoch">): string =>
  attemptKey(taskId(job as JobId, index), epoch as Epoch);

export class Followed {
  readonly #store: ClusterStore;
  readonly #byKey = new Map<string, FollowedAttempt>();
  /** nodes that were heard since the cut ended; a hint */
  readonly heard = new Set<string>();
  /** keys of what nodes have named as running since; a hint */
  readonly named = new Set<string>();
  /** something may still be noted: the report does not stand yet */
  isOpen = false;

  constructor(store: ClusterStore) {
    this.#store = store;
  }

  /** From rows. */
  recall(isOpen: boolean): void {
    for (const row of this.#store.drilled()) this.#byKey.set(keyOf(row), row);
    this.isOpen = isOpen;
  }

  begin(attempts: readonly FollowedAttempt[]): void {
    this.#store.forgetDrilled();
    this.#byKey.clear();
    this.heard.clear();
    this.named.clear();
    for (const attempt of attempts) {
      this.#byKey.set(keyOf(attempt), attempt);
      this.#store.saveDrilled(attempt);
    }
    this.isOpen = true;
  }

  get all(): Iterable<FollowedAttempt> {
    return this.#byKey.values();
  }

  get size(): number {
    return this.#byKey.size;
  }

  note(attempt: FollowedAttempt, fate: DrilledFate): void {
    attempt.fate = { ...attempt.fate, ...fate };
    this.#store.saveDrilled(attempt);
  }

  /** Its node was silent for too long. @param silentMs counted in ticks, so never more than it was */
  gaveUp({ job, index, epoch, assignedAt }: Live, silentMs: number, now: number): void {
    const attempt = this.isOpen ? this.#byKey.get(keyOf({ job: job.id, index, epoch })) : undefined;
    if (attempt === undefined || attempt.fate.lostAtMs !== undefined) return;
    // A clock that was set back since must not make the time short in which it was held.
    const heldMs = Math.max(now - assignedAt, attempt.start.seenAtMs - assignedAt + silentMs);
    this.note(attempt, { lostAtMs: now, heldMs });
  }

  /** After the object was rebuilt: a poll that is held still came since the cut, or before. */
  recallHeard({ node, heardAt }: OpenPoll, endedAtMs: number | null): void {
    if (endedAtMs !== null && heardAt >= endedAtMs) this.heard.add(node);
  }

  /** What a node says when it is heard again. @param acked ends that are stored by now */
  heardFrom(node: string, running: PollRequest["running"], acked: readonly Update[]): void {
    if (!this.isOpen) return;
    this.heard.add(node);
    for (const [task, epoch] of running) this.named.add(attemptKey(task as TaskId, epoch as Epoch));
    for (const { task, epoch, state, reason = null, ranMs = null } of acked) {
      const attempt = this.#byKey.get(attemptKey(task as TaskId, epoch as Epoch));
      if (attempt?.node === node) this.note(attempt, { end: { state, reason, ranMs } });
    }
  }
}
