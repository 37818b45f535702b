/**
 * A Shelf: the output bytes of tasks, appended by agents at the offset they know, read by people, followed on sockets.
 * It never says anything about a task: that is its Cluster's part.
 */
import { Problem } from "../model/problems.ts";
import type { ObjectRef, Outcome, Platform, SocketId, Turns } from "../platform/seam.ts";
import { crc32 } from "./crc32.ts";
import type { FollowStream, ShelfMethods, StreamKey } from "./methods.ts";
import { beginSweep, RETENTION, type RetentionRules, type Sweep, sweepStep } from "./retention.ts";
import { hasTables, ShelfStore, type StreamRow } from "./store.ts";

export const MAX_READ_BYTES = 2 ** 20;
/** A sweep is due at each multiple, so that an object which wakes anew asks for the same alarm and writes no row. */
const SWEEP_PERIOD_MS = 6 * 3_600_000;
/** After so many new bytes a sweep does not wait. */
const SWEEP_SOON_BYTES = 64 * 2 ** 20;

type Args<Method extends keyof ShelfMethods> = Parameters<ShelfMethods[Method]>[0];
type Reply<Method extends keyof ShelfMethods> = ReturnType<ShelfMethods[Method]>;

export class Shelf implements Turns {
  readonly #platform: Platform;
  readonly #retention: RetentionRules;
  /** null: nothing was ever put here */
  #store: ShelfStore | null;
  readonly #followers = new Map<string, Set<SocketId>>();
  #sweep: Sweep | null = null;
  #unsweptBytes = 0;
  #puts = 0;
  #putBytes = 0;
  #reads = 0;

  constructor(platform: Platform, retention: RetentionRules = RETENTION) {
    this.#platform = platform;
    this.#retention = retention;
    this.#store = hasTables(platform.sql) ? new ShelfStore(platform.sql) : null;
    for (const { id, data } of platform.sockets.list()) if (isFollow(data)) this.#addFollower(id, data.follow);
    if (this.#store && !this.#store.isEmpty()) this.#setAlarm();
  }

  call(method: string, args: unknown): unknown {
    // One switch, so that each method's arguments have their type.
    switch (method as keyof ShelfMethods) {
      case "put":
        return this.#put(args as Args<"put">);
      case "read":
        return this.#read(args as Args<"read">);
      case "metrics":
        return this.#metrics();
      default:
        throw new Problem("not-found", `a Shelf has no method ${method}`);
    }
  }

  message(socket: SocketId, message: unknown): void {
    if (!isFollow(message)) return;
    this.#platform.sockets.attach(socket, message);
    this.#addFollower(socket, message.follow);
    const row = this.#store?.find(message.follow);
    this.#platform.sockets.send(socket, { size: row?.size ?? 0, ended: row?.ended ?? false });
  }

  closed(socket: SocketId): void {
    for (const [stream, sockets] of this.#followers) {
      if (sockets.delete(socket) && sockets.size === 0) this.#followers.delete(stream);
    }
  }

  alarm(): void {
    if (!this.#store) return;
    this.#unsweptBytes = 0;
    this.#sweep = sweepStep(this.#store, this.#sweep ?? beginSweep(), this.#platform.now(), this.#retention);
    if (this.#sweep || !this.#store.isEmpty()) this.#setAlarm();
  }

  /** A Shelf calls nobody. */
  result(_to: ObjectRef, _method: string, _args: unknown, _outcome: Outcome): void {}

  #put({ task, epoch, stream, offset, bytes, end, writer }: Args<"put">): Reply<"put"> {
    const key = { task, epoch, stream };
    const before = this.#store?.find(key);
    if (before && before.writer !== writer) {
      throw new Problem("not-allowed", `${stream} of ${task} is written by ${before.writer}`);
    }
    const size = before?.size ?? 0;
    if (offset !== size) {
      throw new Problem("offset-mismatch", `${stream} of ${task} goes on at ${size}, not at ${offset}`, {
        data: { offset: size },
      });
    }
    const followed = this.#followers.has(nameOf(key));
    if (before?.ended) {
      if (bytes.length === 0) return { offset: size, followed };
      throw new Problem("conflict", `${stream} of ${task} has ended at ${size}`);
    }
    this.#append(before ?? this.#newStream(key, writer), bytes, end);
    return { offset: size + bytes.length, followed };
  }

  #newStream(key: StreamKey, writer: string): StreamRow {
    const now = this.#platform.now();
    return { ...key, writer, since: now, start: 0, size: 0, crc32: 0, ended: false, verified: false, touchedAt: now };
  }

  #append(row: StreamRow, bytes: Uint8Array, end: Args<"put">["end"]): void {
    this.#store ??= new ShelfStore(this.#platform.sql);
    if (bytes.length > 0) this.#store.append(row, bytes);
    const size = row.size + bytes.length;
    const sum = crc32(bytes, row.crc32);
    const verified = end !== null && end.size === size && end.crc32 === sum;
    const touchedAt = this.#platform.now();
    this.#store.save({ ...row, size, crc32: sum, ended: end !== null, verified, touchedAt });
    this.#puts++;
    this.#putBytes += bytes.length;
    this.#unsweptBytes += bytes.length;
    this.#setAlarm();
    for (const socket of this.#followers.get(nameOf(row)) ?? []) {
      this.#platform.sockets.send(socket, { size, ended: end !== null });
    }
  }

  #read({ offset, limit, ...key }: Args<"read">): Reply<"read"> {
    this.#reads++;
    const row = this.#store?.find(key);
    if (!this.#store || !row) return { bytes: new Uint8Array(0), offset: 0, size: 0, ended: false, verified: false };
    const from = Math.min(Math.max(offset, row.start), row.size);
    const bytes = this.#store.read(row, from, Math.min(limit, MAX_READ_BYTES));
    return { bytes, offset: from, size: row.size, ended: row.ended, verified: row.verified };
  }

  #addFollower(socket: SocketId, key: StreamKey): void {
    const sockets = this.#followers.get(nameOf(key)) ?? new Set();
    this.#followers.set(nameOf(key), sockets.add(socket));
  }

  #setAlarm(): void {
    const now = this.#platform.now();
    const soon = this.#sweep !== null || this.#unsweptBytes >= SWEEP_SOON_BYTES;
    this.#platform.setAlarm(soon ? now : (Math.floor(now / SWEEP_PERIOD_MS) + 1) * SWEEP_PERIOD_MS);
  }

  #metrics(): Record<string, number> {
    const followers = [...this.#followers.values()].reduce((n, sockets) => n + sockets.size, 0);
    return { puts: this.#puts, put_bytes: this.#putBytes, reads: this.#reads, followers, in_use: this.#store ? 1 : 0 };
  }
}

const nameOf = ({ task, epoch, stream }: StreamKey): string => `${task}@${epoch}/${stream}`;

const isFollow = (message: unknown): message is FollowStream =>
  typeof message === "object" && message !== null && "follow" in message;
