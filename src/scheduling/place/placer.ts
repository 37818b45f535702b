/**
 * Where a task of a cluster goes next: kept in memory and told of every change, so that a placement costs the same however
 * many nodes there are. It takes nothing by itself.
 */
import type { Resources } from "../../model/resources.ts";
import { type Learned, nothingLearned } from "../packing/learned.ts";
import { type Choice, type NodeState, Packer } from "../packing/packer.ts";
import type { Asked } from "./asked.ts";
import { Neighbours } from "./neighbours.ts";
import { type Entry, Occupancy, type Place, type PlaceNode } from "./occupancy.ts";
import { choosePorts, type PortRanges } from "./ports.ts";
import { Search, type Where } from "./search.ts";

/** A place that is used, and by whom. */
interface Taken {
  asked: Asked;
  place: Place;
}

export class Placer {
  private readonly packer: Packer;
  private readonly occupancy: Occupancy;
  private readonly neighbours: Neighbours;
  private readonly search: Search;

  constructor(learned: Learned = nothingLearned()) {
    this.packer = new Packer([], learned);
    this.occupancy = new Occupancy(this.packer);
    this.neighbours = new Neighbours((node, attribute) => this.occupancy.valueOf(node, attribute));
    this.search = new Search(this.packer, this.occupancy, this.neighbours);
  }

  get learned(): Learned {
    return this.packer.learned;
  }

  // Nodes.

  /** It is new, or has other amounts or attributes. What runs there stays. Down until it is said otherwise. */
  setNode(node: PlaceNode): void {
    this.occupancy.setNode(node);
    this.neighbours.recount();
  }

  removeNode(name: string): void {
    this.occupancy.removeNode(name);
    this.neighbours.recount();
  }

  setState(name: string, state: NodeState): void {
    this.occupancy.setState(name, state);
  }

  stateOf(name: string): NodeState {
    return this.occupancy.stateOf(name);
  }

  /** What else is in use there. @param hasUnknownPorts it has ports, and nobody knows which */
  setExtra(name: string, extra: Resources, hasUnknownPorts = false): void {
    this.occupancy.setExtra(name, extra, hasUnknownPorts);
  }

  /** What is free there now, of devices the sum; nothing of one that is not known. */
  freeOn(name: string): Resources {
    return this.occupancy.freeOn(name);
  }

  /** Devices that nothing runs on, by number. */
  wholeDevicesOn(name: string): number[] {
    return this.occupancy.wholeDevicesOn(name);
  }

  /** Ports that nobody has; of a node that does not tell its ports by number, none. */
  freePortsOn(name: string): PortRanges {
    return this.occupancy.freePortsOn(name);
  }

  // What runs, or is held.

  add({ demand, job }: Asked, place: Place): void {
    this.neighbours.count(job, place.node, 1);
    this.occupancy.use(demand, place, 1);
  }

  remove({ demand, job }: Asked, place: Place): void {
    this.neighbours.count(job, place.node, -1);
    this.occupancy.use(demand, place, -1);
  }

  // Questions.

  /** So many tasks came that ask for this. */
  arrive({ shape, shapeKey }: Asked, tasks: number): void {
    if (shape !== null && shapeKey !== "") this.packer.arrive(shape, shapeKey, tasks);
  }

  /** The best place for one task; null: there is none. */
  choose(asked: Asked, where: Where): Place | null {
    if (asked.shape === null) return null;
    const choice = this.search.best(asked, where);
    return choice && this.placeOn(asked, choice);
  }

  private placeOn({ demand, ports }: Asked, { node, devices }: Choice): Place {
    const entry = this.occupancy.at(node) as Entry;
    const count = Math.ceil((demand.ports ?? 0) / 1000);
    return {
      node: entry.node?.name ?? "",
      devices,
      ports: choosePorts(entry.node?.ports ?? [], entry.ports, ports, count),
    };
  }

  /** Places for so many tasks at once, when these are free; null: not for all of them. */
  together(asked: Asked, where: Where, count: number, gone: readonly Taken[] = []): Place[] | null {
    return this.without(gone, () => {
      const places: Place[] = [];
      while (places.length < count) {
        const place = this.choose(asked, where);
        if (place === null) break;
        this.add(asked, place);
        places.push(place);
      }
      for (const place of places) this.remove(asked, place);
      return places.length === count ? places : null;
    });
  }

  /** Whether a task would fit on the node, up or not, once these places are free. */
  fitsWithout(asked: Asked, node: string, gone: readonly Taken[]): boolean {
    return this.without(gone, () => {
      const entry = this.occupancy.of(node);
      return (
        asked.shape !== null &&
        entry !== undefined &&
        entry.index >= 0 &&
        this.packer.fits(asked.shape, entry.index) &&
        this.search.isAccepted(asked, entry.node) &&
        !this.search.exclusion(asked, {})?.(entry.index)
      );
    });
  }

  /** As if these places were free. */
  private without<T>(gone: readonly Taken[], look: () => T): T {
    for (const one of gone) this.remove(one.asked, one.place);
    const seen = look();
    for (const one of gone) this.add(one.asked, one.place);
    return seen;
  }

  /** Nodes that could take it were they empty, up or not. */
  *accepting(asked: Asked): Generator<PlaceNode> {
    if (asked.shape === null) return;
    for (const { index, node } of this.occupancy.all())
      if (node !== null && this.packer.allows(asked.shape, index) && this.search.isAccepted(asked, node)) yield node;
  }

  /** Whether the node has room for it now. */
  fits(asked: Asked, node: string): boolean {
    return this.fitsWithout(asked, node, []);
  }

  /** The place that a task would have on that node, up or not; null: the node does not take it now. */
  placeAt(asked: Asked, partition: string, node: string): Place | null {
    const entry = this.occupancy.of(node);
    if (asked.shape === null || !entry?.node?.partitions.includes(partition) || !this.fits(asked, node)) return null;
    const choice = this.packer.choiceFor(asked.shape, entry.index);
    return choice && this.placeOn(asked, choice);
  }
}
