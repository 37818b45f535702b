/**
 * Where the last round ended, by keys, so that the next may start there although partitions, rows and classes came,
 * went or changed. What no longer matches is only a worse start.
 */
import type { Columns } from "./columns.ts";
import type { Prices } from "./lagrangian.ts";
import { AT_LOWER, BASIC } from "./lp.ts";
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

/** @param isSolved whether a program ended with the basis; else it is worth nothing */
export function warmOf(problem: AssignProblem, lp: Restricted, prices: Prices, isSolved: boolean): AssignWarm {
  const { columns, bounded, open, chosen, columnStatus, rowStatus } = lp;
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
  if (!isSolved) return { places, classes };
  bounded.forEach((k, row) => {
    const place = places.get(keys[Math.floor(k / resources)] ?? "");
    if (!place) return;
    place.overdraftStatus[k % resources] = columnStatus[row] ?? AT_LOWER;
    place.rowStatus[k % resources] = rowStatus[row] ?? BASIC;
  });
  open.forEach((each, index) => {
    const status = rowStatus[bounded.length + index] ?? BASIC;
    classes.set(problem.classes[each]?.key ?? "", { rowStatus: status, basic: new Set() });
  });
  chosen.forEach((column, index) => {
    if (columnStatus[bounded.length + index] !== BASIC) return;
    const kept = classes.get(problem.classes[classOf[column] ?? 0]?.key ?? "");
    kept?.basic.add(columnKey(columns, keys, column));
  });
  return { places, classes };
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
      const place = this.#placeOf(k);
      const price = place?.prices[k % resources] ?? 0;
      if (price === 0) continue;
      total += price * (bound[k] ?? 0);
      changed += price * Math.abs((bound[k] ?? 0) - (place?.bounds[k % resources] ?? 0));
    }
    return changed <= LITTLE * total;
  }

  prices(): Prices {
    const { bound, resources } = this.#columns;
    return Float64Array.from(bound, (amount, k) =>
      Number.isFinite(amount) ? (this.#placeOf(k)?.prices[k % resources] ?? 0) : 0,
    );
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

  #placeOf(k: number): WarmPlace | undefined {
    return this.#warm.places.get(this.#keys[Math.floor(k / this.#columns.resources)] ?? "");
  }

  #isBasic(each: number, column: number): boolean {
    return this.#classes[each]?.basic.has(columnKey(this.#columns, this.#keys, column)) === true;
  }

  /** What was not there keeps the status that it was opened with. */
  apply(lp: Restricted): void {
    const { bounded, open, chosen, columnStatus, rowStatus, columns } = lp;
    bounded.forEach((k, row) => {
      const place = this.#placeOf(k);
      columnStatus[row] = place?.overdraftStatus[k % columns.resources] ?? AT_LOWER;
      rowStatus[row] = place?.rowStatus[k % columns.resources] ?? BASIC;
    });
    open.forEach((each, index) => {
      const before = this.#classes[each];
      if (before) rowStatus[bounded.length + index] = before.rowStatus;
    });
    chosen.forEach((column, index) => {
      const each = columns.classOf[column] ?? 0;
      if (this.#classes[each]) columnStatus[bounded.length + index] = this.#isBasic(each, column) ? BASIC : AT_LOWER;
    });
  }
}
