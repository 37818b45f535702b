/**
 * An object's home over node:sqlite in memory: one transaction per turn, effects handed out only after the commit. The
 * simulator runs whole leagues on it; unit tests of one object use it by hand. The database outlives a crash, memory
 * and effects that were not taken do not.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Problem } from "../../src/model/problems.ts";
import { checkBinds } from "../../src/platform/binds.ts";
import type { ObjectRef, Outcome, Platform, Row, SocketId, SqlValue, Turns } from "../../src/platform/seam.ts";
import { nodeSolver } from "../support/highs.ts";
import { seeded } from "../support/seeded.ts";

/** What a turn sends once it is committed. */
export type Effect =
  | { type: "alarm"; at: number | null }
  | { type: "call"; to: ObjectRef; method: string; args: unknown }
  | { type: "send"; socket: SocketId; message: unknown }
  | { type: "close"; socket: SocketId };

export interface ObjectHomeOptions {
  self: ObjectRef;
  now?: () => number;
  random?: () => number;
  generation?: number;
  /** bytes of `serialize()`: the object wakes on a backup */
  backup?: Uint8Array;
  /** how what is said crosses to the object and back: nobody holds what the other changes later */
  clone?: <V>(value: V) => V;
}

const MAX_STATEMENT_CHARS = 100_000;
const MAX_ATTACHMENT_BYTES = 2_048;
/** The object store of the platform refuses these; a turn is one transaction already. */
const TRANSACTION_WORDS = /^\s*(begin|commit|end|rollback|savepoint|release)\b/i;
const isWrite = (text: string): boolean => !/^\s*(select|pragma)\b/i.test(text);

interface Prepared<S = StatementSync | null> {
  /** null: several statements */
  statement: S;
  writes: boolean;
}

/** What a statement that writes throws when the storage takes no writes. */
export class WriteRefused extends Error {
  constructor() {
    super("the storage takes no writes");
  }
}
/** Whether that is why a turn threw. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof WriteRefused || (error instanceof Error && isRefusal(error.cause));

/** Several statements in one text, as a migration has them; quoted text and comments may hold a semicolon. */
const isScript = (text: string): boolean =>
  /;\s*\S/.test(text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\//g, ""));

export class ObjectHome<T extends Turns> {
  readonly self: ObjectRef;
  /** what the turns sent since the last `takeEffects`, oldest first */
  effects: Effect[] = [];
  /** the alarm as the platform holds it; `fireAlarm` clears it first */
  alarmAt: number | null = null;
  /** the clock when no `now` was given: set it by hand */
  nowMs = 1_800_000_000_000;
  generation: number;
  turns = 0;
  rowsRead = 0;
  rowsWritten = 0;
  /** the last turn that threw had written before it did */
  threwAfterWrite = false;
  /** asked before each statement that writes: true refuses it */
  refusesWrite: () => boolean = () => false;

  readonly #build: (platform: Platform) => T;
  readonly #database = new DatabaseSync(":memory:");
  readonly #statements = new Map<string, Prepared>();
  readonly #arrays = new Map<string, Prepared<StatementSync>>();
  readonly #changes: StatementSync;
  readonly #clone: <V>(value: V) => V;
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #platform: Platform;
  #sockets = new Map<SocketId, unknown>();
  /** what the turn's attachments replaced */
  #attached: [SocketId, unknown][] = [];
  #nextSocket = 1;
  /** null: it could not be built, and the next turn tries again */
  #object: T | null = null;
  #inTurn = false;
  #turnNow = 0;
  #changesSoFar = 0;
  #pending: Effect[] = [];
  /** a write of the turn was refused */
  #wasRefused = false;

  constructor(build: (platform: Platform) => T, options: ObjectHomeOptions) {
    this.#build = build;
    this.self = options.self;
    this.generation = options.generation ?? 0;
    this.#clock = options.now ?? (() => this.nowMs);
    this.#random = options.random ?? seeded(1);
    this.#clone = options.clone ?? structuredClone;
    if (options.backup) this.#database.deserialize(options.backup);
    this.#database.exec("PRAGMA foreign_keys = ON");
    this.#changes = this.#database.prepare("SELECT total_changes() AS n");
    this.#platform = this.#makePlatform();
    this.#construct();
  }

  get object(): T {
    return this.#object ?? this.#construct();
  }

  // Turns. Each commits or, when it throws, leaves rows and effects as they were.

  call(method: string, args: unknown): unknown {
    return this.#clone(this.#run((object) => object.call(method, this.#clone(args))));
  }
  result(to: ObjectRef, method: string, args: unknown, outcome: Outcome): void {
    this.#run((object) => object.result(to, method, this.#clone(args), this.#clone(outcome)));
  }
  fireAlarm(): void {
    this.alarmAt = null;
    this.repeatAlarm();
  }
  /** At least once means sometimes twice: whatever is set meanwhile stays set. */
  repeatAlarm(): void {
    this.#run((object) => object.alarm());
  }
  message(socket: SocketId, message: unknown): void {
    this.#run((object) => object.message(socket, this.#clone(message)));
  }

  // Sockets, as the world sees them.

  openSocket(): SocketId {
    const socket = `socket-${this.#nextSocket++}`;
    this.#sockets.set(socket, null);
    return socket;
  }
  closeSocket(socket: SocketId, isClean = true): void {
    if (this.#sockets.delete(socket)) this.#run((object) => object.closed(socket, isClean));
  }
  /** Those that are open, with what the object attached to them. */
  get sockets(): ReadonlyMap<SocketId, unknown> {
    return this.#sockets;
  }
  isOpen(socket: SocketId): boolean {
    return this.#sockets.has(socket);
  }

  /** The process dies between two turns: memory and effects not yet taken are gone, rows, alarm and sockets stay. */
  crash(): void {
    this.effects = [];
    this.#object = null;
    this.#construct();
  }
  /** The machine under it dies too: every socket is cut, and nobody tells the object. */
  dropSockets(): void {
    this.#sockets = new Map();
  }
  takeEffects(): Effect[] {
    const taken = this.effects;
    this.effects = [];
    return taken;
  }
  /** Effects of one type, taken; the others stay. */
  take<K extends Effect["type"]>(type: K): Extract<Effect, { type: K }>[] {
    const taken: Extract<Effect, { type: K }>[] = [];
    const rest: Effect[] = [];
    for (const effect of this.effects) (isOf(effect, type) ? taken : rest).push(effect as never);
    this.effects = rest;
    return taken;
  }
  /** Reads rows from outside a turn, for assertions. */
  query<R extends Row = Row>(text: string, ...binds: SqlValue[]): R[] {
    return this.#exec<R>(text, binds);
  }
  serialize(): Uint8Array {
    return this.#database.serialize();
  }
  close(): void {
    this.#database.close();
  }

  #construct(): T {
    const built = this.#turn(
      () => this.#build(this.#platform),
      (one) => one,
    );
    this.#object = built;
    return built;
  }

  /** One that must write as it is built waits until it may. */
  #reconstruct(): void {
    try {
      this.#construct();
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }

  /** As the Durable Object adapter does it: what it remembers may differ from its rows after a turn that failed. */
  #run<R>(entry: (object: T) => R): R {
    const { object } = this;
    try {
      return this.#turn(
        () => entry(object),
        () => object,
      );
    } catch (error) {
      if (!(error instanceof Problem) || this.threwAfterWrite) {
        const { threwAfterWrite } = this;
        this.#object = null;
        this.#reconstruct();
        this.threwAfterWrite = threwAfterWrite;
      }
      throw error;
    }
  }

  /** @param verified of what the turn gave back: the object that is to be as it says */
  #turn<R>(body: () => R, verified: (value: R) => Turns): R {
    if (this.#inTurn) throw new Error("a turn inside a turn");
    this.#inTurn = true;
    this.#turnNow = this.#clock();
    this.#pending = [];
    this.#attached = [];
    this.threwAfterWrite = false;
    this.#wasRefused = false;
    const before = this.#changesSoFar;
    this.#database.exec("BEGIN");
    try {
      const value = body();
      if (this.#wasRefused) throw new Error("a write was refused, and the turn went on");
      this.#verify(verified(value));
      this.#database.exec("COMMIT");
      this.turns++;
      this.#changesSoFar = this.#totalChanges();
      this.rowsWritten += this.#changesSoFar - before;
      for (const effect of this.#pending) this.#leave(effect);
      return value;
    } catch (error) {
      this.#changesSoFar = this.#totalChanges();
      this.threwAfterWrite = this.#changesSoFar !== before;
      this.#database.exec("ROLLBACK");
      for (const [socket, data] of this.#attached.reverse()) this.#sockets.set(socket, data);
      throw error;
    } finally {
      this.#inTurn = false;
    }
  }

  /** What it keeps in memory against its rows. @throws Error that names what differs */
  verifyRows(): void {
    this.object.verify?.(true);
  }

  /** It only looks. */
  #verify(object: Turns): void {
    const pending = [...this.#pending];
    object.verify?.(false);
    this.#pending = pending;
  }

  #leave(effect: Effect): void {
    if (effect.type === "alarm") this.alarmAt = effect.at;
    if (effect.type === "send" && !this.#sockets.has(effect.socket)) return;
    if (effect.type === "close" && !this.#sockets.delete(effect.socket)) return;
    this.effects.push(effect);
  }

  #makePlatform(): Platform {
    const home = this;
    const send = (effect: Effect): void => {
      if (!home.#inTurn) throw new Error(`${effect.type} outside a turn`);
      home.#pending.push(effect);
    };
    return {
      self: this.self,
      sql: {
        exec: <R extends Row>(text: string, ...binds: SqlValue[]) => home.#exec<R>(text, binds),
        raw: (text, ...binds) => home.#raw(text, binds),
      },
      now: () => (home.#inTurn ? home.#turnNow : home.#clock()),
      random: () => home.#random(),
      setAlarm: (at) => send({ type: "alarm", at }),
      call: (to, method, args) => send({ type: "call", to, method, args: home.#clone(args) }),
      sockets: {
        send: (socket, message) => send({ type: "send", socket, message: home.#clone(message) }),
        close: (socket) => send({ type: "close", socket }),
        attach: (socket, data) => {
          if (JSON.stringify(data).length > MAX_ATTACHMENT_BYTES) throw new RangeError("attachment over 2 KB");
          if (!home.#sockets.has(socket)) return;
          home.#attached.push([socket, home.#sockets.get(socket)]);
          home.#sockets.set(socket, home.#clone(data));
        },
        list: () => [...home.#sockets].map(([id, data]) => ({ id, data: home.#clone(data) })),
      },
      get generation() {
        return home.generation;
      },
      solver: nodeSolver,
    };
  }

  #exec<R extends Row>(text: string, binds: SqlValue[]): R[] {
    checkBinds(binds);
    let prepared = this.#statements.get(text);
    if (prepared === undefined) {
      checkText(text);
      prepared = { statement: isScript(text) ? null : this.#database.prepare(text), writes: isWrite(text) };
      this.#statements.set(text, prepared);
    }
    if (prepared.writes) this.#mayWrite();
    if (prepared.statement === null) {
      if (binds.length > 0) throw new Error("binds for several statements");
      this.#database.exec(text);
      return [];
    }
    const rows = prepared.statement.all(...binds) as R[];
    this.rowsRead += rows.length;
    return rows;
  }

  #raw(text: string, binds: SqlValue[]): SqlValue[][] {
    checkBinds(binds);
    let prepared = this.#arrays.get(text);
    if (!prepared) {
      checkText(text);
      prepared = { statement: this.#database.prepare(text), writes: isWrite(text) };
      prepared.statement.setReturnArrays(true);
      this.#arrays.set(text, prepared);
    }
    if (prepared.writes) this.#mayWrite();
    const rows = prepared.statement.all(...binds) as unknown as SqlValue[][];
    this.rowsRead += rows.length;
    return rows;
  }

  /** @throws WriteRefused */
  #mayWrite(): void {
    if (!this.#inTurn || !this.refusesWrite()) return;
    this.#wasRefused = true;
    throw new WriteRefused();
  }

  #totalChanges(): number {
    return (this.#changes.get() as { n: number }).n;
  }
}

/** A home with a manual clock, for the unit tests of one object. */
export const harness = <T extends Turns>(
  build: (platform: Platform) => T,
  self: ObjectRef,
  options: Omit<ObjectHomeOptions, "self"> = {},
): ObjectHome<T> => new ObjectHome(build, { self, ...options });

function checkText(text: string): void {
  if (text.length > MAX_STATEMENT_CHARS) throw new RangeError("statement over 100 KB");
  if (TRANSACTION_WORDS.test(text)) throw new Error(`"${text.slice(0, 40)}": a turn is one transaction already`);
}

const isOf = <K extends Effect["type"]>(effect: Effect, type: K): effect is Extract<Effect, { type: K }> =>
  effect.type === type;
