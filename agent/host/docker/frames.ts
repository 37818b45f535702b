/** The daemon's way to send two streams over one connection: 8 bytes that say which and how many, then those bytes. */
import type { Stream } from "../process/output.ts";

const HEAD_BYTES = 8;
const NAMES: Record<number, Stream> = { 1: "stdout", 2: "stderr" };

export interface Piece {
  stream: Stream;
  bytes: Buffer;
}

/** Takes what comes, however it is cut, and gives each stream's bytes at once. */
export class Frames {
  #head: Buffer = Buffer.alloc(0);
  #left = 0;
  #stream: Stream | null = null;

  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#left === 0) {
        const wanted = HEAD_BYTES - this.#head.length;
        this.#head = Buffer.concat([this.#head, rest.subarray(0, wanted)]);
        rest = rest.subarray(wanted);
        if (this.#head.length < HEAD_BYTES) break;
        this.#stream = NAMES[this.#head[0] ?? 0] ?? null;
        this.#left = this.#head.readUInt32BE(4);
        this.#head = Buffer.alloc(0);
        continue;
      }
      const bytes = rest.subarray(0, this.#left);
      rest = rest.subarray(bytes.length);
      this.#left -= bytes.length;
      if (this.#stream) pieces.push({ stream: this.#stream, bytes });
    }
    return pieces;
  }
}
