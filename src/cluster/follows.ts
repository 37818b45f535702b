/** Attempts whose output somebody follows: their nodes send it every second, until nobody has asked for a while. */
import { type AttemptKey, parseAttemptKey, parseTaskId } from "../model/ids.ts";
import type { ClusterMemory } from "./memory.ts";

const FOLLOW_MS = 60_000;

export class Follows {
  readonly #memory: ClusterMemory;
  /** by attempt, until when */
  readonly #until = new Map<string, number>();
  /** by node: what its agent heard last; of others nothing is followed */
  readonly #told = new Map<string, string>();

  constructor(memory: ClusterMemory) {
    this.#memory = memory;
  }

  add({ task, epoch }: { task: string; epoch: number }, now: number): void {
    const key = `${task}@${epoch}`;
    this.#until.set(key, now + FOLLOW_MS);
    this.#touch(key);
  }

  /** By attempt. */
  get all(): ReadonlyMap<string, number> {
    return this.#until;
  }

  /** Nodes hear that nobody follows any more. */
  expire(now: number): void {
    for (const [key, until] of this.#until) {
      if (until >= now) continue;
      this.#until.delete(key);
      this.#touch(key);
    }
  }

  #touch(key: string): void {
    const { task, epoch } = parseAttemptKey(key as AttemptKey);
    const id = parseTaskId(task);
    const job = id && this.#memory.jobs.get(id.job);
    for (const live of [job?.live.get(id?.index ?? -1), job?.leaving.get(id?.index ?? -1)])
      if (live?.epoch === epoch) this.#memory.touch(live.node);
  }

  /** @param follows of the node's attempts */
  isTold(node: string, follows: readonly string[]): boolean {
    return follows.join() === (this.#told.get(node) ?? "");
  }

  told(node: string, follows: readonly string[]): void {
    if (follows.length > 0) this.#told.set(node, follows.join());
    else this.#told.delete(node);
  }
}
