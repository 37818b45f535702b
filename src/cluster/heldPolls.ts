/** Polls that are kept until there is something to say: by node, and by the socket that is to hear it. */
import type { SocketId } from "../platform/seam.ts";

/** What stays of a poll until it is answered. */
export interface OpenPoll {
  node: string;
  session: number;
  seq: number;
  /** absent: an earlier version wrote it down */
  nonce?: string;
  /** by this object's clock */
  heardAt: number;
  /** so long it is held at most */
  waitS: number;
  /** nothing ran there, is left to tell or keeps it from work, and it was not called: it may rest if nothing is given to it */
  mayRest: boolean;
}

export class HeldPolls {
  readonly #polls = new Map<string, OpenPoll>();
  readonly #sockets = new Map<string, SocketId>();
  readonly #nodes = new Map<SocketId, string>();
  readonly #changed: (node: string) => void;

  /** @param changed told of each node that is heard or not heard any more */
  constructor(changed: (node: string) => void) {
    this.#changed = changed;
  }

  /** By node. */
  get polls(): ReadonlyMap<string, OpenPoll> {
    return this.#polls;
  }

  get size(): number {
    return this.#polls.size;
  }

  /** With that of a node that polls right now. */
  pollsAnd(polling: OpenPoll | null): Pick<ReadonlyMap<string, OpenPoll>, "get" | "has"> {
    if (polling === null) return this.#polls;
    return {
      get: (node) => (node === polling.node ? polling : this.#polls.get(node)),
      has: (node) => node === polling.node || this.#polls.has(node),
    };
  }

  set(socket: SocketId, poll: OpenPoll): void {
    this.take(poll.node);
    this.#polls.set(poll.node, poll);
    this.#sockets.set(poll.node, socket);
    this.#nodes.set(socket, poll.node);
    this.#changed(poll.node);
  }

  /** Ends the hold. @returns where its answer goes; null: there was none */
  take(node: string): SocketId | null {
    const socket = this.#sockets.get(node);
    if (socket === undefined) return null;
    this.#polls.delete(node);
    this.#sockets.delete(node);
    this.#nodes.delete(socket);
    this.#changed(node);
    return socket;
  }

  closed(socket: SocketId): void {
    const node = this.#nodes.get(socket);
    if (node !== undefined) this.take(node);
  }
}
