/** The journal as text: a record a line, each behind the CRC-32 of its JSON, so that a torn or rotten line is known. */
import { crc32 } from "#agent/crc32";
import type { JournalRecord } from "../../core/types.ts";

const TYPES = new Set<unknown>(["session", "accept", "end", "forget"]);
const CRC_DIGITS = 8;

const checksum = (json: string): string => crc32(json).toString(16).padStart(CRC_DIGITS, "0");

export function encodeLine(record: JournalRecord): string {
  const json = JSON.stringify(record);
  return `${checksum(json)} ${json}\n`;
}

/** What a file holds. A power cut leaves its last line torn: `validBytes` is where the next one goes. */
export interface Replay {
  records: JournalRecord[];
  validBytes: number;
  /** lines in front of `validBytes` that can't be read: the disk lost them, no crash did */
  damagedLines: number;
}

export function replay(bytes: Buffer): Replay {
  const records: JournalRecord[] = [];
  let validBytes = 0;
  let damagedLines = 0;
  let badLines = 0;
  for (let start = 0; ; ) {
    const end = bytes.indexOf(10, start);
    if (end < 0) break;
    const record = decodeLine(bytes.toString("utf8", start, end));
    start = end + 1;
    if (record === null) {
      badLines++;
      continue;
    }
    records.push(record);
    validBytes = start;
    damagedLines = badLines;
  }
  return { records, validBytes, damagedLines };
}

function decodeLine(line: string): JournalRecord | null {
  const json = line.slice(CRC_DIGITS + 1);
  if (line[CRC_DIGITS] !== " " || line.slice(0, CRC_DIGITS) !== checksum(json)) return null;
  const value: unknown = JSON.parse(json);
  return isRecord(value) ? value : null;
}

/** The checksum says that we wrote it; the type, that this version knows it. */
const isRecord = (value: unknown): value is JournalRecord =>
  typeof value === "object" && value !== null && "type" in value && TYPES.has(value.type);

/** The lines that a compacted journal keeps: the newest session, and what is known of each attempt not forgotten. */
export class LiveLines {
  #session = "";
  readonly #attempts = new Map<string, string>();
  #length = 0;

  apply(record: JournalRecord, line: string): void {
    switch (record.type) {
      case "session":
        this.#length += line.length - this.#session.length;
        this.#session = line;
        return;
      case "accept":
        this.#drop(record.key);
        this.#attempts.set(record.key, line);
        this.#length += line.length;
        return;
      case "end": {
        const accept = this.#attempts.get(record.key);
        if (accept === undefined) return;
        this.#attempts.set(record.key, accept + line);
        this.#length += line.length;
        return;
      }
      case "forget":
        this.#drop(record.key);
    }
  }

  #drop(key: string): void {
    this.#length -= this.#attempts.get(key)?.length ?? 0;
    this.#attempts.delete(key);
  }

  /** in characters, near enough to bytes */
  get length(): number {
    return this.#length;
  }

  /** Whether to rewrite a journal of so many bytes pays: it is large, and at least half of it is of no use. */
  isWorth(bytes: number, aboveBytes: number): boolean {
    return bytes >= aboveBytes && this.#length <= bytes / 2;
  }

  text(): string {
    return this.#session + [...this.#attempts.values()].join("");
  }
}
