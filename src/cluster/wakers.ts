/**
 * Nodes with a wake socket. One that rests polls seldom, because it would be called; it is called once for what it is
 * wanted for, and then expected to poll soon.
 */
import type { SocketId, Sockets } from "../platform/seam.ts";
import { MAX_WAIT_S } from "../protocol/limits.ts";
import { Candidates } from "./candidates.ts";
import type { ClusterMemory } from "./memory.ts";
import { WAKEABLE_POLL_MS } from "./poll.ts";
import { CLOCKS_APART } from "./rules.ts";
import type { NodeState } from "./state.ts";

/** Within this a node polls that was called, or whose last socket was lost. */
const SOON_MS = MAX_WAIT_S * 1000;
/** How many are called first when another node falls silent. */
const PROBES = 2;

/** What a wake socket's attachment says. */
export interface WakeAttachment {
  wake: string;
}

export class Wakers {
  readonly #memory: ClusterMemory;
  readonly #sockets: Sockets;
  readonly #byNode = new Map<string, Set<SocketId>>();
  readonly #bySocket = new Map<SocketId, string>();
  readonly #asleep = new Candidates<string>(
    (name) => this.#byNode.has(name) && this.#memory.nodes.get(name)?.rest === "asleep",
  );
  readonly #called = new Candidates<string>((name) => this.#memory.nodes.get(name)?.rest === "called");

  constructor(memory: ClusterMemory, sockets: Sockets) {
    this.#memory = memory;
    this.#sockets = sockets;
  }

  has(node: string): boolean {
    return this.#byNode.has(node);
  }

  add(socket: SocketId, name: string): void {
    this.#keep(socket, name);
    this.#sockets.attach(socket, { wake: name } satisfies WakeAttachment);
    // It may have been called by a socket that was dead.
    const node = this.#memory.nodes.get(name);
    if (node?.rest !== "called") return;
    node.rest = "asleep";
    this.#asleep.add(name);
    this.#memory.touch(name);
  }

  /** After the object was rebuilt: a node that runs nothing was perhaps told to rest. */
  recall(socket: SocketId, name: string, now: number): void {
    this.#keep(socket, name);
    const node = this.#memory.nodes.get(name);
    if (!node || [...this.#memory.liveOn(name)].length > 0) return;
    this.letRest(node, now);
    if (node.inventory === null) this.call(name, now);
  }

  #keep(socket: SocketId, name: string): void {
    const sockets = this.#byNode.get(name) ?? new Set();
    this.#byNode.set(name, sockets.add(socket));
    this.#bySocket.set(socket, name);
    this.#asleep.add(name);
    this.#memory.touch(name);
  }

  closed(socket: SocketId, now: number): void {
    const name = this.#bySocket.get(socket);
    if (name === undefined) return;
    this.#bySocket.delete(socket);
    const sockets = this.#byNode.get(name);
    if (sockets?.delete(socket) && sockets.size === 0) this.#lost(name, now);
  }

  /** The node was removed: it hears of that when it polls. */
  dismiss(name: string, now: number): void {
    for (const socket of this.#byNode.get(name) ?? []) {
      this.#sockets.close(socket);
      this.#bySocket.delete(socket);
    }
    this.#lost(name, now);
  }

  /** Nobody is to be called any more. */
  dismissAll(now: number): void {
    for (const name of [...this.#byNode.keys()]) this.dismiss(name, now);
  }

  #lost(name: string, now: number): void {
    this.#byNode.delete(name);
    this.#memory.touch(name);
    const node = this.#memory.nodes.get(name);
    if (!node || node.rest === "awake") return;
    node.rest = "awake";
    expectSoon(node, now);
  }

  /** It was told to poll again after a long time. Nothing runs on it: its silence decides nothing. */
  letRest(node: NodeState, now: number): void {
    node.rest = "asleep";
    node.expectMs = now - node.seenAt + WAKEABLE_POLL_MS * (1 + CLOCKS_APART);
    this.#asleep.add(node.name);
    this.#memory.touch(node.name);
  }

  call(name: string, now: number): void {
    const node = this.#memory.nodes.get(name);
    if (node?.rest !== "asleep") return;
    for (const socket of this.#byNode.get(name) ?? []) this.#sockets.send(socket, { wake: true });
    node.rest = "called";
    this.#called.add(name);
    this.#memory.touch(name);
    expectSoon(node, now);
  }

  /**
   * One that runs nothing is late: by a clock that leapt, it may be, or since an old copy of a poll hid that it rests. It
   * is called before it is taken for silent.
   *
   * @returns false: nobody can call it, or it was called in vain
   */
  ask(node: NodeState, now: number): boolean {
    const { name, isSilent, removed, rest } = node;
    if (isSilent || removed || rest === "called" || !this.#byNode.has(name) || isBusy(this.#memory, name)) return false;
    node.rest = "asleep";
    this.call(name, now);
    node.expectMs = now - node.seenAt + SOON_MS;
    return true;
  }

  /**
   * A node that fell silent may have lost its link with all others: some of those that rest are called, and while they
   * don't come twice as many, so that nobody counts on nodes that are cut off.
   *
   * @param isNew a node has just fallen silent
   */
  probe(isNew: boolean, now: number): void {
    if (this.#byNode.size === 0 || this.#memory.silences.size === 0) return;
    const nodes = [...this.#memory.nodes.values()];
    const missing = nodes.filter((node) => node.rest === "called" && !this.#memory.isSuspect(node, now)).length;
    const wanted = Math.max(isNew ? PROBES : 0, 2 * missing);
    for (const { name } of nodes.filter(({ rest }) => rest === "asleep").slice(0, wanted)) this.call(name, now);
  }

  /** How many were called and have not come. */
  get called(): number {
    let called = 0;
    for (const _ of this.#called) called += 1;
    return called;
  }

  get someSleep(): boolean {
    return this.#asleep.hasAny();
  }
}

function isBusy(memory: ClusterMemory, name: string): boolean {
  for (const _ of memory.liveOn(name)) return true;
  return false;
}

function expectSoon(node: NodeState, now: number): void {
  node.expectMs = Math.min(node.expectMs, now - node.seenAt + SOON_MS);
}
