/**
 * Where the last round ended, by keys, so that the next may start there although partitions, rows and classes came,
 * went or changed. What no longer matches is only a worse start.
 */
import type { Columns } from "./columns.ts";
import type { Prices } from "./lagrangian.ts";
import { AT_LOWER, AT_UPPER, BASIC, type LpBasis } from "./lp.ts";
import type { AssignProblem } from "./problem.ts";
import type { Restricted } from "./restricted.ts";

interface WarmPlace {
  /** by resource */
  prices: Float64Array;
  bounds: Float64Array;
  overdraftStatus: Uint8Array;
  rowStatus: Uint8Array;
}

interface WarmClass {
  rowStatus: number;
  /** keys of the columns that were basic */
  basic: Set<string>;
}

export interface AssignWarm {
  places: Map<string, WarmPlace>;
  /** those that were open */
  classes: Map<string, WarmClass>;
}

/** Per bounded amount. */
const FEW_CLASSES = 20;
/** Of what the bounds are worth. */
const LITTLE = 5e-3;

/** Partitions and rows have names of their own. */
const placeKeys = ({ partitions, rows }: AssignProblem): string[] => [
  ...partitions.map(({ key }) => `partition ${key}`),
  ...rows.map(({ key }) => `row ${key}`),
];

/** A class may have several columns in one partition, which count in different rows. */
function columnKey({ partition, firstRow, rows }: Columns, keys: readonly string[], column: number): string {
  let key = keys[partition[column] ?? 0] ?? "";
  for (let i = firstRow[column] ?? 0; i < (firstRow[column + 1] ?? 0); i++) key += ` ${keys[rows[i] ?? 0]}`;
  return key;
}

export function warmOf(problem: AssignProblem, lp: Restricted, prices: Prices): AssignWarm {
  const { columns, bounded, open, chosen, basis } = lp;
  const { resources, classOf } = columns;
  const keys = placeKeys(problem);
  const places = new Map<string, WarmPlace>();
  keys.forEach((key, place) => {
    places.set(key, {
      prices: prices.slice(place * resources, (place + 1) * resources),
      bounds: columns.bound.slice(place * resources, (place + 1) * resources),
      overdraftStatus: new Uint8Array(resources),
      rowStatus: new Uint8Array(resources).fill(BASIC),
    });
  });
  const classes = new Map<string, WarmClass>();
  if (!basis) return { places, classes };
  bounded.forEach((k, row) => {
    const place = places.get(keys[Math.floor(k / resources)] ?? "");
    if (!place) return;
    place.overdraftStatus[k % resources] = basis.columns[row] ?? AT_LOWER;
    place.rowStatus[k % resources] = basis.rows[row] ?? BASIC;
  });
  open.forEach((each, index) => {
    const rowStatus = basis.rows[bounded.length + index] ?? BASIC;
    classes.set(problem.classes[each]?.key ?? "", { rowStatus, basic: new Set() });
  });
  chosen.forEach((column, index) => {
    if (basis.columns[bounded.length + index] !== BASIC) return;
    const kept = classes.get(problem.classes[classOf[column] ?? 0]?.key ?? "");
    kept?.basic.add(columnKey(columns, keys, column));
  });
  return { places, classes };
}

export function warmPrices(warm: AssignWarm, problem: AssignProblem, { bound, resources }: Columns): Prices {
  const prices = new Float64Array(bound.length);
  placeKeys(problem).forEach((key, place) => {
    warm.places.get(key)?.prices.forEach((price, r) => {
      const k = place * resources + r;
      if (r < resources && Number.isFinite(bound[k] ?? 0)) prices[k] = price;
    });
  });
  return prices;
}

/** The basis that an earlier round ended with, read for another problem. */
export class WarmBasis {
  readonly #warm: AssignWarm;
  readonly #columns: Columns;
  readonly #keys: string[];
  /** by class of this problem that was open */
  readonly #classes: (WarmClass | undefined)[];

  constructor(warm: AssignWarm, problem: AssignProblem, columns: Columns) {
    this.#warm = warm;
    this.#columns = columns;
    this.#keys = placeKeys(problem);
    this.#classes = problem.classes.map(({ key }) => warm.classes.get(key));
  }

  /**
   * Whether to go on from it. Where a few bounds are shared by very many classes, prices from scratch are soon right,
   * and a basis is not when bounds changed.
   */
  isUseful(): boolean {
    const { bound, classes, partitions, resources } = this.#columns;
    if (this.#warm.classes.size === 0) return false;
    if (classes <= FEW_CLASSES * bound.length) return true;
    let changed = 0;
    let total = 0;
    for (let k = 0; k < partitions * resources; k++) {
      const place = this.#warm.places.get(this.#keys[Math.floor(k / resources)] ?? "");
      const price = place?.prices[k % resources] ?? 0;
      if (price === 0) continue;
      total += price * (bound[k] ?? 0);
      changed += price * Math.abs((bound[k] ?? 0) - (place?.bounds[k % resources] ?? 0));
    }
    return changed <= LITTLE * total;
  }

  /** Whether it was split, or shared a full partition with others: then how is for a program to say. */
  isShared(each: number): boolean {
    const before = this.#classes[each];
    return before !== undefined && before.basic.size + (before.rowStatus === BASIC ? 1 : 0) > 1;
  }

  /** Those that were basic. */
  columnsOf(each: number): number[] {
    const found: number[] = [];
    if (!this.#classes[each]) return found;
    const { first } = this.#columns;
    for (let column = first[each] ?? 0; column < (first[each + 1] ?? 0); column++)
      if (this.#isBasic(each, column)) found.push(column);
    return found;
  }

  #isBasic(each: number, column: number): boolean {
    return this.#classes[each]?.basic.has(columnKey(this.#columns, this.#keys, column)) === true;
  }

  of({ bounded, open, chosen, fixed, columns: { classOf, resources } }: Restricted): LpBasis {
    const placeOf = (k: number): WarmPlace | undefined =>
      this.#warm.places.get(this.#keys[Math.floor(k / resources)] ?? "");
    const boundedNumbers = [...bounded];
    return {
      columns: Int32Array.from([
        ...boundedNumbers.map((k) => placeOf(k)?.overdraftStatus[k % resources] ?? AT_LOWER),
        ...chosen.map((column) => {
          const each = classOf[column] ?? 0;
          const isBasic = this.#classes[each] ? this.#isBasic(each, column) : fixed[each] === column;
          return isBasic ? BASIC : AT_LOWER;
        }),
      ]),
      rows: Int32Array.from([
        ...boundedNumbers.map((k) => placeOf(k)?.rowStatus[k % resources] ?? BASIC),
        ...open.map((each) => this.#classes[each]?.rowStatus ?? ((fixed[each] ?? -1) < 0 ? BASIC : AT_UPPER)),
      ]),
    };
  }
}
