/**
 * A Broker or a Cluster in a simulated world: its rows, its clock that may jump and drift, its alarm that may be late,
 * lost or come twice, turns that fail, and its crashes, which lose memory and what was about to leave.
 */
import { Problem } from "../../../src/model/problems.ts";
import { LOST_CLOSURE, NORMAL_CLOSURE } from "../../../src/platform/objectClient.ts";
import type { ObjectRef, Platform, SocketId, Turns } from "../../../src/platform/seam.ts";
import { MOST_ALARMS_A_MINUTE } from "../invariants/checks.ts";
import { type Effect, isRefusal, ObjectHome } from "../nodeSqlite.ts";
import { shorten } from "./messages.ts";
import { ObjectTroubles } from "./objectTroubles.ts";
import type { Chance } from "./random.ts";
import { withRetries } from "./retries.ts";
import type { Timer } from "./timeline.ts";
import type { World } from "./world.ts";

export type Answer = { ok: true; value: unknown } | Failure;
interface Failure {
  ok: false;
  code: string;
  detail: string;
  /** a passing fault of the transport: who called asks again at once, whatever became of it */
  isRetryable?: true;
  /** whole, when it is one of the object's own */
  problem?: Problem;
}
export type SocketEvent = { type: "message"; message: unknown } | { type: "closed"; code: number };

/** The wall clock of everything at virtual time 0, before any of them jumps. */
export const EPOCH_MS = 1_900_000_000_000;
/** A caller is told something within this time, as the platform's adapter does. */
const CALL_TIMEOUT_MS = 30_000;
const CRASH_BEFORE_LEAVING = 0.5;
/** The platform's adapter does so. */
const FAILED_ALARM_DELAY_MS = 2_000;
const DRIFTS = 0.5;
/** Clocks of objects run up to 1 % fast or slow. */
export const MAX_OBJECT_DRIFT = 0.01;

const AWAY: Failure = { ok: false, code: "unavailable", detail: "the object is away" };
const OVERLOADED: Failure = { ok: false, code: "unavailable", detail: "the object is overloaded" };
const UNKNOWN: Failure = { ok: false, code: "unavailable", detail: "the outcome is unknown", isRetryable: true };
const INTERNAL_ERROR_CLOSURE = 1011;

export class SimObject {
  readonly name: string;
  readonly ref: ObjectRef;
  home: ObjectHome<Turns>;
  clockOffsetMs = 0;
  awayUntilMs = 0;
  /** rises when its memory is lost */
  life = 0;
  /** how often it woke on a backup: what was asked before is answered by nobody */
  restores = 0;
  /** how often it began anew with no rows at all */
  rebuilds = 0;
  /** how often its clock leapt */
  leaps = 0;
  readonly troubles: ObjectTroubles;
  /** chance that a turn is the last of this life, right after its commit */
  crashAfterTurn = 0;
  alarmLost = 0;
  alarmLate = 0;

  readonly #world: World;
  readonly #chance: Chance;
  readonly #build: (platform: Platform) => Turns;
  readonly #sockets = new Map<SocketId, (event: SocketEvent) => void>();
  /** rises with each crash: what an earlier process waited for never comes */
  #process = 0;
  readonly #clockRate: number;
  #alarm: Timer | null = null;
  #armedFor: number | null = null;

  constructor(world: World, ref: ObjectRef, build: (platform: Platform) => Turns) {
    this.ref = ref;
    this.name = ref.kind === "shelf" ? `shelf-${ref.name}` : ref.name || ref.kind;
    this.#world = world;
    this.#chance = world.chanceOf(`${ref.kind} ${ref.name}`);
    this.#build = build;
    const clock = world.chanceOf(`clock of ${this.name}`);
    const rate = clock.of(DRIFTS) ? 1 + (clock.next() * 2 - 1) * MAX_OBJECT_DRIFT : 1;
    this.#clockRate = world.season === "drifts" ? 1 + MAX_OBJECT_DRIFT / 2 : rate;
    const chance = world.chanceOf(`troubles of ${this.name}`);
    this.troubles = new ObjectTroubles(this.name, world.timeline, chance, world.happenings);
    this.home = this.#newHome(0);
    this.#settle();
  }

  #newHome(generation: number, backup?: Uint8Array): ObjectHome<Turns> {
    const home = new ObjectHome(this.#build, {
      self: this.ref,
      now: () => this.now(),
      random: this.#chance.next,
      clone: this.ref.kind === "shelf" ? structuredClone : viaJson,
      generation,
      ...(backup && { backup }),
    });
    home.refusesWrite = () => this.troubles.refusesWrite();
    return home;
  }

  /** Its own clock. */
  now(): number {
    return EPOCH_MS + Math.floor(this.#world.timeline.nowMs * this.#clockRate) + this.clockOffsetMs;
  }
  /** Virtual time at which its clock shows `at`. */
  #when(at: number): number {
    return (at - EPOCH_MS - this.clockOffsetMs) / this.#clockRate;
  }

  get isAway(): boolean {
    return this.awayUntilMs > this.#world.timeline.nowMs;
  }

  /** One call from the Worker or another object. `done` may never run: the object died with the answer. */
  call(method: string, args: unknown, done: (answer: Answer) => void): void {
    const answer = this.isAway ? AWAY : this.#execute(method, args);
    if (answer !== null) done(answer);
  }

  #execute(method: string, args: unknown): Answer | null {
    const overload = this.troubles.overload();
    if (overload === "unexecuted") return OVERLOADED;
    this.#world.rest.called(this, method);
    const answer = this.#try(`${method}`, () => this.home.call(method, args));
    if (answer.ok) this.#world.watch.answered(this, method, args, answer.value);
    if (this.#leave()) return overload === "unknown" ? UNKNOWN : answer;
    return this.troubles.isDeathHeard() ? UNKNOWN : null;
  }

  /** For assertions and for people who work next to the machine: no network, no faults. */
  ask(method: string, args: unknown): unknown {
    const value = this.troubles.spare(() => this.home.call(method, args));
    this.#settle();
    return value;
  }

  openSocket(first: unknown, on: (event: SocketEvent) => void): SocketId | null {
    const socket = this.acceptSocket(on);
    if (socket !== null) this.hear(socket, first);
    return socket;
  }
  /** Nothing was said on it yet, so the object does not know of it. */
  acceptSocket(on: (event: SocketEvent) => void): SocketId | null {
    if (this.isAway || this.troubles.overload() === "unexecuted") return null;
    const socket = this.home.openSocket();
    this.#sockets.set(socket, on);
    return socket;
  }
  /** A problem is told in place of an answer, and ends the socket, as the platform's adapter does it. */
  hear(socket: SocketId, message: unknown): void {
    const on = this.#sockets.get(socket);
    if (!on) return;
    this.#world.rest.called(this, "message");
    const answer = this.#try("message", () => this.home.message(socket, message));
    if (!this.#leave() || answer.ok) return;
    if (answer.problem) this.#later(on, { type: "message", message: { problem: answer.problem.toBody() } });
    this.#later(on, { type: "closed", code: INTERNAL_ERROR_CLOSURE });
    this.closeSocket(socket, false);
  }
  /** @param isClean its other end has gone; else it was lost */
  closeSocket(socket: SocketId, isClean = true): void {
    if (!this.#sockets.delete(socket)) return;
    this.#turn("closed", () => this.home.closeSocket(socket, isClean));
  }
  get sockets(): number {
    return this.#sockets.size;
  }

  /** Memory is lost and built anew; open sockets stay, as hibernating ones do, or are cut. */
  crash(cutSockets: boolean): void {
    this.life++;
    this.#process++;
    if (cutSockets) this.#cutSockets();
    this.#world.trace(() => `${this.name} crashes${cutSockets ? ", its sockets are cut" : ""}`);
    this.#turn("construction", () => this.home.crash());
  }

  /** Its data is gone: it begins anew with nothing. */
  rebuild(): void {
    this.rebuilds++;
    this.life++;
    this.#process++;
    this.#cutSockets();
    this.#world.trace(() => `${this.name} is rebuilt empty`);
    this.#wakeIn(this.#newHome(this.home.generation));
  }

  /** Its rows are what they once were. */
  restore(backup: Uint8Array, generation: number): void {
    this.restores++;
    this.life++;
    this.#process++;
    this.#cutSockets();
    this.#wakeIn(this.#newHome(generation, backup));
  }

  /** The operator has raised the generation, which restarts it. */
  wakeWith(generation: number): void {
    this.home.generation = generation;
    this.crash(true);
  }

  #wakeIn(home: ObjectHome<Turns>): void {
    this.home.close();
    this.home = home;
    this.#armedFor = null;
    this.#settle();
  }

  jumpClock(byMs: number): void {
    this.leaps++;
    this.clockOffsetMs += byMs;
    this.#armedFor = null;
    this.#arm();
  }

  #cutSockets(): void {
    const listeners = [...this.#sockets.values()];
    this.#sockets.clear();
    this.home.dropSockets();
    for (const on of listeners) this.#later(on, { type: "closed", code: LOST_CLOSURE });
  }

  #later(on: (event: SocketEvent) => void, event: SocketEvent): void {
    this.#world.timeline.after(1, () => on(event));
  }

  #strikes(kind: string): boolean {
    return this.#world.happenings.strikes(kind, this.name);
  }

  #turn(what: string, run: () => void): void {
    this.#try(what, run);
    this.#leave();
  }

  #try(what: string, run: () => unknown): Answer {
    this.troubles.turnBegins();
    try {
      const value = run();
      this.#world.checks.hold("turns-whole", true, () => "");
      return { ok: true, value };
    } catch (error) {
      if (isRefusal(error)) {
        // Nothing of the turn is left, and its memory went with it.
        this.life++;
        this.#world.checks.hold("turns-whole", true, () => "");
        this.#world.trace(() => `${this.name}: ${what} fails, for a write is refused`);
        return { ok: false, code: "unavailable", detail: "the turn failed" };
      }
      const problem = error instanceof Problem ? error : null;
      this.#world.checks.hold("turns-whole", problem !== null && !this.home.threwAfterWrite, () =>
        problem
          ? `${this.name}.${what} wrote, then threw ${problem.detail}`
          : `${this.name}.${what} threw ${stackOf(error)}`,
      );
      return {
        ok: false,
        code: problem?.code ?? "internal",
        detail: problem?.detail ?? "",
        ...(problem && { problem }),
      };
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
        if (on) this.#later(on, { type: "message", message: effect.message });
        return;
      }
      case "close": {
        const on = this.#sockets.get(effect.socket);
        this.#sockets.delete(effect.socket);
        if (on) this.#later(on, { type: "closed", code: NORMAL_CLOSURE });
      }
    }
  }

  #callOut(to: ObjectRef, method: string, args: unknown): void {
    const process = this.#process;
    const target = this.#world.objectOf(to);
    if (!target) return;
    const link = linkOf(this.name, target.name);
    let settled = false;
    const settle = (answer: Answer): void => {
      if (settled || this.#process !== process) return;
      settled = true;
      const outcome = answer.ok ? answer : { ok: false as const, error: answer.detail };
      this.#turn(`result of ${method}`, () => this.home.result(to, method, args, outcome));
    };
    const fail = () => settle({ ok: false, code: "unavailable", detail: "no answer" });
    const { timeline, network, wire } = this.#world;
    const ask = (done: (answer: Answer) => void): void =>
      network.send(
        link,
        () => {
          if (target.troubles.isDeaf) return;
          this.#world.trace(() => `${this.name} → ${target.name} ${method} ${shorten(method, args)}`);
          const kind = `${target.ref.kind}.${method}`;
          const heard = wire.pass(kind, this.name, target.name, args);
          target.call(method, heard, (answer) => {
            const told = answer.ok
              ? { ...answer, value: wire.pass(`${kind}.answer`, target.name, this.name, answer.value) }
              : answer;
            network.send(link, () => this.troubles.isDeaf || done(told), fail);
          });
        },
        fail,
      );
    withRetries(timeline, this.#chance, ask, settle, () => !settled && this.#process === process);
    timeline.after(CALL_TIMEOUT_MS, fail);
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
    this.#schedule(this.#when(alarmAt) + lateMs);
  }

  #schedule(atMs: number): void {
    this.#alarm = this.#world.timeline.at(atMs, () => {
      if (this.isAway) {
        this.#schedule(this.awayUntilMs);
        return;
      }
      this.#armedFor = null;
      this.#world.checks.spin(`alarms of ${this.name}`, this.#world.timeline.nowMs, MOST_ALARMS_A_MINUTE);
      this.#world.rest.called(this, "alarm");
      const { ok } = this.#try("alarm", () => this.home.fireAlarm());
      // One that must not spin, as it always fails.
      if (!ok) this.home.alarmAt = Math.max(this.home.alarmAt ?? 0, this.now() + FAILED_ALARM_DELAY_MS);
      const copyMs = ok ? this.troubles.nextCopyMs() : null;
      if (copyMs !== null) this.#world.timeline.after(copyMs, () => this.#repeatAlarm());
      this.#leave();
    });
  }

  #repeatAlarm(): void {
    if (!this.isAway) this.#turn("alarm", () => this.home.repeatAlarm());
  }
}

/** Everything between objects, the Worker and agents is JSON but the bytes of a Shelf, and this is the quickest copy of it. */
const viaJson = <V>(value: V): V => (value === undefined ? value : JSON.parse(JSON.stringify(value)));

export const linkOf = (a: string, b: string): string => [a, b].sort().join("–");

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
