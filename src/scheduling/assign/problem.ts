/**
 * What an assignment decides: how many units of each class go to each partition, for the most value. Amounts are
 * integers (milli-units), resources are known by their index.
 */

/** Bounds and demands: one amount per resource. `Infinity` in a bound: none. */
export type Amounts = readonly number[];

export interface AssignPartition {
  /** the same in a later round, so that it can start where this one ended */
  key: string;
  capacity: Amounts;
}

/** A bound on what all columns that name it take together: the limit of a role, of what is lent, of what is borrowed. */
export interface CouplingRow {
  key: string;
  bound: Amounts;
}

export interface AssignColumn {
  partition: number;
  /** per unit; a column that is not worth anything is never used */
  value: number;
  /** what it counts in beside its partition, each once */
  rows?: readonly number[];
}

export interface AssignClass {
  key: string;
  /** of one unit */
  demand: Amounts;
  /** a whole number: as many units may be placed */
  count: number;
  on: readonly AssignColumn[];
}

export interface AssignProblem {
  resources: number;
  partitions: readonly AssignPartition[];
  rows: readonly CouplingRow[];
  classes: readonly AssignClass[];
}

export interface Placement {
  class: number;
  /** index in the class' `on` */
  on: number;
  /** > 0 */
  units: number;
}
