/**
 * What each framework may hold: what its tasks use, its offers as far as nobody with a better right needs the room, and
 * then whole free nodes, each to the role and framework with the lowest share (Mesos' hierarchical allocator). What the
 * bounds of shares let it have of a node is offered as a part.
 */
import type { PartitionKey } from "../../model/partition.ts";
import { add, type Resources, subtract } from "../../model/resources.ts";
import { isWithin } from "../../model/role.ts";
import type { Facts, Promised } from "../filling/facts.ts";
import { type Counts, type Filling, NOWHERE, openFilling } from "../filling/wants.ts";
import type { RoundFramework, RoundResult } from "../input.ts";
import { addTo, at, resourcesOf, type Vector, vectorOf } from "../shares/axes.ts";
import { type Bound, quotaTop } from "../shares/bounds.ts";
import { charge, occupy } from "../shares/charge.ts";
import { lineUp, serveNext } from "../shares/next.ts";
import { available, nominalRoom } from "../shares/quota.ts";
import { isOwner, type Room, take } from "../shares/rooms.ts";
import type { Leaf, RoleNode } from "../shares/tree.ts";
import { keyOf } from "../slots.ts";
import { type Ask, asksOf, isAllocatable, isIdleIn } from "./asks.ts";

/** Of each job in order of age: what it may have at once, and what room it waits for. */
export interface Taken {
  readonly limits: readonly Counts[];
  readonly entitled: readonly Counts[];
  readonly claims: readonly ReadonlyMap<number, { own: number; priority: number }>[];
}

/** @param promised what jobs have left alone for frameworks */
export function offersOf(facts: Facts, taken: Taken, promised: Promised): RoundResult["offers"] {
  const filling = openFilling(facts);
  const given = new Map<RoundFramework, Map<number, Vector>>();
  if (filling.tree.frameworks.size > 0) {
    chargeJobs(filling, taken);
    awaitJobs(filling, taken, promised);
    keepOffers(filling, given);
    giveNodes(filling, given);
  }
  return new Map(
    [...filling.tree.frameworks.keys()].map((framework) => [
      framework.key,
      limitsOf(filling, framework, given.get(framework)),
    ]),
  );
}

/** What jobs run, may run, and have room made for. */
function chargeJobs({ rooms, wants }: Filling, { limits, claims }: Taken): void {
  for (const [i, { leaf, kept }] of wants.entries()) {
    for (const room of rooms) {
      const running = Math.max(limits[i]?.get(room.index) ?? 0, kept.get(room.index) ?? 0);
      const { own = 0, priority = 0 } = claims[i]?.get(room.index) ?? {};
      const tasks = running + own + priority;
      if (tasks > 0) occupy(leaf, room, times(leaf.demand, tasks));
    }
    const elsewhere = kept.get(NOWHERE) ?? 0;
    if (elsewhere > 0) charge(leaf, null, times(leaf.demand, elsewhere));
  }
}

/** Jobs that are short of their fair part wait for more room: beyond the frameworks' part what is free is theirs. */
function awaitJobs({ rooms, wants }: Filling, { limits, entitled }: Taken, promised: Promised): void {
  for (const room of rooms) {
    const theirs = room.free.map(() => 0);
    for (const of of promised.values()) addTo(theirs, of.get(room.index) ?? theirs, of.has(room.index) ? 1 : 0);
    for (const [i, { leaf, kept }] of wants.entries()) {
      const has = Math.max(limits[i]?.get(room.index) ?? 0, kept.get(room.index) ?? 0);
      const missing = (entitled[i]?.get(room.index) ?? 0) - has;
      if (missing <= 0) continue;
      const left = times(leaf.demand, missing).map((amount, r) =>
        Math.max(0, Math.min(amount, at(room.free, r) - at(theirs, r))),
      );
      take(room, left, !isOwner(leaf.role.path, room));
      // Of a limit that both are under they have theirs first, wherever it is.
      charge(leaf, room, times(leaf.demand, missing));
    }
  }
}

const times = (demand: Vector, tasks: number): Vector => demand.map((wanted) => wanted * tasks);

type Given = Map<RoundFramework, Map<number, Vector>>;

function note(given: Given, framework: RoundFramework, room: Room, amounts: Vector): void {
  const of = given.get(framework) ?? new Map<number, Vector>();
  given.set(framework, of);
  const sum = of.get(room.index) ?? amounts.map(() => 0);
  addTo(sum, amounts);
  of.set(room.index, sum);
}

/** In the order of shares, as much of each as there is room for. */
function keepOffers({ facts, tree, rooms }: Filling, given: Given): void {
  const held = new Map<Leaf, { framework: RoundFramework; rooms: Room[] }>();
  for (const [framework, leaf] of tree.frameworks) {
    if (framework.wants === "never") continue;
    const there = rooms.filter(({ key }) => framework.offered.has(key));
    if (there.length > 0) held.set(leaf, { framework, rooms: there });
  }
  const line = lineUp(tree.league, held.keys());
  const keep = (leaf: Leaf): boolean => {
    const holder = held.get(leaf);
    const room = holder?.rooms.shift();
    if (!holder || !room) return false;
    const offered = vectorOf(facts.axes, holder.framework.offered.get(room.key) ?? {});
    const amounts = offered.map((amount, r) =>
      Math.max(0, Math.min(amount, spaceFor(leaf.role, room, r), allowed(leaf.role, room, r))),
    );
    occupy(leaf, room, amounts);
    note(given, holder.framework, room, amounts);
    return true;
  };
  while (serveNext(line, keep));
}

function giveNodes(filling: Filling, given: Given): void {
  const asks = new Map(asksOf(filling).map((ask) => [ask.leaf, ask]));
  // Of a node that one has been given another can't be: those that are the same for all are counted once.
  const left = new Map(filling.rooms.map((room) => [room, nodesIn(room)]));
  // Who takes nothing there anyway is asked after all others.
  for (const areIdle of [false, true]) {
    const line = lineUp(filling.tree.league, asks.keys());
    const help = (leaf: Leaf, bounds: readonly Bound[]): boolean => {
      const ask = asks.get(leaf);
      if (ask === undefined) return false;
      const rooms = filling.rooms.filter((room) => isIdleIn(ask, room) === areIdle);
      return giveNode({ ...filling, rooms }, ask, bounds, left, given);
    };
    while (serveNext(line, help));
  }
}

const nodesIn = ({ partition }: Room): number => (partition.rooms ?? []).reduce((n, { nodes }) => n + nodes, 0);

function giveNode(
  { facts, rooms }: Filling,
  { framework, leaf, stocks }: Ask,
  bounds: readonly Bound[],
  left: Map<Room, number>,
  given: Given,
): boolean {
  const { minimum } = framework;
  for (const room of inOrder(rooms, leaf.role.path)) {
    const nodes = left.get(room) ?? 0;
    const stock = nodes > 0 ? stocks.get(room.index)?.find((one) => one.nodes > 0) : undefined;
    if (!stock || !bounds.every((bound) => isClaimed(bound, leaf.role, room, stock.free))) continue;
    const inRoom = stock.free.map((amount, r) => Math.min(amount, spaceFor(leaf.role, room, r)));
    const amounts = inRoom.map((amount, r) => Math.max(0, Math.min(amount, allowed(leaf.role, room, r))));
    if (!isAllocatable(resourcesOf(facts.axes, amounts), minimum)) continue;
    stock.nodes -= 1;
    left.set(room, nodes - 1);
    occupy(leaf, room, amounts);
    note(given, framework, room, amounts);
    return true;
  }
  return false;
}

/** What is its own first, what somebody else owns last. */
const inOrder = (rooms: readonly Room[], role: string): Room[] => {
  const rank = (room: Room): number => (room.owner === null ? 1 : isOwner(role, room) ? 0 : 2);
  return [...rooms].sort((a, b) => rank(a) - rank(b));
};

/** Of a resource, what is free in the room and lent to the role. */
const spaceFor = (role: RoleNode, room: Room, r: number): number =>
  isOwner(role.path, room) ? at(room.free, r) : Math.min(at(room.free, r), at(room.lendableLeft, r));

/** Of a resource, what limits and quotas let the role have more in the room. */
function allowed(role: RoleNode, room: Room, r: number): number {
  let most = available(role, r, quotaTop(role, room));
  for (let above: RoleNode | null = role; above !== null; above = above.parent)
    most = Math.min(most, at(above.limit, r) - at(above.used, r));
  return most;
}

/** Whether the claim that it asks by is for the room: it owns that, or has less than it is guaranteed of what is there. */
function isClaimed({ role: claimant, by }: Bound, role: RoleNode, room: Room, free: Vector): boolean {
  const top = quotaTop(role, room);
  if (top !== null && isWithin(top.path, claimant.path)) return true;
  if (by === "own") return false;
  return free.some((amount, r) => amount > 0 && claimant.guarantees[r] && nominalRoom(claimant, role, r) > 0);
}

/** By a room's index, what it may have beyond what its tasks use. */
export function promisedBy({ axes, input, partitions }: Facts, offers: RoundResult["offers"]): Promised {
  return new Map(
    (input.frameworks ?? []).map((framework) => {
      const limits = offers.get(framework.key) ?? new Map<PartitionKey, Resources>();
      const promised = partitions.map((partition, index): [number, Vector] => {
        const key = keyOf(partition);
        const rest = subtract(limits.get(key) ?? {}, framework.used.get(key) ?? {});
        return [index, vectorOf(axes, rest).map((amount) => Math.max(0, amount))];
      });
      return [framework, new Map(promised)];
    }),
  );
}

function limitsOf(
  { facts, rooms }: Filling,
  { used, wants }: RoundFramework,
  given: ReadonlyMap<number, Vector> | undefined,
): Map<PartitionKey, Resources> {
  const limits = new Map<PartitionKey, Resources>();
  // What runs in a partition that is no more is told too: it stays until it ends.
  for (const [key, amounts] of used) limits.set(key, amounts);
  if (wants === "never") return limits;
  for (const room of rooms) {
    const more = given?.get(room.index);
    if (more) limits.set(room.key, add(limits.get(room.key) ?? {}, resourcesOf(facts.axes, more)));
  }
  return limits;
}
