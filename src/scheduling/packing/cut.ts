/**
 * A batch by program: a linear program says what the devices of each kind of node hold, and that is given to the nodes.
 * It sees all nodes of a kind together; where not all it chose fits on them one by one, it is solved again with less.
 */
import { type Filled, fill } from "./filling.ts";
import { Fleet, type PackNode } from "./fleet.ts";
import type { Choice } from "./packer.ts";
import { type Group, Patterns } from "./patterns.ts";
import { type Cuts, cutsOf } from "./rounding.ts";
import { devicesMilli, type Shape, shapeKey, WHOLE_DEVICE_MILLI } from "./shape.ts";

/** The program sees this many shapes, those of most device time. */
const MOST_GROUPS = 1024;
/** Of calculation, a few seconds in all. */
const MOST_STEPS = 3e9;
const MOST_TRIES = 6;
/** What a kind of node keeps of its amounts in the program, each time that not all chosen for it fits. */
const LESS = 0.985;
/** Of the bound: fuller is not worth another try. */
const FULL_ENOUGH = 0.999;

/** @returns `boundMilli`: no way of packing allocates more */
export function packCut(
  nodes: readonly PackNode[],
  shapes: readonly Shape[],
): { choices: (Choice | null)[]; boundMilli: number } {
  const empty = new Fleet(nodes);
  const { groups, others } = groupsOf(empty, shapes);
  const patterns = new Patterns(empty, groups);
  const part = empty.kinds.map(() => 1);
  const budget = { steps: MOST_STEPS };
  const partsMilli = empty.devices.flat().reduce((sum, milli) => sum + (milli < WHOLE_DEVICE_MILLI ? milli : 0), 0);
  let basis: Cuts["basis"] = [];
  let best: Filled | null = null;
  let boundMilli = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const cuts = cutsOf(patterns, part, budget, basis);
    basis = cuts.basis;
    if (tries === 0 && others.length === 0) boundMilli = cuts.boundMilli + partsMilli;
    const filled = fill(nodes, shapes, { ...cuts, groups, others });
    if (best === null || filled.usedMilli > best.usedMilli) best = filled;
    if (filled.tightKinds.size === 0 || best.usedMilli >= FULL_ENOUGH * boundMilli || budget.steps <= 0) break;
    for (const kind of filled.tightKinds) part[kind] = (part[kind] as number) * LESS;
  }
  return { choices: best?.choices ?? shapes.map(() => null), boundMilli };
}

/** Tasks of one shape together. @returns `others`: tasks that the program does not see, under rules that each node answers itself */
function groupsOf(fleet: Fleet, shapes: readonly Shape[]): { groups: Group[]; others: number[] } {
  const alike = Map.groupBy(shapes.keys(), (index) => shapeKey(shapes[index] as Shape));
  const all = [...alike.values()].map((tasks) => ({ ask: fleet.ask(shapes[tasks[0] as number] as Shape), tasks }));
  const milliOf = ({ ask, tasks }: Group): number => devicesMilli(ask.shape) * tasks.length;
  const groups = all
    .filter(({ ask }) => ask.own.length === 0)
    .sort((a, b) => milliOf(b) - milliOf(a))
    .slice(0, MOST_GROUPS);
  const seen = new Set<Group>(groups);
  return { groups, others: all.filter((group) => !seen.has(group)).flatMap(({ tasks }) => tasks) };
}
