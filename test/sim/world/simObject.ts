/**
 * A Broker or a Cluster in a simulated world: its rows, its clock that may jump, its alarm that may be late or lost,
 * and its crashes, which lose memory and what was about to leave.
 */
import { Problem } from "../../../src/model/problems.ts";
import type { ObjectRef, Platform, SocketId, Turns } from "../../../src/platform/seam.ts";
import { type Effect, ObjectHome } from "../nodeSqlite.ts";
import { shorten } from "./messages.ts";
import type { Chance } from "./random.ts";
import type { Timer } from "./timeline.ts";
import type { World } from "./world.ts";

export type Answer = { ok: true; value: unknown } | { ok: false; code: string; detail: string };
export type SocketEvent = { type: "message"; message: unknown } | { type: "closed" };

/** The wall clock of every object at virtual time 0, before it jumps. */
const EPOCH_MS = 1_900_000_000_000;
/** A caller is told something within this time, as the platform's adapter does. */
const CALL_TIMEOUT_MS = 30_000;
const CRASH_BEFORE_LEAVING = 0.5;

export class SimObject {
  readonly name: string;
  readonly ref: ObjectRef;
  home: ObjectHome<Turns>;
  clockOffsetMs = 0;
  awayUntilMs = 0;
  /** rises with each crash: what an earlier life waited for never comes */
  life = 0;
  /** chance that a turn is the last of this life, right after its commit */
  crashAfterTurn = 0;
  alarmLost = 0;
  alarmLate = 0;

  readonly #world: World;
  readonly #chance: Chance;
  readonly #build: (platform: Platform) => Turns;
  readonly #sockets = new Map<SocketId, (event: SocketEvent) => void>();
  #alarm: Timer | null = null;
  #armedFor: number | null = null;

  constructor(world: World, ref: ObjectRef, build: (platform: Platform) => Turns) {
    this.ref = ref;
    this.name = ref.name || ref.kind;
    this.#world = world;
    this.#chance = world.chanceOf(`${ref.kind} ${ref.name}`);
    this.#build = build;
    this.home = this.#newHome(0);
    this.#settle();
  }

  #newHome(generation: number, backup?: Uint8Array): ObjectHome<Turns> {
    return new ObjectHome(this.#build, {
      self: this.ref,
      now: () => this.now(),
      random: this.#chance.next,
      clone: viaJson,
      generation,
      ...(backup && { backup }),
    });
  }

  /** Its own clock. */
  now(): number {
    return EPOCH_MS + this.#world.timeline.nowMs + this.clockOffsetMs;
  }

  get isAway(): boolean {
    return this.awayUntilMs > this.#world.timeline.nowMs;
  }

  /** One call from the Worker or another object. `done` may never run: the object died with the answer. */
  call(method: string, args: unknown, done: (answer: Answer) => void): void {
    if (this.isAway) {
      done({ ok: false, code: "unavailable", detail: "the object is away" });
      return;
    }
    const answer = this.#try(`${method}`, () => this.home.call(method, args));
    if (answer.ok) this.#world.watch.answered(this, method, args, answer.value);
    if (this.#leave()) done(answer);
  }

  /** For assertions and for people who work next to the machine: no network, no faults. */
  ask(method: string, args: unknown): unknown {
    const value = this.home.call(method, args);
    this.#settle();
    return value;
  }

  openSocket(first: unknown, on: (event: SocketEvent) => void): SocketId | null {
    if (this.isAway) return null;
    const socket = this.home.openSocket();
    this.#sockets.set(socket, on);
    this.#turn("message", () => this.home.message(socket, first));
    return socket;
  }
  closeSocket(socket: SocketId): void {
    if (!this.#sockets.delete(socket)) return;
    this.#turn("closed", () => this.home.closeSocket(socket));
  }

  /** Memory is lost and built anew; open sockets stay, as hibernating ones do, or are cut. */
  crash(cutSockets: boolean): void {
    this.life++;
    if (cutSockets) this.#cutSockets();
    this.#world.trace(() => `${this.name} crashes${cutSockets ? ", its sockets are cut" : ""}`);
    this.#turn("construction", () => this.home.crash());
  }

  /** Its data is gone: it begins anew with nothing. */
  rebuild(): void {
    this.life++;
    this.#cutSockets();
    this.#world.trace(() => `${this.name} is rebuilt empty`);
    this.home.close();
    this.home = this.#newHome(0);
    this.#armedFor = null;
    this.#settle();
  }

  jumpClock(byMs: number): void {
    this.clockOffsetMs += byMs;
    this.#armedFor = null;
    this.#arm();
  }

  #cutSockets(): void {
    const listeners = [...this.#sockets.values()];
    this.#sockets.clear();
    this.home.dropSockets();
    for (const on of listeners) this.#world.timeline.after(1, () => on({ type: "closed" }));
  }

  #strikes(kind: string): boolean {
    return this.#world.happenings.strikes(kind, this.name);
  }

  #turn(what: string, run: () => void): void {
    this.#try(what, run);
    this.#leave();
  }

  #try(what: string, run: () => unknown): Answer {
    try {
      const value = run();
      this.#world.checks.hold("turns-whole", true, () => "");
      return { ok: true, value };
    } catch (error) {
      const problem = error instanceof Problem ? error : null;
      this.#world.checks.hold("turns-whole", problem !== null && !this.home.threwAfterWrite, () =>
        problem
          ? `${this.name}.${what} wrote, then threw ${problem.detail}`
          : `${this.name}.${what} threw ${stackOf(error)}`,
      );
      return { ok: false, code: problem?.code ?? "internal", detail: problem?.detail ?? "" };
    }
  }

  /** After a turn: its effects leave, or the object dies first. @returns false when it died with them */
  #leave(): boolean {
    if (this.crashAfterTurn > 0 && this.#chance.of(this.crashAfterTurn) && this.#strikes(`${this.ref.kind}-crash`)) {
      if (this.#chance.of(CRASH_BEFORE_LEAVING)) {
        this.home.takeEffects();
        this.crash(this.#chance.of(0.5));
        return false;
      }
      this.#settle();
      this.crash(this.#chance.of(0.5));
      return true;
    }
    this.#settle();
    return true;
  }

  #settle(): void {
    for (const effect of this.home.takeEffects()) this.#perform(effect);
    this.#arm();
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "alarm":
        return;
      case "call":
        this.#callOut(effect.to, effect.method, effect.args);
        return;
      case "send": {
        this.#world.watch.sent(this, effect.message);
        const on = this.#sockets.get(effect.socket);
        if (on) this.#world.timeline.after(1, () => on({ type: "message", message: effect.message }));
        return;
      }
      case "close": {
        const on = this.#sockets.get(effect.socket);
        this.#sockets.delete(effect.socket);
        if (on) this.#world.timeline.after(2, () => on({ type: "closed" }));
      }
    }
  }

  #callOut(to: ObjectRef, method: string, args: unknown): void {
    const { life } = this;
    const target = this.#world.objectOf(to);
    if (!target) return;
    const link = linkOf(this.name, target.name);
    let settled = false;
    const settle = (answer: Answer): void => {
      if (settled || this.life !== life) return;
      settled = true;
      const outcome = answer.ok ? answer : { ok: false as const, error: answer.detail };
      this.#turn(`result of ${method}`, () => this.home.result(to, method, args, outcome));
    };
    const fail = () => settle({ ok: false, code: "unavailable", detail: "no answer" });
    this.#world.network.send(
      link,
      () => {
        this.#world.trace(() => `${this.name} → ${target.name} ${method} ${shorten(method, args)}`);
        target.call(method, args, (answer) => this.#world.network.send(link, () => settle(answer), fail));
      },
      fail,
    );
    this.#world.timeline.after(CALL_TIMEOUT_MS, fail);
  }

  #arm(): void {
    const { alarmAt } = this.home;
    if (alarmAt === this.#armedFor) return;
    this.#armedFor = alarmAt;
    if (this.#alarm) this.#alarm.cancelled = true;
    if (alarmAt === null) return;
    if (this.alarmLost > 0 && this.#chance.of(this.alarmLost) && this.#strikes("alarm-lost")) {
      this.home.alarmAt = null;
      this.#armedFor = null;
      return;
    }
    let lateMs = 0;
    if (this.alarmLate > 0 && this.#chance.of(this.alarmLate) && this.#strikes("alarm-late")) {
      lateMs = this.#chance.spread(10, 60_000);
    }
    this.#schedule(alarmAt - EPOCH_MS - this.clockOffsetMs + lateMs);
  }

  #schedule(atMs: number): void {
    this.#alarm = this.#world.timeline.at(atMs, () => {
      if (this.isAway) {
        this.#schedule(this.awayUntilMs);
        return;
      }
      this.#armedFor = null;
      this.#world.checks.spin(`alarms of ${this.name}`, this.#world.timeline.nowMs);
      this.#turn("alarm", () => this.home.fireAlarm());
    });
  }
}

/** Everything between objects, the Worker and agents is JSON, and this is the quickest copy of it. */
const viaJson = <V>(value: V): V => (value === undefined ? value : JSON.parse(JSON.stringify(value)));

export const linkOf = (a: string, b: string): string => [a, b].sort().join("–");

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
