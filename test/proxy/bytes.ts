/** What comes from a socket, read piece by piece; what was read too far can be given back. */
import type { Socket } from "node:net";

export class Bytes {
  readonly #pieces: AsyncIterator<Buffer>;
  #rest: Buffer | null = null;

  constructor(socket: Socket) {
    // An error is told to whoever reads; one that comes while nobody does ends the iterator just as well.
    socket.on("error", () => {});
    this.#pieces = socket.iterator({ destroyOnReturn: false });
  }

  /** @returns null at the end @throws when the connection broke */
  async next(): Promise<Buffer | null> {
    const rest = this.#rest;
    this.#rest = null;
    if (rest) return rest;
    const { value, done } = await this.#pieces.next();
    return done ? null : value;
  }

  giveBack(rest: Buffer): void {
    this.#rest = rest;
  }
}
