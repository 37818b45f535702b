/** Which node a task prefers of those that it may go to: preferences first, then spreading, then packing. */
import { satisfies } from "../../model/constraints.ts";
import { isWithin } from "../../model/role.ts";
import { BIAS, type Choice, type Packer, type Reach, type Target } from "../packing/packer.ts";
import type { Shape } from "../packing/shape.ts";
import type { Asked } from "./asked.ts";
import type { Neighbours } from "./neighbours.ts";
import type { Occupancy, PlaceNode } from "./occupancy.ts";
import { hasPorts } from "./ports.ts";

export interface Where {
  partition: string;
  pack: Target["policy"];
  reach: Reach;
  /** what else keeps it from a node */
  isExcluded?: (node: string) => boolean;
}

/** With more values than this an attribute is looked up node by node. */
const MOST_VALUES = 64;
/** Spreading goes behind preferences, and packing behind both. */
const PREFERENCE = 1e6;

/** Asked of a node by its index. */
type Excludes = ((index: number) => boolean) | null;

export class Search {
  private readonly packer: Packer;
  private readonly occupancy: Occupancy;
  private readonly neighbours: Neighbours;
  private readonly targets = new WeakMap<Asked, Map<string, Target>>();

  constructor(packer: Packer, occupancy: Occupancy, neighbours: Neighbours) {
    this.packer = packer;
    this.occupancy = occupancy;
    this.neighbours = neighbours;
  }

  /** As few nodes are looked at as what it prefers allows. */
  best(asked: Asked, where: Where): Choice | null {
    const isExcluded = this.exclusion(asked, where);
    const { beside, spread } = asked;
    if (spread.length === 0 && beside.length === 0) return this.packer.choose(this.target(asked, where), isExcluded);
    if (spread.length === 0 && beside.every(({ over }) => over === "node"))
      return this.beside(asked, where, isExcluded);
    const [attribute, ...more] = spread;
    if (attribute === undefined || more.length > 0 || beside.length > 0) return this.ranked(asked, where, isExcluded);
    return this.spread(asked, where, isExcluded, attribute);
  }

  isAccepted({ role, driver }: Asked, node: PlaceNode | null): node is PlaceNode {
    if (node === null || !node.drivers.includes(driver)) return false;
    return node.roles === null || node.roles.some((one) => isWithin(role, one));
  }

  /** What a node is worth to it by what never changes without the node being set anew. */
  private target(asked: Asked, { partition, pack, reach }: Where, only?: { attribute: string; value: string }): Target {
    const own = this.targets.get(asked) ?? new Map<string, Target>();
    const brief = `${partition} ${pack} ${reach} ${only ? `${only.attribute}=${only.value}` : ""}`;
    const known = own.get(brief);
    if (known) return known;
    const bias = (index: number): number => {
      const node = this.occupancy.at(index)?.node ?? null;
      if (!this.isAccepted(asked, node) || !node.partitions.includes(partition)) return Number.NEGATIVE_INFINITY;
      if (only && this.occupancy.valueOf(node.name, only.attribute) !== only.value) return Number.NEGATIVE_INFINITY;
      return this.ruleWorth(asked, node);
    };
    const target = { key: `${brief} ${asked.key}`, shape: asked.shape as Shape, policy: pack, reach, bias };
    this.targets.set(asked, own.set(brief, target));
    return target;
  }

  private ruleWorth({ rules }: Asked, { attributes }: PlaceNode): number {
    let worth = 0;
    for (const { rule, weight } of rules) if (satisfies(attributes, rule)) worth += weight;
    return worth;
  }

  exclusion(asked: Asked, { isExcluded }: Pick<Where, "isExcluded">): Excludes {
    const { job, ports } = asked;
    const isFree = this.neighbours.isFree(job);
    if (isFree && ports.length === 0 && !isExcluded) return null;
    return (index) => {
      const entry = this.occupancy.at(index);
      if (!entry?.node) return true;
      if (ports.length > 0 && !hasPorts(entry.node.ports, entry.ports, ports)) return true;
      if (!isFree && this.neighbours.isApart(job, entry.node.name)) return true;
      return isExcluded?.(entry.node.name) ?? false;
    };
  }

  /** Over one attribute with few values: the best of each, then the value that has fewest. */
  private spread(asked: Asked, where: Where, isExcluded: Excludes, attribute: string): Choice | null {
    const values = this.occupancy.valuesOf(attribute);
    if (values.size > MOST_VALUES) return this.ranked(asked, where, isExcluded);
    const counts = this.neighbours.own(asked.job, attribute);
    let best: { choice: Choice; worth: number; tasks: number; score: number } | null = null;
    for (const value of values) {
      const tasks = counts.get(value) ?? 0;
      const target = this.target(asked, where, { attribute, value });
      const choice = this.packer.choose(target, isExcluded);
      if (choice === null) continue;
      const worth = target.bias(choice.node);
      const score = this.packer.scoreOf(target, choice.node);
      const isBetter =
        best === null ||
        worth > best.worth ||
        (worth === best.worth && (tasks < best.tasks || (tasks === best.tasks && score > best.score)));
      if (isBetter) best = { choice, worth, tasks, score };
    }
    return best?.choice ?? null;
  }

  /** Tasks of other jobs are on few nodes: those are looked at one by one, the others as if there were none. */
  private beside(asked: Asked, where: Where, isExcluded: Excludes): Choice | null {
    const { job, beside } = asked;
    const isNear = (index: number): boolean => {
      const name = this.occupancy.at(index)?.node?.name ?? "";
      return beside.some((one) => this.neighbours.has(job, one.job, "node", name));
    };
    const target = this.target(asked, where);
    const plain = this.packer.choose(target, (index) => isNear(index) || (isExcluded?.(index) ?? false));
    // Where nothing draws it near others and all nodes are alike to it, those without them are best.
    if (plain !== null && asked.rules.length === 0 && beside.every(({ weight }) => weight <= 0)) return plain;
    const special = new Set<number>();
    for (const one of beside)
      for (const node of this.neighbours.nodesOf(job, one.job)) special.add(this.occupancy.of(node)?.index ?? -1);
    let best = plain?.node ?? -1;
    let bestScore = plain === null ? Number.NEGATIVE_INFINITY : this.packer.scoreOf(target, plain.node);
    for (const index of special) {
      const name = this.occupancy.at(index)?.node?.name;
      if (name === undefined || isExcluded?.(index)) continue;
      let score = this.packer.scoreOf(target, index);
      for (const one of beside) if (this.neighbours.has(job, one.job, "node", name)) score += one.weight * BIAS;
      if (score <= bestScore) continue;
      best = index;
      bestScore = score;
    }
    return best < 0 ? null : this.packer.choiceAt(target, best);
  }

  /** Looks at every node: what runs beside it, how many of the job are at its values, then packing. */
  private ranked(asked: Asked, where: Where, isExcluded: Excludes): Choice | null {
    const { job, beside, spread } = asked;
    const counts = spread.map((attribute) => ({ attribute, by: this.neighbours.own(job, attribute) }));
    return this.packer.chooseBy(this.target(asked, where), (index) => {
      const node = this.occupancy.at(index)?.node;
      if (!node || isExcluded?.(index)) return Number.NEGATIVE_INFINITY;
      let worth = this.ruleWorth(asked, node);
      for (const one of beside)
        if (this.neighbours.has(job, one.job, one.over, this.occupancy.valueOf(node.name, one.over)))
          worth += one.weight;
      let rank = worth * PREFERENCE;
      let size = PREFERENCE / 1000;
      for (const { attribute, by } of counts) {
        rank -= Math.min(999, by.get(this.occupancy.valueOf(node.name, attribute)) ?? 0) * size;
        size /= 1000;
      }
      return rank;
    });
  }
}
