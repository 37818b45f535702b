/**
 * What objects count over a time. Their counters begin at zero whenever they are built anew, so they are read often
 * enough not to be put to sleep; reading is not counted.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../cli/api/client.ts";
import { type LeagueCounters, readCounters, since } from "../test/system/metrics.ts";

/** An object that nobody asks is put to sleep after 10 s. */
const READ_MS = 4_000;

type Totals = Omit<LeagueCounters, "built">;

export class CounterTotals {
  readonly #client: Client;
  readonly #first: LeagueCounters;
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;

  private constructor(client: Client, first: LeagueCounters) {
    this.#client = client;
    this.#first = first;
    this.#reading = this.#read();
  }

  static async start(client: Client): Promise<CounterTotals> {
    return new CounterTotals(client, await readCounters(client));
  }

  async #read(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await sleep(READ_MS, undefined, { signal: this.#stop.signal }).catch(() => {});
      this.#expectSame(await readCounters(this.#client));
    }
  }

  #expectSame(now: LeagueCounters): void {
    if (now.built !== this.#first.built) throw new Error(`an object was rebuilt: ${this.#first.built} → ${now.built}`);
  }

  async end(): Promise<Totals> {
    this.#stop.abort();
    await this.#reading;
    const last = await readCounters(this.#client);
    this.#expectSame(last);
    return since(last, this.#first);
  }
}
