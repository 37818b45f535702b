/**
 * The nodes of a cluster and what is in use on each, in memory: amounts, devices and ports by number. The packer is told
 * of every change.
 */
import { add, type Resources, resourcesKey } from "../../model/resources.ts";
import { MAX_GPUS } from "../../protocol/limits.ts";
import type { NodeState, Packer } from "../packing/packer.ts";
import { type Shape, shapeOf, WHOLE_DEVICE_MILLI } from "../packing/shape.ts";
import { type PortRanges, UsedPorts } from "./ports.ts";

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
  /** more of its ports, of what has many; absent: none */
  portRanges?: PortRanges;
}

export interface Entry {
  index: number;
  /** null: only what runs there is known */
  node: PlaceNode | null;
  used: Record<string, number>;
  /** milli in use of each device */
  devices: number[];
  ports: UsedPorts;
  /** attempts of which it is not known which devices they use */
  blind: number;
  /** the same of their ports */
  portless: number;
  /** in use by what is not placed here */
  extra: Resources;
  /** some of that may have any of the node's ports */
  hasUnknownPorts: boolean;
}

export class Occupancy {
  private readonly packer: Packer;
  private readonly entries = new Map<string, Entry>();
  private readonly byIndex: (Entry | undefined)[] = [];
  /** of nodes that went */
  private readonly spare: number[] = [];
  private readonly shapes = new WeakMap<Resources, Shape | null>();
  /** by attribute: values that nodes have */
  private readonly values = new Map<string, ReadonlySet<string>>();

  constructor(packer: Packer) {
    this.packer = packer;
  }

  of(name: string): Entry | undefined {
    return this.entries.get(name);
  }

  at(index: number): Entry | undefined {
    return this.byIndex[index];
  }

  all(): Iterable<Entry> {
    return this.entries.values();
  }

  /** "" where the node has no such attribute */
  valueOf(name: string, attribute: string): string {
    return attribute === "node" ? name : (this.entries.get(name)?.node?.attributes[attribute] ?? "");
  }

  valuesOf(attribute: string): ReadonlySet<string> {
    const known = this.values.get(attribute);
    if (known) return known;
    const values = new Set<string>();
    for (const { node } of this.entries.values()) if (node) values.add(this.valueOf(node.name, attribute));
    this.values.set(attribute, values);
    return values;
  }

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

  /** What is free there now, of devices the sum; nothing of one that is not known. */
  freeOn(name: string): Resources {
    const entry = this.entries.get(name);
    if (!entry?.node) return {};
    const { free, devices } = this.freeOf(entry);
    const gpus = devices.reduce((sum, milli) => sum + Math.max(0, milli), 0);
    return gpus > 0 ? { ...free, gpus } : free;
  }

  wholeDevicesOn(name: string): number[] {
    const entry = this.entries.get(name);
    if (!entry?.node) return [];
    return this.freeOf(entry).devices.flatMap((milli, device) => (milli === WHOLE_DEVICE_MILLI ? [device] : []));
  }

  freePortsOn(name: string): PortRanges {
    const entry = this.entries.get(name);
    return !entry?.node || arePortsUnknown(entry) ? [] : entry.ports.freeIn(entry.node.ports);
  }

  /** A task that asks for so much runs or is held there, whether or not there was room, or does no more. */
  use(demand: Resources, { node, devices, ports, portRanges = [] }: Place, times: 1 | -1): void {
    const entry = this.entry(node);
    const shape = this.shapeOf(demand);
    const isBlind = shape === null || (devices?.length ?? 0) !== shape.devices.count;
    for (const [name, amount] of Object.entries(demand)) entry.used[name] = (entry.used[name] ?? 0) + amount * times;
    entry.ports.change(ports, portRanges, times);
    const isPortless = (demand.ports ?? 0) > 0 && ports.length + portRanges.length === 0;
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
      ports: new UsedPorts(),
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
