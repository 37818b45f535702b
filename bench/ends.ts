/** When jobs end, as someone who follows the league's events sees it. */
import type { Client } from "../cli/api/client.ts";
import { followEvents } from "../cli/api/streams.ts";
import type { EventView } from "../src/model/views.ts";

export interface End {
  event: EventView;
  /** `performance.now()` when the event was there */
  atMs: number;
}

export class Ends {
  readonly #ended = new Map<string, End>();
  readonly #awaited = new Map<string, (end: End) => void>();
  readonly #stop = new AbortController();
  readonly #follows: Promise<void>;

  constructor(client: Client) {
    this.#follows = this.#follow(client);
  }

  async #follow(client: Client): Promise<void> {
    try {
      for await (const event of followEvents(client, { signal: this.#stop.signal })) {
        if (event.type !== "job.ended" || event.job === undefined) continue;
        const end = { event, atMs: performance.now() };
        this.#ended.set(event.job, end);
        this.#awaited.get(event.job)?.(end);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }

  of(job: string): Promise<End> {
    const known = this.#ended.get(job);
    if (known) return Promise.resolve(known);
    const end = new Promise<End>((resolve) => this.#awaited.set(job, resolve));
    return Promise.race([end, this.#follows.then(() => Promise.reject(new Error("the stream of events ended")))]);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#follows;
  }
}
