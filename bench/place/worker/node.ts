/**
 * A node that is real by its polls alone: it joins, tells what it has, holds a poll, takes what it is given and says so
 * with the next. It runs nothing, and nothing ends.
 */
import { answerPoll } from "../../../src/api/hold.ts";
import type { ClusterMethods } from "../../../src/cluster/methods.ts";
import type { ObjectClient } from "../../../src/platform/objectClient.ts";
import type { Assignment, PollReply, PollRequest } from "../../../src/protocol/agent.ts";
import { MAX_WAIT_S } from "../../../src/protocol/limits.ts";
import { CLUSTER, type InstanceNode } from "../instance.ts";

export const LEAGUE = "bench";

export interface Listener {
  /** from opening the socket until the Cluster's first word on it */
  polled(node: string, ms: number): void;
  given(node: string, assignment: Assignment): void;
}

export class BenchNode {
  readonly #spec: InstanceNode;
  readonly #cluster: ObjectClient<ClusterMethods>;
  readonly #listener: Listener;
  readonly #running: [task: string, epoch: number][] = [];
  #serial = 0;
  #seq = 0;

  constructor(spec: InstanceNode, cluster: ObjectClient<ClusterMethods>, listener: Listener) {
    this.#spec = spec;
    this.#listener = listener;
    this.#cluster = {
      ...cluster,
      open: (first, events) => {
        let sentAtMs: number | null = performance.now();
        const message = (said: unknown): void => {
          if (sentAtMs !== null) listener.polled(spec.name, performance.now() - sentAtMs);
          sentAtMs = null;
          events.message(said);
        };
        return cluster.open(first, { ...events, message });
      },
    };
  }

  async introduce(): Promise<void> {
    const { name, inventory } = this.#spec;
    this.#serial = (await this.#cluster.call("join", { name, key: `key-of-${name}-0000` })).serial;
    const request = { ...this.#request(), inventory };
    this.#take(await this.#cluster.call("poll", { claims: this.#claims, request }));
  }

  /** Polls and polls again; never ends. */
  async live(): Promise<never> {
    const { signal } = new AbortController();
    for (;;) {
      const poll = { claims: this.#claims, request: this.#request() };
      const reply = await answerPoll(this.#cluster, poll, MAX_WAIT_S, signal);
      if (reply) this.#take(reply);
    }
  }

  get #claims() {
    return { league: LEAGUE, cluster: CLUSTER, node: this.#spec.name, serial: this.#serial };
  }

  #request(): PollRequest {
    const running = [...this.#running];
    return { session: 1, nonce: "nonce-01", seq: ++this.#seq, boot: "boot-1", running, updates: [], pressure: [] };
  }

  #take({ assignments }: PollReply): void {
    for (const assignment of assignments) {
      this.#running.push([assignment.task, assignment.epoch]);
      this.#listener.given(this.#spec.name, assignment);
    }
  }
}
