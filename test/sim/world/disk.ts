/**
 * The disk of a machine, which outlives its boots: a journal in bytes, as agent/host/journal/journal.ts keeps it, and
 * what is left of attempts. A power cut tears what was not synced at any byte; a full disk takes nothing.
 */

import type { Exit, JournalRecord } from "../../../agent/core/types.ts";
import { encodeLine, LiveLines, replay } from "../../../agent/host/journal/lines.ts";
import type { ProcessOutput } from "./processOutput.ts";
import type { Chance } from "./random.ts";

/** Small, so that many stories compact. */
export const COMPACT_ABOVE_BYTES = 16 * 1024;

export class Disk {
  /** attempts whose start was begun, with the boot it was in */
  readonly starts = new Map<string, string>();
  readonly exits = new Map<string, Exit>();
  readonly outputs = new Map<string, ProcessOutput>();
  /** attempts that the guard has sent a signal to */
  readonly marks = new Set<string>();
  isFull = false;
  /** an agent has waited for it */
  wasSlow = false;
  #journal = Buffer.alloc(0);
  #syncedBytes = 0;
  #isSyncing = false;
  #live = new LiveLines();

  /** What an agent reads that starts. */
  openJournal(): JournalRecord[] {
    const { records, validBytes } = replay(this.#journal);
    this.#journal = this.#journal.subarray(0, validBytes);
    this.sync();
    this.#live = new LiveLines();
    for (const record of records) this.#live.apply(record, encodeLine(record));
    this.#compactIfLarge();
    return records;
  }

  /** On disk only with the next `sync`. @returns false: it is full, and nothing of it is written */
  append(records: readonly JournalRecord[]): boolean {
    if (this.isFull) return false;
    const lines = records.map(encodeLine);
    this.#write(Buffer.from(lines.join("")));
    records.forEach((record, i) => {
      this.#live.apply(record, lines[i] ?? "");
    });
    if (records.some(({ type }) => type !== "forget")) this.#isSyncing = true;
    if (!this.#isSyncing) this.#compactIfLarge();
    return true;
  }

  /** The agent dies within the write. */
  appendTorn(records: readonly JournalRecord[], chance: Chance): void {
    const bytes = Buffer.from(records.map(encodeLine).join(""));
    if (!this.isFull) this.#write(bytes.subarray(0, chance.int(0, bytes.length)));
  }

  #write(bytes: Buffer): void {
    this.#journal = Buffer.concat([this.#journal, bytes]);
  }

  sync(): void {
    this.#syncedBytes = this.#journal.length;
    this.#isSyncing = false;
    this.#compactIfLarge();
  }

  #compactIfLarge(): void {
    if (!this.#live.isWorth(this.#journal.length, COMPACT_ABOVE_BYTES)) return;
    this.#journal = Buffer.from(this.#live.text());
    this.#syncedBytes = this.#journal.length;
  }

  losePower(chance: Chance): void {
    this.#journal = this.#journal.subarray(0, chance.int(this.#syncedBytes, this.#journal.length));
  }

  /** As an agent would find it: how large it is, and of that the lines that still say something. */
  journal(): { bytes: number; lines: string[] } {
    const live = new LiveLines();
    for (const record of replay(this.#journal).records) live.apply(record, encodeLine(record));
    return { bytes: this.#journal.length, lines: live.text().split("\n").slice(0, -1) };
  }

  /** What is left of an attempt is removed. */
  forget(key: string): void {
    this.starts.delete(key);
    this.exits.delete(key);
    this.outputs.delete(key);
    this.marks.delete(key);
  }

  /** What tells that an attempt was started here is elsewhere. */
  loseJournal(): void {
    this.#journal = Buffer.alloc(0);
    this.#syncedBytes = 0;
    this.exits.clear();
  }

  wipe(): void {
    this.loseJournal();
    this.starts.clear();
    this.outputs.clear();
    this.marks.clear();
  }

  copyTo(other: Disk): void {
    other.#journal = Buffer.from(this.#journal);
    other.#syncedBytes = other.#journal.length;
    for (const [key, boot] of this.starts) other.starts.set(key, boot);
    for (const [key, exit] of this.exits) other.exits.set(key, exit);
    for (const [key, output] of this.outputs) other.outputs.set(key, output.frozen());
    for (const key of this.marks) other.marks.add(key);
  }
}
