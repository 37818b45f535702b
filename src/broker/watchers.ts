/**
 * Who follows the league's events, or one job's. An object that is built anew cannot know whether what it sent last has
 * left: it ends the watches of before, and who reads goes on after the newest event that it has.
 */
import type { EventView } from "../model/views.ts";
import type { SocketId, Sockets } from "../platform/seam.ts";

/** null: the whole league */
type Watch = { job: string | null };
const WATCHES = { watches: true };

export class Watchers {
  readonly #sockets: Sockets;
  readonly #watches = new Map<SocketId, Watch>();

  constructor(sockets: Sockets) {
    this.#sockets = sockets;
    for (const { id, data } of sockets.list()) if (data) sockets.close(id);
  }

  get size(): number {
    return this.#watches.size;
  }
  /** Someone looks at more than one job. */
  get seeAll(): boolean {
    return [...this.#watches.values()].some(({ job }) => job === null);
  }

  /** @param first what it has missed; @param isWhole false: there is more, and the reader asks again */
  add(socket: SocketId, job: string | null, first: readonly EventView[], isWhole: boolean): void {
    this.#watches.set(socket, { job });
    this.#sockets.attach(socket, WATCHES);
    this.#sockets.send(socket, first);
    if (!isWhole) this.#sockets.close(socket);
  }

  closed(socket: SocketId): void {
    this.#watches.delete(socket);
  }

  tell(events: readonly EventView[]): void {
    for (const [socket, { job }] of this.#watches) {
      const mine = events.filter((event) => job === null || event.job === job);
      if (mine.length > 0) this.#sockets.send(socket, mine);
    }
  }
}
