/**
 * One isolate of the Worker: it reaches objects by the real client, over calls that may fail on either way and sockets
 * that may be lost. When it is evicted all that it waited for is nothing: its requests fail, its sockets are cut.
 */
import type { Answer as RpcAnswer } from "../../../src/platform/answer.ts";
import { type Namespaces, type ObjectNamespace, type ObjectStub, refOf } from "../../../src/platform/namespaces.ts";
import { type Method, NORMAL_CLOSURE, type ObjectClient } from "../../../src/platform/objectClient.ts";
import { objectClient } from "../../../src/platform/objects.ts";
import type { ObjectKind, ObjectRef, SocketId } from "../../../src/platform/seam.ts";
import type { Chance } from "./random.ts";
import type { Answer, SimObject } from "./simObject.ts";
import { WORKER } from "./wire.ts";
import type { World } from "./world.ts";

/** Inside the platform so much less is lost than between it and an agent. */
const CALMER = 1 / 5;
const NEAR_MS = 3;
/** The caller is told of a call that was lost at once, or so late. */
const SILENT_MS = 20_000;
const LONGEST_SOCKET_MS = 60_000;
/** An object hears of a socket that was lost within this. */
const LATEST_CLOSE_MS = 120_000;
const CLOSED_AT_ONCE = 0.9;
const LOST_SOCKET_CODE = 1006;

type Listener = (event: { data?: string; code?: number }) => void;

export class Isolate {
  isGone = false;
  readonly #world: World;
  readonly #chances: Map<string, Chance>;
  readonly #sockets = new Set<WorkerSocket>();
  readonly #namespaces: Namespaces;

  /** @param chances by object, of all isolates: what befalls one object shifts nothing of another */
  constructor(world: World, chances: Map<string, Chance>) {
    this.#world = world;
    this.#chances = chances;
    const of = (kind: ObjectKind): ObjectNamespace => ({ getByName: (name) => this.#stub(refOf(kind, name)) });
    this.#namespaces = {
      BROKER: of("broker"),
      CLUSTER: of("cluster"),
      FRAMEWORK: of("framework"),
      SHELF: of("shelf"),
    };
  }

  client<Methods extends { [K in keyof Methods]: Method }>({ ref }: SimObject): ObjectClient<Methods> {
    return objectClient<Methods>(this.#namespaces, ref);
  }

  /** those that are open on this side */
  get sockets(): number {
    return this.#sockets.size;
  }

  evict(): void {
    this.isGone = true;
    for (const socket of this.#sockets) socket.cut();
  }

  #stub(ref: ObjectRef): ObjectStub {
    const object = this.#world.objectOf(ref);
    if (!object) throw new Error(`no ${ref.kind} ${ref.name}`);
    return {
      invoke: (method, args) =>
        this.#ask(object, (back, failed) => {
          let answer: Answer | null = null;
          const { wire } = this.#world;
          const kind = `${ref.kind}.${method}`;
          object.call(method, wire.pass(kind, WORKER, object.name, args), (told) => {
            answer = told.ok ? { ...told, value: wire.pass(`${kind}.answer`, object.name, WORKER, told.value) } : told;
          });
          const outcome = outcomeOf(answer);
          if (outcome instanceof ObjectFault) failed(outcome);
          else back(outcome);
        }),
      fetch: () =>
        this.#ask<Response>(object, (back, failed) => {
          const socket = new WorkerSocket(this.#world, object, this.#chanceOf(object), () => this.isGone);
          if (!socket.isOpen) return failed(new ObjectFault("the object takes no socket", true));
          this.#sockets.add(socket);
          socket.onOver = () => this.#sockets.delete(socket);
          // Of a response only the socket is used.
          back({ status: 101, webSocket: socket } as unknown as Response, () => socket.cut());
        }),
    };
  }

  /** There and back; what is lost on the way fails so that it may be tried again, whether or not it arrived. */
  #ask<T>(
    object: SimObject,
    at: (back: (value: T, dropped?: () => void) => void, failed: (fault: ObjectFault) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (run: () => void): void => {
        if (this.isGone) return;
        run();
        this.#world.timeline.settled();
      };
      const fail = (fault = new ObjectFault("the connection is lost")) => settle(() => reject(fault));
      this.#hop(
        object,
        () =>
          at(
            (value, dropped = () => {}) => {
              const lost = (): void => {
                dropped();
                fail();
              };
              this.#hop(object, () => settle(() => resolve(value)), lost);
            },
            (fault) => this.#hop(object, () => fail(fault), fail),
          ),
        fail,
      );
    });
  }

  #hop(object: SimObject, arrive: () => void, lost: () => void): void {
    const { network, timeline, happenings } = this.#world;
    const chance = this.#chanceOf(object);
    const nearMs = 1 + chance.int(0, NEAR_MS);
    if (chance.of(network.weather.lost * CALMER) && happenings.strikes("call-lost", object.name))
      timeline.after(chance.of(0.5) ? nearMs : SILENT_MS, lost);
    else timeline.after(nearMs, arrive);
  }

  #chanceOf(object: SimObject): Chance {
    let chance = this.#chances.get(object.name);
    if (!chance) {
      chance = this.#world.chanceOf(`worker to ${object.name}`);
      this.#chances.set(object.name, chance);
    }
    return chance;
  }
}

/** The Worker's end of a socket to an object: messages come in order and whole, until it is lost, perhaps silently. */
class WorkerSocket {
  readonly #world: World;
  readonly #object: SimObject;
  readonly #chance: Chance;
  readonly #isDeaf: () => boolean;
  readonly #listeners = new Map<string, Listener[]>();
  onOver: () => void = () => {};
  /** what it was opened for */
  #says = "";
  #id: SocketId | null;

  constructor(world: World, object: SimObject, chance: Chance, isDeaf: () => boolean) {
    this.#world = world;
    this.#object = object;
    this.#chance = chance;
    this.#isDeaf = isDeaf;
    this.#id = object.acceptSocket((event) => {
      if (event.type === "message") this.#hear(event.message);
      else this.#over(event.code);
    });
    const { network, happenings, timeline } = world;
    if (this.#id !== null && chance.of(network.weather.lost * CALMER) && happenings.strikes("socket-lost", object.name))
      timeline.after(chance.spread(10, LONGEST_SOCKET_MS), () => {
        if (world.faulty) this.#lose();
      });
  }

  get isOpen(): boolean {
    return this.#id !== null;
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }
  accept(): void {}
  send(text: string): void {
    const id = this.#id;
    if (id === null) return;
    const said: unknown = JSON.parse(text);
    this.#says = whatIsSaid(said);
    const message = this.#world.wire.pass(`socket.${this.#says}`, WORKER, this.#object.name, said);
    this.#world.timeline.after(1, () => this.#object.hear(id, message));
  }
  #hear(message: unknown): void {
    const kind = `socket.${this.#says}.answer`;
    const heard = this.#world.wire.pass(kind, this.#object.name, WORKER, message);
    this.#tell("message", { data: JSON.stringify(heard) });
  }
  close(code: number): void {
    if (this.#id === null) return;
    this.#tellObject(this.#chance.of(CLOSED_AT_ONCE), code === NORMAL_CLOSURE);
    this.#over(code);
  }

  /** Its isolate is no more, or never had it. */
  cut(): void {
    this.#tellObject(this.#chance.of(0.5), false);
    this.#id = null;
    this.onOver();
  }

  /** One end hears of it, or both do, or neither does for long. */
  #lose(): void {
    if (this.#id === null) return;
    const isHeardHere = this.#chance.of(0.5);
    this.#tellObject(this.#chance.of(0.5), false);
    if (isHeardHere) this.#over(LOST_SOCKET_CODE);
    else {
      this.#id = null;
      this.onOver();
    }
  }

  #tellObject(atOnce: boolean, isClean: boolean): void {
    const id = this.#id;
    if (id === null) return;
    const afterMs = atOnce ? 1 : this.#chance.spread(10, LATEST_CLOSE_MS);
    this.#world.timeline.after(afterMs, () => this.#object.closeSocket(id, isClean));
  }

  #over(code: number): void {
    this.#id = null;
    this.onOver();
    this.#tell("close", { code });
  }

  #tell(type: string, event: Parameters<Listener>[0]): void {
    if (this.#isDeaf() || (type === "message" && this.#id === null)) return;
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
    this.#world.timeline.settled();
  }
}

/** The one word of a first message. */
const whatIsSaid = (message: unknown): string => Object.keys(message as object)[0] ?? "";

/** What the platform throws when a call fails: a turn that did, or an object that was not reached. */
export class ObjectFault extends Error {
  readonly retryable: boolean;
  readonly overloaded: boolean;

  constructor(message: string, overloaded = false, retryable = true) {
    super(message);
    this.retryable = retryable;
    this.overloaded = overloaded;
  }
}

/** @param answer null: it died with the answer */
function outcomeOf(answer: Answer | null): RpcAnswer | ObjectFault {
  if (answer === null) return new ObjectFault("the object was reset");
  if (answer.ok) return { value: answer.value };
  const { problem } = answer;
  if (!problem) return new ObjectFault(answer.detail, false, answer.isRetryable === true);
  const { retryAfterS } = problem.extra;
  return { problem: problem.toBody(), ...(retryAfterS !== undefined && { retryAfterS }) };
}
