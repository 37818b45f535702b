/** Rows of a Shelf: one a stream, and its bytes in chunks. Few and small, because each written row is billed. */
import { blob, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const stream = sqliteTable(
  "stream",
  {
    task: text("task").notNull(),
    epoch: integer("epoch").notNull(),
    stream: text("stream", { enum: ["stdout", "stderr"] }).notNull(),
    /** `CLUSTER/NODE` that sent the first bytes: nobody else may add to them */
    writer: text("writer").notNull(),
    /** ms since 1970 of the first bytes: leads the key of the chunks, so that they lie in order of age */
    since: integer("since").notNull(),
    /** first byte that is still kept; bytes before it were dropped for room */
    start: integer("start").notNull(),
    size: integer("size").notNull(),
    /** of all bytes from 0 to size */
    crc32: integer("crc32").notNull(),
    ended: integer("ended", { mode: "boolean" }).notNull(),
    verified: integer("verified", { mode: "boolean" }).notNull(),
    touchedAt: integer("touched_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.task, t.epoch, t.stream] })],
);

export const chunk = sqliteTable(
  "chunk",
  {
    since: integer("since").notNull(),
    task: text("task").notNull(),
    epoch: integer("epoch").notNull(),
    stream: text("stream").notNull(),
    /** of its first byte in the stream */
    position: integer("position").notNull(),
    bytes: blob("bytes", { mode: "buffer" }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.since, t.task, t.epoch, t.stream, t.position] })],
);
