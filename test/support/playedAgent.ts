/** An agent as a Cluster sees it: starts what it is given, stops what it is told, and says so with its next poll. */
import type { Inventory, PollReply, Update } from "../../src/protocol/agent.ts";

export const PLAYED_INVENTORY: Inventory = {
  capacity: { cpus: 1000, mem: 1_000_000 },
  attributes: {},
  drivers: ["process"],
  version: "test",
};

/** What a Cluster is asked. */
export type Ask = (method: string, args: unknown) => unknown;

export class PlayedAgent {
  readonly name: string;
  readonly cluster: string;
  readonly #serial: number;
  readonly #ask: Ask;
  #inventory: Inventory;
  #session = 1;
  #seq = 0;
  readonly #runs = new Map<string, [task: string, epoch: number]>();
  #updates: Update[] = [];
  /** of each attempt that it started, by key; the numbers of its gpus */
  readonly devices = new Map<string, readonly number[]>();
  /** it starts nothing, and stops nothing */
  isDeaf = false;

  constructor(ask: Ask, cluster: string, name: string, has: Partial<Inventory> = {}) {
    this.#inventory = { ...PLAYED_INVENTORY, ...has };
    this.#ask = ask;
    this.cluster = cluster;
    const joined = ask("join", { name, key: `key-of-${name}` }) as { node: string; serial: number };
    ({ node: this.name, serial: this.#serial } = joined);
    this.poll();
  }

  poll(): PollReply {
    const claims = { league: "acme", cluster: this.cluster, node: this.name, serial: this.#serial };
    const request = {
      session: this.#session,
      nonce: "nonce-01",
      seq: ++this.#seq,
      boot: "boot-1",
      running: [...this.#runs.values()],
      updates: this.#updates,
      pressure: [],
      ...(this.#seq === 1 && { inventory: this.#inventory }),
    };
    const reply = this.#ask("poll", { claims, request }) as PollReply;
    this.#updates = this.#updates.filter(({ uuid }) => !reply.acked.includes(uuid));
    if (this.isDeaf) return reply;
    for (const { task, epoch, devices = [] } of reply.assignments) {
      this.#runs.set(`${task}@${epoch}`, [task, epoch]);
      this.devices.set(`${task}@${epoch}`, devices);
    }
    for (const { task, epoch } of reply.stops) this.end(task, epoch, { state: "cancelled", reason: "cancelled" });
    return reply;
  }

  /** An attempt of which its cluster may know nothing. */
  haunt(task: string, epoch: number): void {
    this.#runs.set(`${task}@${epoch}`, [task, epoch]);
  }

  /** @param has otherwise than before */
  restart(has: Partial<Inventory> = {}): void {
    this.#inventory = { ...this.#inventory, ...has };
    this.#session += 1;
    this.#seq = 0;
  }

  end(task: string, epoch: number, rest: Partial<Update> = {}): void {
    if (!this.#runs.delete(`${task}@${epoch}`)) return;
    const uuid = `${task}@${epoch}:end`;
    this.#updates.push({ uuid, task, epoch, state: "succeeded", reason: "exit", code: 0, ranMs: 5, ...rest });
  }

  /** Keys of attempts. */
  get running(): string[] {
    return [...this.#runs.keys()];
  }
}
