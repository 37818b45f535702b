/**
 * The tree that shares are counted in: the league, its roles by path with every ancestor that is only implied, and
 * jobs as leaves. What a role uses in partitions that it or a role under it owns costs its quota nothing; its guarantee
 * is for what it uses elsewhere.
 */

import { DEFAULT_PRIORITY } from "../../model/placing.ts";
import { DEFAULT_POLICY, lineage, parentOf, type RolePolicy } from "../../model/role.ts";
import type { RoundFramework, RoundInput, RoundJob } from "../input.ts";
import { type Axes, addTo, at, type Vector, vectorOf } from "./axes.ts";
import { dominantBorrowed, potential, type QuotaNode, quotaNode, settle } from "./quota.ts";
import type { Room } from "./rooms.ts";

/** The league is the root: a role with no name, over all that have one. */
export const LEAGUE = "";

export interface RoleNode extends QuotaNode {
  readonly path: string;
  readonly parent: RoleNode | null;
  readonly weight: number;
  /** never more than this in its subtree; Infinity: no limit */
  readonly limit: Vector;
  /** usable in partitions that are owned in its subtree */
  readonly owned: Vector;
  /** decayed past use in its subtree */
  readonly history: Vector;
  /** resources that a guarantee in its subtree names, if with 0 */
  readonly guarantees: boolean[];
  /** what shares under it are parts of */
  readonly lendable: Vector;
  /** all that its subtree uses, wherever */
  readonly used: Vector;
  /** dominant share of what counts beyond its quota */
  share: number;
  /** how much of what it is promised it uses */
  fill: number;
  /** of the oldest job in its subtree */
  age: number;
}

/** A job, or whoever else asks for so much at a time. */
export interface Leaf {
  readonly role: RoleNode;
  demand: Vector;
  readonly used: Vector;
  share: number;
  readonly fill: 0;
  readonly priority: number;
  /** position among the jobs, oldest first */
  readonly age: number;
}

export interface Tree {
  readonly axes: Axes;
  readonly league: RoleNode;
  readonly roles: ReadonlyMap<string, RoleNode>;
  /** in order of age */
  readonly leaves: ReadonlyMap<RoundJob, Leaf>;
  /** roles of frameworks; how much they ask for at a time is told when they do */
  readonly frameworks: ReadonlyMap<RoundFramework, Leaf>;
}

/** @param rooms get the quota that their owner lends from */
export function growTree(input: RoundInput, axes: Axes, rooms: readonly Room[]): Tree {
  const roles = new Map<string, RoleNode>();
  const grow = (path: string): RoleNode => {
    const known = roles.get(path);
    if (known) return known;
    const parent = path === LEAGUE ? null : grow(parentOf(path) ?? LEAGUE);
    const node = roleNode(axes, path, parent, input.roles.get(path) ?? DEFAULT_POLICY);
    roles.set(path, node);
    return node;
  };
  const league = grow(LEAGUE);
  for (const path of [...input.roles.keys()].sort()) grow(path);
  for (const room of rooms) if (room.owner !== null) own(grow(room.owner), room, league);
  const leaves = new Map(
    input.jobs.map((job, age) => [job, leafOf(grow(job.role), vectorOf(axes, job.demand), job.priority, age)]),
  );
  const frameworks = frameworkLeaves(input, grow, axes);
  remember(roles, input, axes);
  promise(league, roles.values(), rooms);
  for (const node of roles.values()) restand(node);
  return { axes, league, roles, leaves, frameworks };
}

/** Of those with equal shares, first who was offered less often. */
function frameworkLeaves(
  { frameworks = [], jobs }: RoundInput,
  grow: (path: string) => RoleNode,
  axes: Axes,
): Map<RoundFramework, Leaf> {
  const inOrder = [...frameworks].sort((a, b) => a.served - b.served || (a.key < b.key ? -1 : 1));
  const nothing = vectorOf(axes, {});
  return new Map(inOrder.map((one, n) => [one, leafOf(grow(one.role), nothing, DEFAULT_PRIORITY, jobs.length + n)]));
}

function leafOf(role: RoleNode, demand: Vector, priority: number, age: number): Leaf {
  for (let above: RoleNode | null = role; above !== null; above = above.parent) above.age = Math.min(above.age, age);
  return { role, demand, used: demand.map(() => 0), share: 0, fill: 0, priority, age };
}

/** What jobs of a role used counts for all that it is under. */
function remember(roles: ReadonlyMap<string, RoleNode>, { history }: RoundInput, axes: Axes): void {
  for (const [path, past] of history)
    for (const above of lineage(path)) addTo(roles.get(above)?.history ?? [], vectorOf(axes, past));
}

function roleNode(axes: Axes, path: string, parent: RoleNode | null, policy: RolePolicy): RoleNode {
  const zero = () => axes.names.map(() => 0);
  const node: RoleNode = {
    ...quotaNode(null, {
      nominal: vectorOf(axes, policy.guarantee),
      lendingLimit: vectorOf(axes, policy.lend, Number.POSITIVE_INFINITY),
      borrowingLimit: vectorOf(axes, policy.borrow, Number.POSITIVE_INFINITY),
    }),
    path,
    parent,
    weight: policy.weight,
    limit: vectorOf(axes, policy.limit, Number.POSITIVE_INFINITY),
    owned: zero(),
    history: zero(),
    guarantees: axes.names.map(() => false),
    lendable: zero(),
    used: zero(),
    share: 0,
    fill: 0,
    age: Number.POSITIVE_INFINITY,
  };
  parent?.children.push(node);
  for (let above: RoleNode | null = node; above !== null; above = above.parent) {
    for (const [r, name] of axes.names.entries()) if (name in policy.guarantee) above.guarantees[r] = true;
  }
  return node;
}

/** What an owner has in a partition, and lends of it, hangs from the league like a role that nobody else is under. */
function own(owner: RoleNode, room: Room, league: RoleNode): void {
  for (let above: RoleNode | null = owner; above !== null; above = above.parent) addTo(above.owned, room.usable);
  room.quota = quotaNode(league, {
    nominal: room.usable,
    lendingLimit: [...room.lendable],
    borrowingLimit: room.usable.map(() => 0),
  });
}

/** The league itself has what nobody was promised; with more promised than there is, nothing, and capacity binds. */
function promise(league: RoleNode, roles: Iterable<RoleNode>, rooms: readonly Room[]): void {
  const capacity = league.nominal.map(() => 0);
  for (const room of rooms) addTo(capacity, room.usable);
  const left = [...capacity];
  addTo(left, league.owned, -1);
  const all = [...roles];
  for (const role of all) addTo(left, role.nominal, -1);
  for (const [r, amount] of left.entries()) league.nominal[r] = Math.max(0, amount);
  settle(league);
  for (const role of all) {
    for (const [r, most] of capacity.entries()) {
      const owned = role === league ? 0 : at(role.owned, r);
      role.lendable[r] = Math.min(most, potential(role, r) + owned);
    }
  }
}

/** Sets its share and fill anew. Past use counts like present one, in its own partitions first. */
export function restand(node: RoleNode): void {
  if (node.parent === null) return;
  const borrowed = node.usage.map(
    (usage, r) => usage + Math.max(0, at(node.history, r) - at(node.owned, r)) - at(node.subtree, r),
  );
  node.share = dominantBorrowed(borrowed, node.parent.lendable, node.weight);
  node.fill = 0;
  for (const [r, used] of node.used.entries()) {
    const promised = at(node.subtree, r) + at(node.owned, r);
    if (promised > 0) node.fill = Math.max(node.fill, used / promised);
  }
}
