/**
 * Borrowing and lending in a tree of quotas, as Kueue defines it (pkg/cache/scheduler/resource_node.go): what a node
 * keeps for itself, what it has in all, what it can still get. Arithmetic only, a resource at a time.
 */
import { at, type Vector } from "./axes.ts";

export interface QuotaNode {
  readonly parent: QuotaNode | null;
  readonly children: QuotaNode[];
  /** what it was promised itself */
  readonly nominal: Vector;
  /** of its subtree's quota, what others may use at most; Infinity: all of it */
  readonly lendingLimit: Vector;
  /** beyond its subtree's quota, what it may use at most; Infinity: whatever there is */
  readonly borrowingLimit: Vector;
  /** its own quota and what its children lend; `settle` sets it */
  readonly subtree: Vector;
  /** what counts against `subtree`: of a child's usage only what exceeds the child's local quota */
  readonly usage: Vector;
}

export function quotaNode(
  parent: QuotaNode | null,
  quota: Pick<QuotaNode, "nominal" | "lendingLimit" | "borrowingLimit">,
): QuotaNode {
  const zero = () => quota.nominal.map(() => 0);
  const node: QuotaNode = { ...quota, parent, children: [], subtree: zero(), usage: zero() };
  parent?.children.push(node);
  return node;
}

/** Sums the quotas of the subtree up; once, before anything is charged. */
export function settle(node: QuotaNode): void {
  for (const child of node.children) settle(child);
  for (let r = 0; r < node.nominal.length; r++) {
    node.subtree[r] = node.children.reduce(
      (sum, child) => sum + at(child.subtree, r) - localQuota(child, r),
      at(node.nominal, r),
    );
  }
}

/** The quota that only its own subtree sees, for it is never lent. */
const localQuota = (node: QuotaNode, r: number): number => Math.max(0, at(node.subtree, r) - at(node.lendingLimit, r));

/** What is left of the local quota. */
export const localAvailable = (node: QuotaNode, r: number): number =>
  Math.max(0, localQuota(node, r) - at(node.usage, r));

/**
 * What the node can still use; negative where more is in use than it may.
 * @param top from here up nothing bounds it; null: the whole tree does
 */
export function available(node: QuotaNode, r: number, top: QuotaNode | null = null): number {
  if (node === top) return Number.POSITIVE_INFINITY;
  if (node.parent === null) return at(node.subtree, r) - at(node.usage, r);
  return localAvailable(node, r) + Math.min(borrowable(node, r), available(node.parent, r, top));
}

/** What its borrowing limit lets it still take from its parent, its own quota there included. */
export function borrowable(node: QuotaNode, r: number): number {
  const stored = at(node.subtree, r) - localQuota(node, r);
  const used = Math.max(0, at(node.usage, r) - localQuota(node, r));
  return stored - used + at(node.borrowingLimit, r);
}

/** The most that the node could ever use: were nothing in use. */
export function potential(node: QuotaNode, r: number): number {
  if (node.parent === null) return at(node.subtree, r);
  return Math.min(localQuota(node, r) + potential(node.parent, r), at(node.subtree, r) + at(node.borrowingLimit, r));
}

/** What can be used at `from`, under `node`, before `node` has more in use than its subtree's quota. */
export function nominalRoom(node: QuotaNode, from: QuotaNode, r: number): number {
  let room = at(node.subtree, r) - at(node.usage, r);
  for (let below: QuotaNode | null = from; below !== null && below !== node; below = below.parent)
    room += localAvailable(below, r);
  return room;
}

/** @param top is not charged, nor is what is above it; null: all are */
export function addUsage(node: QuotaNode, r: number, amount: number, top: QuotaNode | null = null): void {
  if (node === top) return;
  const past = amount - localAvailable(node, r);
  node.usage[r] = at(node.usage, r) + amount;
  if (node.parent !== null && past > 0) addUsage(node.parent, r, past, top);
}

/** Takes away what `addUsage` with the same `top` has added: what was beyond the local quota goes first. */
export function removeUsage(node: QuotaNode, r: number, amount: number, top: QuotaNode | null = null): void {
  if (node === top) return;
  const beyond = Math.max(0, at(node.usage, r) - localQuota(node, r));
  node.usage[r] = at(node.usage, r) - amount;
  if (node.parent !== null && beyond > 0) removeUsage(node.parent, r, Math.min(amount, beyond), top);
}

/**
 * The dominant share: the largest part of what could be lent that is borrowed, divided by the weight (Kueue's
 * fair_sharing.go, which counts in thousandths; without quotas it is Ghodsi et al.'s, NSDI'11). A resource of which
 * nothing can be lent does not count; who borrows with weight 0 comes last.
 */
export function dominantBorrowed(borrowed: Vector, lendable: Vector, weight: number): number {
  let share = 0;
  for (let r = 0; r < borrowed.length; r++) {
    // One division, so that equal ratios are equal numbers.
    if (at(borrowed, r) > 0 && at(lendable, r) > 0)
      share = Math.max(share, at(borrowed, r) / (at(lendable, r) * weight));
  }
  return share;
}
