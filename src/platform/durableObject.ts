/**
 * The Durable Object adapter: runs each entry of an object as one synchronous turn in one transaction, and lets what
 * the turn sends leave only after the commit. (The platform's output gate holds it until the commit is on disk.)
 */
import { DurableObject } from "cloudflare:workers";
import { Problem } from "../model/problems.ts";
import { type Answer, answerOf, valueIn } from "./answer.ts";
import { countedSql } from "./countedSql.ts";
import { Counters } from "./counters.ts";
import { solver } from "./highs.ts";
import { type Namespaces, nameOf, type Purpose, refOf, stubOf } from "./namespaces.ts";
import { LOST_CLOSURE } from "./objectClient.ts";
import { ONLY_MESSAGE_HEADER } from "./objects.ts";
import { withRetries } from "./retry.ts";
import type { ObjectKind, ObjectRef, Outcome, Platform, SocketId, Turns } from "./seam.ts";
import { checkAttachment, HibernatingSockets } from "./sockets.ts";
import { type Effect, Turn } from "./turn.ts";

export interface ObjectEnv extends Namespaces {
  HANSA_GENERATION?: string;
}

/** An alarm that is overdue by this much when the object wakes is set anew: the platform may have dropped it. */
const OVERDUE_MS = 30_000;
/** After an alarm that failed, the next one comes no sooner. */
const FAILED_ALARM_DELAY_MS = 2_000;
const INTERNAL_ERROR_CLOSURE = 1011;
/** Where the object's name is kept: an alarm wakes it without one. */
const NAME_KEY = "name";

export abstract class TurnsObject extends DurableObject<ObjectEnv> {
  readonly #make: new (
    platform: Platform,
  ) => Turns;
  readonly #counters = new Counters(Date.now());
  readonly #sockets: HibernatingSockets;
  readonly #self: ObjectRef;
  readonly #platform: Platform;
  #nameIsKept: boolean;
  #object: Turns | null = null;
  #turn: Turn | null = null;
  /** what the platform holds */
  #alarmAtMs: number | null = null;

  constructor(ctx: DurableObjectState, env: ObjectEnv, kind: ObjectKind, make: new (platform: Platform) => Turns) {
    super(ctx, env);
    const keptName = ctx.storage.kv.get<string>(NAME_KEY);
    const name = ctx.id.name ?? keptName;
    if (name === undefined) throw new Error(`a ${kind} woke without its name`);
    this.#nameIsKept = keptName !== undefined;
    this.#make = make;
    this.#self = refOf(kind, name);
    this.#sockets = new HibernatingSockets(ctx);
    this.#platform = this.#platformOver(countedSql(ctx.storage.sql, this.#counters));
    void ctx.blockConcurrencyWhile(async () => {
      const alarmAtMs = await ctx.storage.getAlarm();
      this.#alarmAtMs = alarmAtMs !== null && alarmAtMs < Date.now() - OVERDUE_MS ? null : alarmAtMs;
      this.#build();
    });
  }

  /** RPC: one method of the object, as one turn. */
  invoke(method: string, args: unknown, purpose: Purpose = "work"): Answer {
    if (purpose === "metrics") this.#counters.metricsRequests++;
    else this.#counters.requests++;
    const answer = answerOf(() => this.#run((object) => object.call(method, args)));
    if (method !== "metrics" || !("value" in answer)) return answer;
    const sockets = this.ctx.getWebSockets().length;
    return { value: { ...Object(answer.value), ...this.#counters.toMetrics(), sockets } };
  }

  /** A socket. With `hansa-only-message` its other end is handed to a client, and nothing else is ever heard on it. */
  override fetch(request: Request): Response {
    this.#counters.requests++;
    if (request.headers.get("upgrade") !== "websocket") return new Response(null, { status: 426 });
    const only = request.headers.get(ONLY_MESSAGE_HEADER);
    const { id, client } = this.#sockets.accept(only !== null);
    if (only !== null) this.#hear(id, only);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, text: string | ArrayBuffer): void {
    this.#counters.messages++;
    const id = this.#sockets.idOf(socket);
    if (id !== null && typeof text === "string" && !this.#sockets.isDeaf(socket)) this.#hear(id, text);
  }

  #hear(id: SocketId, text: string): void {
    try {
      this.#run((object) => object.message(id, JSON.parse(text)));
    } catch (error) {
      if (error instanceof Problem) this.#sockets.send(id, JSON.stringify({ problem: error.toBody() }));
      else console.error(`${nameOf(this.#self)}: message failed`, error);
      this.#sockets.close(id, INTERNAL_ERROR_CLOSURE);
      this.#tryTurn("close", (object) => object.closed(id, false));
    }
  }

  override webSocketClose(socket: WebSocket, code: number, _reason: string, wasClean: boolean): void {
    this.#closed(socket, wasClean && code !== LOST_CLOSURE);
  }

  override webSocketError(socket: WebSocket): void {
    this.#closed(socket, false);
  }

  #closed(socket: WebSocket, isClean: boolean): void {
    const id = this.#sockets.idOf(socket);
    if (id === null) return;
    this.#sockets.forget(id);
    this.#tryTurn("close", (object) => object.closed(id, isClean));
  }

  override alarm(): void {
    this.#counters.alarms++;
    this.#alarmAtMs = null;
    const done = this.#tryTurn("alarm", (object) => object.alarm());
    // Its constructor may have asked for a time that is past; alarms that always fail must not spin.
    if (!done) this.#setAlarm(Math.max(this.#alarmAtMs ?? 0, Date.now() + FAILED_ALARM_DELAY_MS));
  }

  #tryTurn(what: string, entry: (object: Turns) => void): boolean {
    try {
      this.#run(entry);
      return true;
    } catch (error) {
      console.error(`${nameOf(this.#self)}: ${what} failed`, error);
      return false;
    }
  }

  #run<T>(entry: (object: Turns) => T): T {
    const object = this.#object ?? this.#build();
    const written = this.#counters.rowsWritten;
    try {
      return this.#commit(() => entry(object));
    } catch (error) {
      // What the object remembers may now differ from its rows.
      if (!(error instanceof Problem) || this.#counters.rowsWritten !== written) {
        this.#object = null;
        this.#build();
      }
      throw error;
    }
  }

  #build(): Turns {
    const object = this.#commit(() => new this.#make(this.#platform));
    this.#object = object;
    return object;
  }

  #commit<T>(body: () => T): T {
    const turn = new Turn(Date.now());
    const written = this.#counters.rowsWritten;
    this.#counters.turns++;
    this.#turn = turn;
    let value: T;
    try {
      value = this.ctx.storage.transactionSync(body);
    } finally {
      this.#turn = null;
    }
    if (this.#counters.rowsWritten !== written || turn.effects.length > 0) this.#keepName();
    for (const effect of turn.effects) this.#perform(effect);
    if (turn.alarmAtMs !== undefined) this.#setAlarm(turn.alarmAtMs);
    return value;
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "send":
        this.#sockets.send(effect.socket, effect.text);
        break;
      case "attach":
        this.#sockets.attach(effect.socket, effect.data);
        break;
      case "close":
        this.#sockets.close(effect.socket);
        break;
      case "call":
        void this.#call(effect);
    }
  }

  /** The outcome comes back as a turn of its own. */
  async #call({ to, method, args }: Extract<Effect, { type: "call" }>): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = { ok: true, value: valueIn(await withRetries(() => stubOf(this.env, to).invoke(method, args))) };
    } catch (error) {
      outcome = { ok: false, error: error instanceof Problem ? `${error.code}: ${error.detail}` : String(error) };
    }
    this.#tryTurn(`result of ${method}`, (object) => object.result(to, method, args, outcome));
  }

  /** Each change is billed as a row. */
  #setAlarm(atMs: number | null): void {
    if (atMs === this.#alarmAtMs) return;
    this.#alarmAtMs = atMs;
    this.#counters.rowsWritten++;
    this.#keepName();
    void (atMs === null ? this.ctx.storage.deleteAlarm() : this.ctx.storage.setAlarm(atMs));
  }

  #keepName(): void {
    if (this.#nameIsKept) return;
    this.#nameIsKept = true;
    this.#counters.rowsWritten++;
    this.ctx.storage.kv.put(NAME_KEY, nameOf(this.#self));
  }

  #platformOver(sql: Platform["sql"]): Platform {
    const current = (): Turn => {
      if (this.#turn === null) throw new Error("outside a turn");
      return this.#turn;
    };
    return {
      self: this.#self,
      sql,
      generation: Number(this.env.HANSA_GENERATION ?? 0),
      solver,
      now: () => current().nowMs,
      random: Math.random,
      setAlarm: (atMs) => {
        current().alarmAtMs = atMs;
      },
      call: (to, method, args) => void current().effects.push({ type: "call", to, method, args }),
      sockets: {
        send: (socket, message) => void current().effects.push({ type: "send", socket, text: JSON.stringify(message) }),
        close: (socket) => void current().effects.push({ type: "close", socket }),
        attach: (socket, data) => {
          checkAttachment(data);
          current().effects.push({ type: "attach", socket, data });
        },
        list: () => current().overlay(this.#sockets.list()),
      },
    };
  }
}
