/** Keeps the broker's picture of this machine true: looks again every few minutes, and tells only what changed. */
import type { Inventory } from "../../src/protocol/agent.ts";
import type { Machine, Offer } from "./inventory.ts";

export const LOOK_EVERY_MS = 5 * 60_000;
/** Free space moves all the time: less than both is no news. */
const DISK_NEWS_MIB = 1024;
const DISK_NEWS_PART = 0.05;

/**
 * The machine as the broker should see it now. While attempts run the disk stays as it was: what they write is charged
 * to them already.
 */
export function settled(before: Machine, now: Machine, busy: boolean): Machine {
  const moved = Math.abs(now.freeDiskMib - before.freeDiskMib);
  const isNews = !busy && moved >= DISK_NEWS_MIB && moved >= before.freeDiskMib * DISK_NEWS_PART;
  return isNews ? now : { ...now, freeDiskMib: before.freeDiskMib };
}

export interface FingerprintParts {
  /** @param before null: for the first time */
  look(before: Machine | null): Promise<Machine>;
  build(machine: Machine, offer: Offer): Inventory;
  busy(): boolean;
  changed(inventory: Inventory): void;
}

export class Fingerprint {
  readonly #parts: FingerprintParts;
  #machine: Machine | null = null;
  #offer: Offer;
  #told = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(offer: Offer, parts: FingerprintParts) {
    this.#parts = parts;
    this.#offer = offer;
  }

  /** Tells what there is, and from then on what changes. */
  async start(): Promise<void> {
    await this.look();
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async look(): Promise<void> {
    const now = await this.#parts.look(this.#machine);
    this.#machine = this.#machine === null ? now : settled(this.#machine, now, this.#parts.busy());
    this.#tell();
  }

  /** @returns whether that changes what the broker knows */
  offer(offer: Offer): boolean {
    this.#offer = offer;
    return this.#tell();
  }

  #tell(): boolean {
    if (this.#machine === null) return false;
    const inventory = this.#parts.build(this.#machine, this.#offer);
    const text = JSON.stringify(inventory);
    if (text === this.#told) return false;
    this.#told = text;
    this.#parts.changed(inventory);
    return true;
  }
}
