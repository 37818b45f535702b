/**
 * What the agent must not forget, in a file that is only ever appended to, and on disk before the act it allows.
 * `forget` alone is written without waiting for the disk: should a power cut lose it, the end is told once more.
 */
import { closeSync, fdatasync, fsyncSync, ftruncateSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { JournalRecord } from "../../core/types.ts";
import { PRIVATE_FILE_MODE, syncFolder, writeDurably, writeWhole } from "../files.ts";
import { encodeLine, LiveLines, replay } from "./lines.ts";

const syncData = promisify(fdatasync);
/** A journal below this size is never rewritten. */
const COMPACT_ABOVE_BYTES = 1024 * 1024;

export class Journal {
  readonly #path: string;
  readonly #compactAboveBytes: number;
  readonly #live = new LiveLines();
  #fd: number;
  #bytes: number;
  #syncing = 0;

  private constructor(path: string, fd: number, compactAboveBytes: number) {
    this.#path = path;
    this.#fd = fd;
    this.#compactAboveBytes = compactAboveBytes;
    this.#bytes = 0;
  }

  /** Reads it, cuts off a torn last line, and compacts it if it has grown. */
  static open(
    path: string,
    compactAboveBytes = COMPACT_ABOVE_BYTES,
  ): { journal: Journal; records: JournalRecord[]; damagedLines: number } {
    const fd = openSync(path, "a+", PRIVATE_FILE_MODE);
    const { records, validBytes, damagedLines } = replay(readFileSync(fd));
    ftruncateSync(fd, validBytes);
    fsyncSync(fd);
    syncFolder(dirname(path));
    const journal = new Journal(path, fd, compactAboveBytes);
    journal.#bytes = validBytes;
    for (const record of records) journal.#live.apply(record, encodeLine(record));
    journal.#compactIfLarge();
    return { journal, records, damagedLines };
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** One write and at most one sync, however many records. @throws when the disk is full; nothing is half written then */
  async append(records: readonly JournalRecord[]): Promise<void> {
    const lines = records.map(encodeLine);
    this.#write(Buffer.from(lines.join("")));
    records.forEach((record, i) => {
      this.#live.apply(record, lines[i] ?? "");
    });
    if (records.some((record) => record.type !== "forget")) {
      this.#syncing++;
      try {
        await syncData(this.#fd);
      } finally {
        this.#syncing--;
      }
    }
    if (this.#syncing === 0) this.#compactIfLarge();
  }

  #write(bytes: Buffer): void {
    try {
      writeWhole(this.#fd, bytes);
    } catch (error) {
      ftruncateSync(this.#fd, this.#bytes);
      throw error;
    }
    this.#bytes += bytes.length;
  }

  #compactIfLarge(): void {
    if (!this.#live.isWorth(this.#bytes, this.#compactAboveBytes)) return;
    const text = this.#live.text();
    writeDurably(this.#path, text);
    closeSync(this.#fd);
    this.#fd = openSync(this.#path, "a", PRIVATE_FILE_MODE);
    this.#bytes = Buffer.byteLength(text);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
