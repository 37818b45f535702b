/** The rows of a Shelf. Bytes lie in chunks under their first position; a stream has one row besides. */
import { and, eq } from "drizzle-orm";
import migrations from "../../migrations/shelf/migrations.js";
import { type Database, database, migrate } from "../platform/drizzle.ts";
import type { Sql } from "../platform/seam.ts";
import type { StreamKey } from "./methods.ts";
import * as schema from "./schema.ts";

/** Types, not interfaces: only those are rows to the compiler. */
type KeyColumns = { [K in keyof StreamKey]: StreamKey[K] };
type KeptBytes = KeyColumns & { kept: number };
export type StreamRow = typeof schema.stream.$inferSelect;

/** A blob may have 2 MB; what is read or dropped in one go should stay well below. */
const MAX_CHUNK_BYTES = 512 * 1024;
/** An append to a chunk below this goes into it, so that a stream that trickles is not thousands of rows. */
const SMALL_CHUNK_BYTES = 16 * 1024;

const CHUNKS_OF = "since = ? AND task = ? AND epoch = ? AND stream = ?";
const chunkKey = (row: StreamRow) => [row.since, row.task, row.epoch, row.stream] as const;

/** @returns whether this Shelf ever held anything: one that did not has no tables, and costs nothing */
export const hasTables = (sql: Sql): boolean =>
  sql.raw("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'stream'").length > 0;

export class ShelfStore {
  readonly #sql: Sql;
  readonly #db: Database<typeof schema>;

  constructor(sql: Sql) {
    migrate(sql, migrations);
    this.#sql = sql;
    this.#db = database(sql, schema);
  }

  find({ task, epoch, stream }: StreamKey): StreamRow | undefined {
    const { stream: table } = schema;
    return this.#db
      .select()
      .from(table)
      .where(and(eq(table.task, task), eq(table.epoch, epoch), eq(table.stream, stream)))
      .get();
  }

  save(row: StreamRow): void {
    const { stream: table } = schema;
    this.#db
      .insert(table)
      .values(row)
      .onConflictDoUpdate({ target: [table.task, table.epoch, table.stream], set: row })
      .run();
  }

  remove(row: StreamRow): void {
    const { stream: table } = schema;
    this.#db
      .delete(table)
      .where(and(eq(table.task, row.task), eq(table.epoch, row.epoch), eq(table.stream, row.stream)))
      .run();
  }

  isEmpty(): boolean {
    return this.#sql.raw("SELECT 1 FROM stream LIMIT 1").length === 0;
  }

  /** A page of streams in the order of their keys, with the bytes each still keeps. */
  keptBytes(after: StreamKey | null, limit: number): KeptBytes[] {
    const { task, epoch, stream } = after ?? { task: "", epoch: 0, stream: "" };
    return this.#sql.exec<KeptBytes>(
      `SELECT task, epoch, stream, size - start AS kept FROM stream
       WHERE (task, epoch, stream) > (?, ?, ?) ORDER BY task, epoch, stream LIMIT ?`,
      task,
      epoch,
      stream,
      limit,
    );
  }

  /** The stream that began next after the given one, by age. */
  nextByAge(after: StreamRow | null): StreamRow | undefined {
    const [found] = this.#sql.exec<KeyColumns>(
      `SELECT task, epoch, stream FROM chunk WHERE (since, task, epoch, stream) > (?, ?, ?, ?)
       ORDER BY since, task, epoch, stream LIMIT 1`,
      ...(after ? chunkKey(after) : ([0, "", 0, ""] as const)),
    );
    return found && this.find(found);
  }

  append(row: StreamRow, bytes: Uint8Array): void {
    const last = this.#chunkAt(row, row.size);
    let from = 0;
    if (last && last.bytes.length < SMALL_CHUNK_BYTES) {
      from = Math.min(bytes.length, MAX_CHUNK_BYTES - last.bytes.length);
      this.#put(row, last.position, joined(last.bytes, bytes.subarray(0, from)));
    }
    for (; from < bytes.length; from += MAX_CHUNK_BYTES) {
      this.#put(row, row.size + from, bytes.subarray(from, from + MAX_CHUNK_BYTES));
    }
  }

  #put(row: StreamRow, position: number, bytes: Uint8Array): void {
    this.#sql.exec("INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?)", ...chunkKey(row), position, bytes);
  }

  /** Bytes from `offset`, which is kept, up to `limit` or the end. */
  read(row: StreamRow, offset: number, limit: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(limit, row.size - offset)));
    let filled = 0;
    while (filled < bytes.length) {
      const chunk = this.#chunkAt(row, offset + filled);
      if (!chunk) throw new Error(`${row.task}@${row.epoch} ${row.stream} has no byte ${offset + filled}`);
      const from = offset + filled - chunk.position;
      const part = chunk.bytes.subarray(from, from + bytes.length - filled);
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes;
  }

  #chunkAt(row: StreamRow, position: number): { position: number; bytes: Uint8Array } | undefined {
    return this.#sql.exec<{ position: number; bytes: Uint8Array }>(
      `SELECT position, bytes FROM chunk WHERE ${CHUNKS_OF} AND position <= ? ORDER BY position DESC LIMIT 1`,
      ...chunkKey(row),
      position,
    )[0];
  }

  /** Drops whole chunks from the stream's start until `bytes` are gone or so many chunks. @returns the new start */
  dropHead(row: StreamRow, bytes: number, maxChunks: number): number {
    const chunks = this.#sql.exec<{ position: number; length: number }>(
      `SELECT position, length(bytes) AS length FROM chunk WHERE ${CHUNKS_OF} ORDER BY position LIMIT ?`,
      ...chunkKey(row),
      maxChunks,
    );
    let start = row.start;
    for (const { position, length } of chunks) {
      if (start - row.start >= bytes) break;
      start = position + length;
    }
    this.#sql.exec(`DELETE FROM chunk WHERE ${CHUNKS_OF} AND position < ?`, ...chunkKey(row), start);
    return start;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
