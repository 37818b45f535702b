/** What tasks and offers of a framework have here, by its role and partition: kept as they come and go, for there are many. */
import type { Piece } from "../../model/framework.ts";
import { amountsOf } from "../../model/pieces.ts";
import { add, type Resources } from "../../model/resources.ts";

export interface UseSum {
  readonly role: string;
  readonly partition: string;
  readonly used: Resources;
  readonly offered: Resources;
}

/** A task's, or an offer's. */
export interface Part {
  readonly role: string;
  readonly partition: string;
  readonly pieces: readonly Piece[];
}

/** What is set aside for a role counts as such, whoever has it. */
export const unreserved = (pieces: readonly Piece[]): Piece[] => pieces.filter((one) => one.reservation === null);

export class UseSums {
  /** roles have no space */
  readonly #sums = new Map<string, UseSum>();

  of(role: string, partition: string): UseSum {
    return this.#sums.get(`${role} ${partition}`) ?? { role, partition, used: {}, offered: {} };
  }

  /** Those that are not nothing. */
  values(): Iterable<UseSum> {
    return this.#sums.values();
  }

  /** @param sign -1: it has that no more */
  change(kind: "used" | "offered", { role, partition, pieces }: Part, sign: 1 | -1): void {
    const before = this.of(role, partition);
    const after = { ...before, [kind]: nonzero(add(before[kind], amountsOf(unreserved(pieces)), sign)) };
    if (isNothing(after.used) && isNothing(after.offered)) this.#sums.delete(`${role} ${partition}`);
    else this.#sums.set(`${role} ${partition}`, after);
  }
}

const isNothing = (amounts: Resources): boolean => Object.keys(amounts).length === 0;

const nonzero = (amounts: Resources): Resources =>
  Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount !== 0));
