/**
 * Who is next. From the league down, at each level: who can be given something in what is its own, before who stays
 * within its guarantee, before who borrows; among those of one kind the lowest share, then the oldest. Claims fill in
 * proportion to what was promised, so that promises that cannot all be kept are kept alike. Jobs of one role go by
 * priority first; where roles are under it too, those jobs together are as one of them, as heavy as they are many. All
 * of it only ever gets worse while a round fills, so whoever cannot be given anything once never can be again.
 */

import { addTo } from "./axes.ts";
import type { Bound } from "./bounds.ts";
import { Queue } from "./queue.ts";
import { dominantBorrowed } from "./quota.ts";
import type { Leaf, RoleNode } from "./tree.ts";

/** Gives it something within the bounds, and charges it. @returns false if it can't be given anything there */
export type Give = (leaf: Leaf, bounds: readonly Bound[]) => boolean;

export interface Line {
  /** own, guaranteed, all: in this order */
  readonly queues: readonly Queue<Entry>[];
}

/** Jobs of one role beside roles under it. */
interface Siblings {
  readonly leaves: readonly Leaf[];
  readonly share: number;
  readonly fill: 0;
  readonly age: number;
}

interface Entry {
  readonly node: RoleNode | Leaf | Siblings;
  /** as they were when the entry was last put in its place */
  share: number;
  fill: number;
  readonly bounds: readonly Bound[];
  /** of a role: who is next in it; opened when it is first asked */
  readonly open: () => Line;
}

type Waiting = ReadonlyMap<RoleNode, ReadonlySet<RoleNode | Leaf>>;

/** @param leaves those who want something */
export function lineUp(league: RoleNode, leaves: Iterable<Leaf>): Line {
  const waiting = new Map<RoleNode, Set<RoleNode | Leaf>>();
  for (const leaf of leaves) {
    let child: RoleNode | Leaf = leaf;
    for (let role: RoleNode | null = leaf.role; role !== null; role = role.parent) {
      const siblings = waiting.get(role);
      siblings?.add(child);
      if (siblings) break;
      waiting.set(role, new Set([child]));
      child = role;
    }
  }
  return openLine(league, [], waiting);
}

/** Gives something to the one who is next and can be given it. @returns false if nobody can */
export function serveNext(line: Line, give: Give): boolean {
  for (const queue of line.queues) {
    for (let first = queue.first(); first !== undefined; first = queue.first()) {
      if (refresh(first)) {
        queue.sink();
      } else if (serve(first, give)) {
        refresh(first);
        queue.sink();
        return true;
      } else {
        queue.shift();
      }
    }
  }
  return false;
}

const serve = ({ node, bounds, open }: Entry, give: Give): boolean =>
  isLeaf(node) ? give(node, bounds) : serveNext(open(), give);

const isLeaf = (node: Entry["node"]): node is Leaf => "demand" in node;

function openLine(role: RoleNode, bounds: readonly Bound[], waiting: Waiting): Line {
  const children = [...(waiting.get(role) ?? [])];
  const roles = children.filter((child): child is RoleNode => !isLeaf(child));
  const leaves = children.filter(isLeaf);
  const owners = roles.filter((child) => child.owned.some((amount) => amount > 0));
  const guaranteed = roles.filter((child) => child.guarantees.includes(true));
  return {
    queues: [
      new Queue(
        owners.map((child) => entry(child, [...bounds, { role: child, by: "own" }], waiting)),
        byFill,
      ),
      new Queue(
        guaranteed.map((child) => entry(child, [...bounds, { role: child, by: "guarantee" }], waiting)),
        byFill,
      ),
      openToAll(role, roles, leaves, bounds, waiting),
    ],
  };
}

function openToAll(
  role: RoleNode,
  roles: readonly RoleNode[],
  leaves: readonly Leaf[],
  bounds: readonly Bound[],
  waiting: Waiting,
): Queue<Entry> {
  const entriesOf = (nodes: readonly (RoleNode | Leaf)[]) => nodes.map((node) => entry(node, bounds, waiting));
  if (leaves.every(({ priority }) => priority === leaves[0]?.priority))
    return new Queue(entriesOf([...leaves, ...roles]), byShare);
  const inOrder = new Queue(entriesOf(leaves), byPriority);
  if (roles.length === 0) return inOrder;
  const node = together(role, leaves);
  const siblings: Entry = { node, share: node.share, fill: 0, bounds, open: () => ({ queues: [inOrder] }) };
  return new Queue([siblings, ...entriesOf(roles)], byShare);
}

const together = ({ lendable }: RoleNode, leaves: readonly Leaf[]): Siblings => ({
  leaves,
  fill: 0,
  age: Math.min(...leaves.map(({ age }) => age)),
  get share() {
    const used = lendable.map(() => 0);
    for (const leaf of leaves) addTo(used, leaf.used);
    return dominantBorrowed(used, lendable, leaves.length);
  },
});

function entry(node: RoleNode | Leaf, bounds: readonly Bound[], waiting: Waiting): Entry {
  let line: Line | null = null;
  const open = (): Line => {
    if (line === null) line = isLeaf(node) ? { queues: [] } : openLine(node, bounds, waiting);
    return line;
  };
  return { node, share: node.share, fill: node.fill, bounds, open };
}

const byShare = (a: Entry, b: Entry): boolean => a.share < b.share || (a.share === b.share && a.node.age < b.node.age);
/** Of jobs only. */
const byPriority = (a: Entry, b: Entry): boolean => {
  const [left, right] = [(a.node as Leaf).priority, (b.node as Leaf).priority];
  return left > right || (left === right && byShare(a, b));
};
const byFill = (a: Entry, b: Entry): boolean => a.fill < b.fill || (a.fill === b.fill && byShare(a, b));

/** @returns whether it got worse since it was put in its place */
function refresh(entry: Entry): boolean {
  const { share, fill } = entry.node;
  if (share === entry.share && fill === entry.fill) return false;
  entry.share = share;
  entry.fill = fill;
  return true;
}
