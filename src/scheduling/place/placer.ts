/**
 * What is free on each node of a cluster, and where a task goes next: kept in memory, told of every change, so that a
 * placement costs the same however many nodes there are. It takes nothing by itself.
 */
import { satisfies } from "../../model/constraints.ts";
import { add, type Resources, resourcesKey } from "../../model/resources.ts";
import { isWithin } from "../../model/role.ts";
import { MAX_GPUS } from "../../protocol/limits.ts";
import { type Learned, nothingLearned } from "../packing/learned.ts";
import { BIAS, type Choice, type NodeState, Packer, type Reach, type Target } from "../packing/packer.ts";
import { type Shape, shapeOf, WHOLE_DEVICE_MILLI } from "../packing/shape.ts";
import type { Asked } from "./asked.ts";
import { Neighbours } from "./neighbours.ts";
import { choosePorts, hasPorts, type PortRanges } from "./ports.ts";

export interface PlaceNode {
  name: string;
  capacity: Resources;
  attributes: Readonly<Record<string, string>>;
  /** null: every role */
  roles: readonly string[] | null;
  drivers: readonly string[];
  /** names of those it is of */
  partitions: readonly string[];
  ports: PortRanges;
}

/** A place on a node, taken or not. */
export interface Place {
  node: string;
  /** of the node's gpus, by number; null: not known, and so perhaps any of them */
  devices: readonly number[] | null;
  ports: readonly number[];
}

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

interface Entry {
  index: number;
  /** null: only what runs there is known */
  node: PlaceNode | null;
  used: Record<string, number>;
  /** milli in use of each device */
  devices: number[];
  ports: Set<number>;
  /** attempts of which it is not known which devices they use */
  blind: number;
  /** the same of their ports */
  portless: number;
  /** in use by what is not placed here */
  extra: Resources;
  /** some of that may have any of the node's ports */
  hasUnknownPorts: boolean;
}

export class Placer {
  private readonly packer: Packer;
  private readonly entries = new Map<string, Entry>();
  private readonly byIndex: (Entry | undefined)[] = [];
  /** of nodes that went */
  private readonly spare: number[] = [];
  private readonly neighbours = new Neighbours((node, attribute) => this.valueOf(node, attribute));
  private readonly targets = new WeakMap<Asked, Map<string, Target>>();
  private readonly shapes = new WeakMap<Resources, Shape | null>();
  /** by attribute: values that nodes have */
  private readonly values = new Map<string, ReadonlySet<string>>();

  constructor(learned: Learned = nothingLearned()) {
    this.packer = new Packer([], learned);
  }

  get learned(): Learned {
    return this.packer.learned;
  }

  // Nodes.

  /** It is new, or has other amounts or attributes. What runs there stays. Down until it is said otherwise. */
  setNode(node: PlaceNode): void {
    const entry = this.entry(node.name);
    const isNew = entry.index < 0;
    if (isNew) {
      entry.index = this.spare.pop() ?? this.packer.size;
      this.byIndex[entry.index] = entry;
    }
    entry.node = node;
    this.values.clear();
    this.neighbours.recount();
    const { capacity, attributes } = packed(node);
    const { free, devices } = this.freeOf(entry);
    this.packer.put(entry.index, { name: node.name, capacity, free, devices, attributes });
    if (isNew) this.setState(node.name, "down");
  }

  removeNode(name: string): void {
    const entry = this.entries.get(name);
    if (!entry || entry.index < 0) return;
    this.setState(name, "down");
    this.packer.put(entry.index, { name: "", capacity: {}, free: {}, devices: [], attributes: {} });
    this.byIndex[entry.index] = undefined;
    this.spare.push(entry.index);
    Object.assign(entry, { index: -1, node: null });
    this.values.clear();
    this.neighbours.recount();
    this.forgetIfNothing(name, entry);
  }

  setState(name: string, state: NodeState): void {
    const index = this.entries.get(name)?.index ?? -1;
    if (index >= 0) this.packer.setState(index, state);
  }

  /** What else is in use there. @param hasUnknownPorts it has ports, and nobody knows which */
  setExtra(name: string, extra: Resources, hasUnknownPorts = false): void {
    const entry = this.entry(name);
    if (resourcesKey(entry.extra) === resourcesKey(extra) && entry.hasUnknownPorts === hasUnknownPorts) return;
    Object.assign(entry, { extra, hasUnknownPorts });
    this.tell(entry);
    this.forgetIfNothing(name, entry);
  }

  stateOf(name: string): NodeState {
    const index = this.entries.get(name)?.index ?? -1;
    return index < 0 ? "down" : this.packer.stateOf(index);
  }

  // What runs, or is held.

  add(asked: Asked, place: Place): void {
    this.use(asked, place, 1);
  }

  remove(asked: Asked, place: Place): void {
    this.use(asked, place, -1);
  }

  private use({ demand, job }: Asked, { node, devices, ports }: Place, times: 1 | -1): void {
    const entry = this.entry(node);
    this.neighbours.count(job, node, times);
    const shape = this.shapeOf(demand);
    const isBlind = shape === null || (devices?.length ?? 0) !== shape.devices.count;
    for (const [name, amount] of Object.entries(demand)) entry.used[name] = (entry.used[name] ?? 0) + amount * times;
    for (const port of ports) {
      if (times === 1) entry.ports.add(port);
      else entry.ports.delete(port);
    }
    const isPortless = (demand.ports ?? 0) > 0 && ports.length === 0;
    if (isPortless) entry.portless += times;
    if (isBlind) entry.blind += times;
    else
      for (const device of devices ?? [])
        entry.devices[device] = (entry.devices[device] ?? 0) + shape.devices.milli * times;
    if (isBlind || entry.blind > 0 || isPortless || arePortsUnknown(entry)) this.tell(entry);
    else if (entry.index >= 0) this.packer.use(shape, { node: entry.index, devices: devices ?? [] }, times);
    if (times === -1) this.forgetIfNothing(node, entry);
  }

  /** The packer is told what is free there, whatever it was told before. */
  private tell(entry: Entry): void {
    if (entry.index < 0) return;
    const { free, devices } = this.freeOf(entry);
    this.packer.set(entry.index, free, devices);
  }

  private freeOf(entry: Entry): { free: Resources; devices: number[] } {
    const { node, used, devices, blind, extra } = entry;
    if (node === null) return { free: {}, devices: [] };
    const { gpus: _, ...counted } = add(add(node.capacity, used, -1), extra, -1);
    const amounts = arePortsUnknown(entry) ? { ...counted, ports: Math.min(0, counted.ports ?? 0) } : counted;
    const unknown = blind > 0 || (extra.gpus ?? 0) > 0;
    const free = devicesOf(node.capacity).map((milli, device) => (unknown ? 0 : milli - (devices[device] ?? 0)));
    return { free: amounts, devices: free };
  }

  private entry(name: string): Entry {
    const known = this.entries.get(name);
    if (known) return known;
    const entry: Entry = {
      index: -1,
      node: null,
      used: {},
      devices: [],
      ports: new Set(),
      blind: 0,
      portless: 0,
      extra: {},
      hasUnknownPorts: false,
    };
    this.entries.set(name, entry);
    return entry;
  }

  private forgetIfNothing(name: string, { index, used, extra }: Entry): void {
    if (index < 0 && Object.keys(extra).length === 0 && Object.values(used).every((amount) => amount === 0))
      this.entries.delete(name);
  }

  private shapeOf(demand: Resources): Shape | null {
    const known = this.shapes.get(demand);
    if (known !== undefined) return known;
    const shape = shapeOf(demand);
    this.shapes.set(demand, shape);
    return shape;
  }

  // Questions.

  /** So many tasks came that ask for this. */
  arrive({ shape, shapeKey }: Asked, tasks: number): void {
    if (shape !== null && shapeKey !== "") this.packer.arrive(shape, shapeKey, tasks);
  }

  /** The best place for one task; null: there is none. */
  choose(asked: Asked, where: Where): Place | null {
    if (asked.shape === null) return null;
    const choice = this.search(asked, where, this.exclusion(asked, where));
    return choice && this.placeOn(asked, choice);
  }

  /** As few nodes are looked at as what it prefers allows. */
  private search(asked: Asked, where: Where, isExcluded: ((index: number) => boolean) | null): Choice | null {
    const { beside, spread } = asked;
    if (spread.length === 0 && beside.length === 0) return this.packer.choose(this.target(asked, where), isExcluded);
    if (spread.length === 0 && beside.every(({ over }) => over === "node"))
      return this.beside(asked, where, isExcluded);
    const [attribute, ...more] = spread;
    if (attribute === undefined || more.length > 0 || beside.length > 0) return this.ranked(asked, where, isExcluded);
    return this.spread(asked, where, isExcluded, attribute);
  }

  private placeOn({ demand, ports }: Asked, { node, devices }: Choice): Place {
    const entry = this.byIndex[node] as Entry;
    const count = Math.ceil((demand.ports ?? 0) / 1000);
    return {
      node: entry.node?.name ?? "",
      devices,
      ports: choosePorts(entry.node?.ports ?? [], entry.ports, ports, count),
    };
  }

  /** Places for so many tasks at once; null: not for all of them. */
  together(asked: Asked, where: Where, count: number): Place[] | null {
    const places: Place[] = [];
    while (places.length < count) {
      const place = this.choose(asked, where);
      if (place === null) break;
      this.add(asked, place);
      places.push(place);
    }
    for (const place of places) this.remove(asked, place);
    return places.length === count ? places : null;
  }

  /** Whether a task would fit on the node, up or not, once these places are free. */
  fitsWithout(asked: Asked, node: string, gone: readonly { asked: Asked; place: Place }[]): boolean {
    for (const one of gone) this.remove(one.asked, one.place);
    const entry = this.entries.get(node);
    const fits =
      asked.shape !== null &&
      entry !== undefined &&
      entry.index >= 0 &&
      this.packer.fits(asked.shape, entry.index) &&
      this.isAccepted(asked, entry.node) &&
      !this.exclusion(asked, {})?.(entry.index);
    for (const one of gone) this.add(one.asked, one.place);
    return fits;
  }

  /** What is free there now, of devices the sum; nothing of one that is not known. */
  freeOn(name: string): Resources {
    const entry = this.entries.get(name);
    if (!entry?.node) return {};
    const { free, devices } = this.freeOf(entry);
    const gpus = devices.reduce((sum, milli) => sum + Math.max(0, milli), 0);
    return gpus > 0 ? { ...free, gpus } : free;
  }

  /** Nodes that could take it were they empty, up or not. */
  *accepting(asked: Asked): Generator<PlaceNode> {
    if (asked.shape === null) return;
    for (const { index, node } of this.entries.values())
      if (node !== null && this.packer.allows(asked.shape, index) && this.isAccepted(asked, node)) yield node;
  }

  /** Whether the node has room for it now. */
  fits(asked: Asked, node: string): boolean {
    return this.fitsWithout(asked, node, []);
  }

  /** The place that a task would have on that node, up or not; null: the node does not take it now. */
  placeAt(asked: Asked, partition: string, node: string): Place | null {
    const entry = this.entries.get(node);
    if (asked.shape === null || !entry?.node?.partitions.includes(partition) || !this.fits(asked, node)) return null;
    const choice = this.packer.choiceFor(asked.shape, entry.index);
    return choice && this.placeOn(asked, choice);
  }

  private isAccepted({ role, driver }: Asked, node: PlaceNode | null): node is PlaceNode {
    if (node === null || !node.drivers.includes(driver)) return false;
    return node.roles === null || node.roles.some((one) => isWithin(role, one));
  }

  // How.

  /** What a node is worth to it by what never changes without the node being set anew. */
  private target(asked: Asked, { partition, pack, reach }: Where, only?: { attribute: string; value: string }): Target {
    const own = this.targets.get(asked) ?? new Map<string, Target>();
    const brief = `${partition} ${pack} ${reach} ${only ? `${only.attribute}=${only.value}` : ""}`;
    const known = own.get(brief);
    if (known) return known;
    const bias = (index: number): number => {
      const node = this.byIndex[index]?.node ?? null;
      if (!this.isAccepted(asked, node) || !node.partitions.includes(partition)) return Number.NEGATIVE_INFINITY;
      if (only && this.valueOf(node.name, only.attribute) !== only.value) return Number.NEGATIVE_INFINITY;
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

  private exclusion(asked: Asked, { isExcluded }: Pick<Where, "isExcluded">): ((index: number) => boolean) | null {
    const { job, ports } = asked;
    const isFree = this.neighbours.isFree(job);
    if (isFree && ports.length === 0 && !isExcluded) return null;
    return (index) => {
      const entry = this.byIndex[index];
      if (!entry?.node) return true;
      if (ports.length > 0 && !hasPorts(entry.node.ports, entry.ports, ports)) return true;
      if (!isFree && this.neighbours.isApart(job, entry.node.name)) return true;
      return isExcluded?.(entry.node.name) ?? false;
    };
  }

  /** Over one attribute with few values: the best of each, then the value that has fewest. */
  private spread(
    asked: Asked,
    where: Where,
    isExcluded: ((index: number) => boolean) | null,
    attribute: string,
  ): Choice | null {
    const values = this.valuesOf(attribute);
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
  private beside(asked: Asked, where: Where, isExcluded: ((index: number) => boolean) | null): Choice | null {
    const { job, beside } = asked;
    const isNear = (index: number): boolean => {
      const name = this.byIndex[index]?.node?.name ?? "";
      return beside.some((one) => this.neighbours.has(job, one.job, "node", name));
    };
    const target = this.target(asked, where);
    const plain = this.packer.choose(target, (index) => isNear(index) || (isExcluded?.(index) ?? false));
    // Where nothing draws it near others and all nodes are alike to it, those without them are best.
    if (plain !== null && asked.rules.length === 0 && beside.every(({ weight }) => weight <= 0)) return plain;
    const special = new Set<number>();
    for (const one of beside)
      for (const node of this.neighbours.nodesOf(job, one.job)) special.add(this.entries.get(node)?.index ?? -1);
    let best = plain?.node ?? -1;
    let bestScore = plain === null ? Number.NEGATIVE_INFINITY : this.packer.scoreOf(target, plain.node);
    for (const index of special) {
      const name = this.byIndex[index]?.node?.name;
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
  private ranked(asked: Asked, where: Where, isExcluded: ((index: number) => boolean) | null): Choice | null {
    const { job, beside, spread } = asked;
    const counts = spread.map((attribute) => ({ attribute, by: this.neighbours.own(job, attribute) }));
    return this.packer.chooseBy(this.target(asked, where), (index) => {
      const node = this.byIndex[index]?.node;
      if (!node || isExcluded?.(index)) return Number.NEGATIVE_INFINITY;
      let worth = this.ruleWorth(asked, node);
      for (const one of beside)
        if (this.neighbours.has(job, one.job, one.over, this.valueOf(node.name, one.over))) worth += one.weight;
      let rank = worth * PREFERENCE;
      let size = PREFERENCE / 1000;
      for (const { attribute, by } of counts) {
        rank -= Math.min(999, by.get(this.valueOf(node.name, attribute)) ?? 0) * size;
        size /= 1000;
      }
      return rank;
    });
  }

  private valueOf(name: string, attribute: string): string {
    return attribute === "node" ? name : (this.entries.get(name)?.node?.attributes[attribute] ?? "");
  }

  private valuesOf(attribute: string): ReadonlySet<string> {
    const known = this.values.get(attribute);
    if (known) return known;
    const values = new Set<string>();
    for (const { node } of this.entries.values()) if (node) values.add(this.valueOf(node.name, attribute));
    this.values.set(attribute, values);
    return values;
  }
}

/** Some that runs there may have any of its ports. A node that only counts them gives none by number. */
const arePortsUnknown = ({ node, portless, hasUnknownPorts }: Entry): boolean =>
  (portless > 0 || hasUnknownPorts) && node !== null && node.ports.length > 0;

function packed({ capacity, attributes }: PlaceNode): { capacity: Resources; attributes: PlaceNode["attributes"] } {
  const { gpus: _, ...amounts } = capacity;
  return { capacity: amounts, attributes };
}

/** Whole ones, then what an owner gives of one. A row of an earlier version may say any number. */
function devicesOf({ gpus = 0 }: Resources): number[] {
  if (gpus > MAX_GPUS * WHOLE_DEVICE_MILLI) return devicesOf({ gpus: MAX_GPUS * WHOLE_DEVICE_MILLI });
  const whole = Math.floor(gpus / WHOLE_DEVICE_MILLI);
  const devices = Array<number>(whole).fill(WHOLE_DEVICE_MILLI);
  return gpus % WHOLE_DEVICE_MILLI > 0 ? [...devices, gpus % WHOLE_DEVICE_MILLI] : devices;
}
