/** The rules that at-most-one rests on, apart; the simulator takes each out and sees what it is for. */

/** Ticks are never longer, so that our own outages count at most one. */
export const TICK_MS = 5_000;
/** Beyond the time within which a node is to poll. */
export const OVERDUE_MS = 10_000;
/** The clock of a node against that of its Cluster. */
export const CLOCKS_APART = 0.02;
/** With at least so many nodes and more than a third of them silent together, it is the link and not the nodes. */
const MASS_NODES = 10;
const MASS_WINDOW_MS = 60_000;
export const HOLD_FOR_MS = 300_000;

/** Where a poll stands among those of its node: a later session, or a later request of one. */
interface PollOrder {
  session: number;
  seq: number;
}

/** Whether an attempt of a node that was silent so long may be handed out again; `lostAfterMs: null`: never. */
export const silenceElapsed = (silentMs: number, lostAfterMs: number | null): boolean =>
  lostAfterMs !== null && silentMs >= lostAfterMs;

/** Whether the end of the attempt `epoch` decides its task, whose newest hand-out is `newest`. */
export const decides = (epoch: number, newest: number): boolean => epoch === newest;

/** Whether a poll without an attempt shows that it never started: only one later than the reply that carried it. */
export const withdraws = (poll: PollOrder, carried: PollOrder): boolean =>
  poll.session === carried.session && poll.seq > carried.seq;

/** Part of a tick that counts: clocks may jump, and time that this object was away is not known to be silence. */
export const tickMs = (lastTickAt: number, now: number): number => Math.max(0, Math.min(now - lastTickAt, TICK_MS));

/**
 * Extra wait when many nodes fell silent together: a delay, not the safety.
 *
 * @param silences how long each silent node has been so, ascending, ms @param nodes that the cluster has
 */
export function massHoldMs(silentMs: number, silences: readonly number[], nodes: number): number {
  if (nodes < MASS_NODES) return 0;
  const together =
    firstAbove(silences, silentMs + MASS_WINDOW_MS) - firstAbove(silences, silentMs - MASS_WINDOW_MS - 1);
  return together * 3 > nodes ? HOLD_FOR_MS : 0;
}

/** How many of them are not above the bound. */
function firstAbove(ascending: readonly number[], bound: number): number {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ascending[middle] as number) > bound) to = middle;
    else from = middle + 1;
  }
  return from;
}
