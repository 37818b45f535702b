/** What must hold in every world, counted each time it is looked at; the first one broken ends the seed. */

export const INVARIANTS = [
  "at-most-one", // two processes of one task never live at the same time; a framework's is one by the id that it gave
  "dead-by-deadline", // no process outlives the time its last accepted renewal gives
  "lost-when-over", // nothing is handed out again as lost before its node may not let it live any more
  "acknowledged-kept", // what was answered to a person or an agent is in the rows
  "terminal-final", // a terminal state, seen once, never changes
  "decided-by-newest", // the newest hand-out of a task decides it
  "mass-held", // what was cut off with many nodes at once is waited for longer
  "indices-conserved", // queue ⊎ supplies ⊎ terminal = all indices of the job
  "epochs-rise", // every hand-out of a task has a higher epoch than all before
  "exactly-once", // where nothing was lost, a task that succeeded ran to its end once
  "capacity", // what lives on a node fits on it
  "devices-kept", // parts of a gpu are at most one, and whole ones have one task each
  "placed-as-asked", // what starts, starts where its job says that it may, with the ports that it asked for
  "grace-given", // TERM comes the grace before KILL
  "timeouts-kept", // where its agent is always there, no attempt runs longer than its timeout
  "retries-kept", // no task fails more often than it may be tried
  "submitted-once", // a key stands for one job: the same again finds it, another under it is refused
  "joined-once", // a machine that asks again to join is the node that it was
  "amounts-add-up", // each partition is its parts, and all of them are what the nodes have
  "charged-whole", // what lives is charged to its role, also while it changes
  "rows-kept", // what an object knows is what its rows tell: a crash changes nothing
  "limits-kept", // what lives never exceeds the limit of a role, or what an owner lends
  "ledger-balances", // what was lent was borrowed, is never forgotten, and is what attempts used
  "drained-in-time", // past its deadline nothing on a drained node is let live, and soon nothing does
  "drilled-as-cut", // no reply leaves for a node while its cluster is drilled
  "drills-told", // what a drill reports is so: nothing is doubled that never was, and nothing is lost
  "two-copies", // where no node is ever silent, what may run twice runs twice at most
  "nobody-starves", // nobody waits beside what is free, lent and its fair part
  "guarantees-met", // after the faults who has less than its role is promised gets it, from what is free or what others borrow
  "plans-kept", // a submission that is taken with a plan's token gets just what the plan told
  "taken-back-rightly", // nobody is stopped for others before minRun, nobody over and over, and who claims its own gets it
  "reasons-told", // what waits has a reason from the list, and a sentence
  "reasons-true", // after the faults no reason is told for long that the world plainly speaks against
  "gangs-whole", // a gang starts in one turn and partition, and is never live in two clusters; none keeps places in the end
  "framework-kept", // a framework that comes back is the same, and is never told that it is not
  "ends-told-rightly", // of what a framework was told that it ended for good, no process lives, then or later
  "offers-let-go", // an offer that is not answered is taken back in time, and one of a node that nobody hears at once
  "updates-told", // each update of a framework's task comes until it is acknowledged, in order, and its end is told
  "output-whole", // what is stored or read of an output is what its process wrote there, and in the end all of it
  "told-soon", // where all is calm, who waits for a job's end hears of it at once
  "waits-let-go", // the Worker holds no socket for nobody, and nothing for long for a client that has gone
  "nothing-left-behind", // when all is over nothing is kept for it, and nothing of a framework that was torn down
  "league-settles", // left alone an idle league does nothing but hold polls
  "events-gapless", // who follows the events sees each once, in order, none missing, and of each job its begin and its end
  "all-end", // once the faults have stopped, every job ends
  "no-spinning", // nobody does the same over and over: requests of an agent, alarms of an object in a minute
  "understood", // a poll and a reply are taken, whatever version who says them is of
  "turns-whole", // an object or an agent never throws anything but a problem, and never after a write
] as const;
export type Invariant = (typeof INVARIANTS)[number];

export class Violation extends Error {
  readonly invariant: Invariant;
  constructor(invariant: Invariant, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}

/** More in a minute than it takes to look whether there is any news. */
const MOST_A_MINUTE = 120;
/** Of an object: the news for the Broker, those for a framework, and what is offered anew have a second each. */
export const MOST_ALARMS_A_MINUTE = 240;
const MINUTE_MS = 60_000;
/** The start of a task, its end, and what was lost on the way. */
const REQUESTS_FOR_NEWS = 2;

export class Checks {
  readonly #busy = new Map<string, { minute: number; n: number }>();

  readonly counts = new Map<Invariant, number>(INVARIANTS.map((name) => [name, 0]));

  /** One more request or alarm of `who`. */
  spin(who: string, nowMs: number, most = MOST_A_MINUTE): void {
    const n = this.#count(who, nowMs, 1);
    this.hold("no-spinning", n <= most, () => `${who}: ${n} times within a minute`);
  }

  /** Something for `who` to tell. */
  news(who: string, nowMs: number): void {
    this.#count(who, nowMs, -REQUESTS_FOR_NEWS);
  }

  #count(who: string, nowMs: number, more: number): number {
    const minute = Math.floor(nowMs / MINUTE_MS);
    const before = this.#busy.get(who);
    const n = (before?.minute === minute ? before.n : 0) + more;
    this.#busy.set(who, { minute, n });
    return n;
  }

  hold(invariant: Invariant, holds: boolean, otherwise: () => string): void {
    this.counts.set(invariant, (this.counts.get(invariant) ?? 0) + 1);
    if (!holds) throw new Violation(invariant, otherwise());
  }
}
