/**
 * The seam under every object: what it may ask of the place it runs in. The Durable Object adapter supplies it in
 * production, the simulator another one.
 *
 * An entry (call, message, alarm, result of a call) is one synchronous turn in one transaction. What a turn sends
 * (calls, socket messages, the alarm) leaves only after its commit; a crash in between loses it, so an object must be
 * able to send it again from its rows.
 */
import type { LpSolver } from "../scheduling/assign/lp.ts";

export type SqlValue = null | number | string | Uint8Array;
export type Row = Record<string, SqlValue>;

export interface Sql {
  /** Runs one statement and returns its rows, drained. Binds: null, safe integers, floats, strings and bytes ≤ 2 MB, at most 100. */
  exec<R extends Row = Row>(text: string, ...binds: SqlValue[]): R[];
  /** The same with each row as an array, for drizzle. */
  raw(text: string, ...binds: SqlValue[]): SqlValue[][];
}

export type ObjectKind = "broker" | "cluster" | "framework" | "shelf";
/** `name` is '' for the Broker of a league, the cluster's name, the framework's id, or the number of a Shelf. */
export interface ObjectRef {
  kind: ObjectKind;
  league: string;
  name: string;
}

export type SocketId = string;

export interface Sockets {
  /** JSON, after the commit; a socket that is gone is skipped */
  send(socket: SocketId, message: unknown): void;
  close(socket: SocketId): void;
  /** what the object wants to find again after it was rebuilt while the socket stayed; ≤ 2 KB */
  attach(socket: SocketId, data: unknown): void;
  /** open sockets and what was attached */
  list(): { id: SocketId; data: unknown }[];
}

export interface Platform {
  readonly self: ObjectRef;
  readonly sql: Sql;
  /** ms; may jump either way and stands still within a turn */
  now(): number;
  /** [0, 1) */
  random(): number;
  /** one alarm, at least once, perhaps late or lost */
  setAlarm(at: number | null): void;
  /** After the commit. Unordered, perhaps repeated; the outcome comes back by `result`, and after an error is unknown. */
  call(to: ObjectRef, method: string, args: unknown): void;
  readonly sockets: Sockets;
  /** rises when the data was restored from a backup, so that objects take a new incarnation */
  readonly generation: number;
  /** made when it is first asked; null: a round does without */
  readonly solver: LpSolver | null;
}

export type Outcome = { ok: true; value: unknown } | { ok: false; error: string };

/** What every object is to its adapter; each method is one turn. */
export interface Turns {
  /** @throws Problem before anything was written */
  call(method: string, args: unknown): unknown;
  result(to: ObjectRef, method: string, args: unknown, outcome: Outcome): void;
  alarm(): void;
  message(socket: SocketId, message: unknown): void;
  /** @param isClean the other side closed it; else it was lost, and the other side may want it still */
  closed(socket: SocketId, isClean: boolean): void;
  /**
   * For tests, after a turn.
   * @param rows whether the rows are read too
   * @throws Error when what is kept in memory is not what follows from the rest of it
   */
  verify?(rows: boolean): void;
}
