/** The rules that at-most-one rests on, apart, so that the simulator can switch one off and see what it is for. */

/** Ticks are never longer, so that our own outages count at most one. */
export const TICK_MS = 5_000;
/** With at least so many nodes and more than a third of them silent together, it is the link and not the nodes. */
const MASS_NODES = 10;
const MASS_WINDOW_MS = 60_000;
export const HOLD_FOR_MS = 300_000;

export interface ClusterRules {
  /** whether an attempt of a node that was silent so long may be handed out again; `lostAfterMs: null`: never */
  silenceElapsed(silentMs: number, lostAfterMs: number | null): boolean;
  /** whether the end of the attempt `epoch` decides its task, whose newest hand-out is `newest` */
  decides(epoch: number, newest: number): boolean;
  /** whether a poll without an attempt shows that it never started: only one later than the reply that carried it */
  withdraws(poll: { session: number; seq: number }, carried: { session: number; seq: number }): boolean;
  massHoldMs: typeof massHoldMs;
}

export const CLUSTER_RULES: ClusterRules = {
  silenceElapsed: (silentMs, lostAfterMs) => lostAfterMs !== null && silentMs >= lostAfterMs,
  decides: (epoch, newest) => epoch === newest,
  withdraws: (poll, carried) => poll.session === carried.session && poll.seq > carried.seq,
  massHoldMs,
};

/** Part of a tick that counts: clocks may jump, and time that this object was away is not known to be silence. */
export const tickMs = (lastTickAt: number, now: number): number => Math.max(0, Math.min(now - lastTickAt, TICK_MS));

/**
 * Extra wait when many nodes fell silent together: a delay, not the safety.
 *
 * @param silences how long each silent node has been so, ascending, ms @param nodes that the cluster has
 */
function massHoldMs(silentMs: number, silences: readonly number[], nodes: number): number {
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
