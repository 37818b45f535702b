/**
 * Where the last round ended, by keys, so that the next may start there although partitions, rows and classes came,
 * went or changed. What no longer matches is only a worse start.
 */
import type { Columns } from "./columns.ts";
import type { Prices } from "./lagrangian.ts";
import { AT_LOWER, BASIC, type LpBasis } from "./lp.ts";
import type { AssignProblem } from "./problem.ts";
import { addColumn, openClass, type Restricted } from "./restricted.ts";

interface WarmPlace {
  /** by resource */
  prices: Float64Array;
  overdraftStatus: Uint8Array;
  rowStatus: Uint8Array;
}

interface WarmClass {
  rowStatus: number;
  columnStatus: Map<string, number>;
}

export interface AssignWarm {
  places: Map<string, WarmPlace>;
  /** those that were open */
  classes: Map<string, WarmClass>;
}

/** The program must not grow from round to round: beyond this, per row, only basic columns are kept. */
const KEPT_PER_ROW = 12;

/** Partitions and rows have names of their own. */
const placeKeys = ({ partitions, rows }: AssignProblem): string[] => [
  ...partitions.map(({ key }) => `partition ${key}`),
  ...rows.map(({ key }) => `row ${key}`),
];

/** A class may have several columns in one partition, which count in different rows. */
function columnKey(columns: Columns, keys: readonly string[], column: number): string {
  const { partition, firstRow, rows } = columns;
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
    classes.set(problem.classes[each]?.key ?? "", {
      rowStatus: basis.rows[bounded.length + index] ?? BASIC,
      columnStatus: new Map(),
    });
  });
  const basicOnly = chosen.length > KEPT_PER_ROW * (bounded.length + open.length);
  chosen.forEach((column, index) => {
    const status = basis.columns[bounded.length + index] ?? AT_LOWER;
    if (basicOnly && status !== BASIC) return;
    const kept = classes.get(problem.classes[classOf[column] ?? 0]?.key ?? "");
    kept?.columnStatus.set(columnKey(columns, keys, column), status);
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

/** Opens the classes that were open, with the columns they had, and takes the basis up again. */
export function resume(warm: AssignWarm, problem: AssignProblem, lp: Restricted): void {
  const { columns, bounded } = lp;
  const keys = placeKeys(problem);
  const columnStatus: number[] = [];
  const rowStatus: number[] = [];
  problem.classes.forEach(({ key }, each) => {
    const before = warm.classes.get(key);
    if (!before || columns.first[each] === columns.first[each + 1]) return;
    openClass(lp, each);
    rowStatus.push(before.rowStatus);
    // Where prices now want it, which may be a column that it did not have.
    if (lp.chosen.length > columnStatus.length) {
      const column = lp.chosen[lp.chosen.length - 1] ?? 0;
      columnStatus.push(before.columnStatus.get(columnKey(columns, keys, column)) ?? AT_LOWER);
    }
    for (let column = columns.first[each] ?? 0; column < (columns.first[each + 1] ?? 0); column++) {
      if (lp.isChosen[column]) continue;
      const status = before.columnStatus.get(columnKey(columns, keys, column));
      if (status === undefined) continue;
      addColumn(lp, column);
      columnStatus.push(status);
    }
  });
  const ofPlace = (pick: (place: WarmPlace) => Uint8Array, otherwise: number): number[] =>
    Array.from(bounded, (k) => {
      const place = warm.places.get(keys[Math.floor(k / columns.resources)] ?? "");
      return place ? (pick(place)[k % columns.resources] ?? otherwise) : otherwise;
    });
  const basis: LpBasis = {
    columns: Int32Array.from([...ofPlace((place) => place.overdraftStatus, AT_LOWER), ...columnStatus]),
    rows: Int32Array.from([...ofPlace((place) => place.rowStatus, BASIC), ...rowStatus]),
  };
  lp.basis = basis;
}
