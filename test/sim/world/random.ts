/** Chance from a seed: every draw of the simulated world comes from here, so that a seed is a whole story. */
import { crc32 } from "node:zlib";
import { seeded } from "../../support/seeded.ts";

export class Chance {
  readonly next: () => number;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.next = seeded(seed);
  }
  /** An independent stream: what one part of the world draws does not shift the draws of another. */
  fork(): Chance {
    return new Chance(Math.floor(this.next() * 2 ** 32));
  }
  /** The same independent stream for the same name, whatever was drawn before. */
  named(name: string): Chance {
    return new Chance(this.#seed ^ crc32(name));
  }
  /** both ends included */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }
  of(probability: number): boolean {
    return this.next() < probability;
  }
  pick<T>(list: readonly T[]): T {
    const picked = list[Math.floor(this.next() * list.length)];
    if (picked === undefined) throw new RangeError("picked from an empty list");
    return picked;
  }
  /** Log-uniform: as many short ones as long ones. */
  spread(from: number, to: number): number {
    return Math.round(from * (to / from) ** this.next());
  }
}
