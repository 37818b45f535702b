/** What a Cluster keeps in memory: a cache of its rows, rebuilt on construction, and hints that may be lost. */
import { type Epoch, handoutOf, localOf } from "../model/ids.ts";
import { readTemplate, type Template } from "../model/job.ts";
import { contains, normalize, type Range, type Ranges, subtract, union, withIndex } from "../model/ranges.ts";
import type { Resources } from "../model/resources.ts";
import { type EndReason, isTerminal } from "../model/states.ts";
import type { Inventory } from "../protocol/agent.ts";
import type { Claim, Counts, JobReport, Returned, Supply, WaitReason, Yields } from "../protocol/levels.ts";
import { type Asked, askedOf } from "../scheduling/place/asked.ts";
import type { Launched } from "./frameworks/launched.ts";
import { LiveTasks } from "./liveTasks.ts";
import { Retries } from "./retries.ts";
import type { Drain, Leaving, StopCause } from "./schema.ts";
import type { AttemptRow, GrantRow, TaskRow } from "./store.ts";
import { RanTally } from "./tally.ts";

/** A hand-out that may be running. */
export interface Live {
  job: JobState;
  index: number;
  epoch: Epoch;
  attemptsUsed: number;
  node: string;
  session: number;
  carried: { session: number; seq: number };
  item: string | null;
  partition: string;
  /** the partition's owner when it was handed out */
  lender: string | null;
  /** by this object's clock */
  assignedAt: number;
  /** of the node's gpus, by number */
  devices: readonly number[];
  ports: readonly number[];
  /** it is told to stop, and its task is then tried again; null: it is not */
  stopping: StopCause | null;
  /** a poll showed it */
  confirmed: boolean;
  /** when it was first shown; a hint */
  confirmedAt?: number;
  /**
   * It is not its task's newest attempt, or the task is another cluster's by now. null: it runs on, as long as its node
   * may; a time: the newest is known to run elsewhere, it is stopped then
   */
  leavesAtMs?: number | null;
}

/** An earlier attempt that runs on until the newest one does. */
export type LeavingLive = Live & { leavesAtMs: number | null };

/** Handed out before, to be tried again here. */
export interface Retry {
  index: number;
  handout: number;
  local: number;
  attemptsUsed: number;
  avoid: string | null;
  notBefore: number;
  item: string | null;
  /** how its last attempt ended; null: it never started */
  reason: EndReason | null;
  /** it was stopped then because its node shall be empty */
  drainedAt?: number;
}

/** Supply of which nothing was ever handed out here (`fresh`), or of which it is not known (`limbo`). */
export interface Stock {
  handout: number;
  attemptsUsed: number;
  ranges: Range[];
}

export interface JobState {
  id: string;
  /** its one task was launched by a framework; null: the Broker granted it */
  launched: Launched | null;
  gen: number;
  action: "run" | "cancel";
  limits: Counts;
  template: Template;
  /** what its tasks ask of a node */
  asked: Asked;
  supply: Supply[];
  /** null: it waits for room, and nothing of it may be taken back */
  claim: Claim | null;
  yields: Yields | null;
  returned: Returned[];
  /** version of the nodes for which `returned` says where it would not run; null: lost with the memory */
  returnedUnder: number | null;
  fresh: Stock[];
  /** given to an earlier incarnation of this object */
  limbo: Stock[];
  /** of limbo: the newest epoch whose end a node tells, and that cannot count yet; lost with the memory */
  heldEnds: Map<number, Epoch>;
  retry: Retries<Retry>;
  live: LiveTasks<Live>;
  /** by index: earlier attempts that run on beside the newest, which may be another cluster's */
  leaving: Map<number, LeavingLive>;
  done: Ranges;
  failed: Ranges;
  cancelled: Ranges;
  refusedBy: Set<string>;
  ran: RanTally;
  lastFailure: JobReport["lastFailure"];
  reason: WaitReason | null;
  /** partitions where no node had room enough for the tasks that were given back; a hint */
  lacksIn: readonly string[];
  /** and where something is otherwise since then, so that they might fit; of gangs alone */
  mayFitIn: readonly string[];
  /** where limbo is told to be; a hint */
  limboIn: string | null;
  /** since when tasks wait here with room granted and none finds a place */
  starvedAt: number | null;
  /** since when a task waits for a node that it prefers to those that listen; a hint */
  awaitsSince: number | null;
  /** the Broker does not know the present state yet: `now` tells it at once, `soon` with the next report */
  dirty: "no" | "soon" | "now";
  /** has `dirty` noted there from now on */
  watch(watcher: DirtWatcher): void;
  /** lower: it came earlier */
  age: number;
}

export interface NodeState {
  name: string;
  joinKey: string;
  serial: number;
  session: number;
  nonce: string;
  boot: string;
  inventory: Inventory | null;
  paused: boolean;
  removed: boolean;
  /** null: it is not drained */
  drain: Drain | null;
  // Hints, lost with the memory.
  seq: number;
  seenAt: number;
  /** it said that it would poll again within this time */
  expectMs: number;
  /** `asleep`: it was told to poll seldom and waits to be called · `called`: it has not polled since */
  rest: "awake" | "asleep" | "called";
  pressure: readonly string[];
  /** attempts it runs that are not ours to renew: they still take room */
  ghosts: Map<string, Resources>;
  /** nothing new is placed on it until it is heard; the Broker was told */
  isSilent: boolean;
}

/** Not heard yet. */
export const newNode = (is: Pick<NodeState, "name" | "serial" | "joinKey">, now: number): NodeState => ({
  ...is,
  session: 0,
  nonce: "",
  boot: "",
  inventory: null,
  paused: false,
  removed: false,
  drain: null,
  seq: 0,
  seenAt: now,
  expectMs: 0,
  rest: "awake",
  pressure: [],
  ghosts: new Map(),
  isSilent: false,
});

export interface Silence {
  node: string;
  session: number;
  silentMs: number;
  lastTickAt: number;
  /** it fell silent with many others */
  isMass: boolean;
}

export interface DirtWatcher {
  dirtied(job: JobState): void;
}

/** Whoever sets `dirty` need not know who goes by it. */
class Dirt {
  #dirty: JobState["dirty"] = "now";
  #watcher: DirtWatcher | null = null;

  get dirty(): JobState["dirty"] {
    return this.#dirty;
  }

  set dirty(dirty: JobState["dirty"]) {
    this.#dirty = dirty;
    this.#watcher?.dirtied(this as unknown as JobState);
  }

  watch(watcher: DirtWatcher): void {
    this.#watcher = watcher;
    watcher.dirtied(this as unknown as JobState);
  }
}

/** @param attempts ended ones that did not decide their task */
export function jobState(
  row: Omit<GrantRow, "waits">,
  tasks: readonly TaskRow[],
  attempts: readonly AttemptRow[],
  now: number,
): JobState {
  const template = readTemplate(row.template);
  const fields: Omit<JobState, keyof Dirt> = {
    id: row.job,
    launched: row.launched,
    gen: row.gen,
    action: row.action,
    limits: row.limits,
    template,
    asked: askedOf(row.job, template),
    supply: row.supply,
    claim: row.claim,
    yields: row.yields,
    returned: row.returned,
    returnedUnder: null,
    fresh: [],
    limbo: [],
    heldEnds: new Map(),
    retry: new Retries(),
    live: new LiveTasks(),
    leaving: new Map(),
    done: [],
    failed: [],
    cancelled: [],
    refusedBy: new Set(),
    ran: new RanTally(),
    lastFailure: null,
    reason: null,
    starvedAt: null,
    awaitsSince: null,
    lacksIn: [],
    mayFitIn: [],
    limboIn: null,
    age: 0,
  };
  const state: JobState = Object.assign(new Dirt(), fields);
  const counted = new Set<string>();
  for (const attempt of attempts) {
    if (attempt.ranMs === null) continue;
    state.ran.add(attempt, attempt.ranMs, attempt.state !== "lost");
    counted.add(`${attempt.index}@${attempt.epoch}`);
  }
  const handouts = new Map<number, number>();
  for (const task of tasks) {
    const epoch = task.epoch as Epoch;
    if (task.leaving) state.leaving.set(task.index, leavingLive(state, task, task.leaving));
    handouts.set(task.index, handoutOf(epoch));
    // A lost attempt that came back and decided its task is told by both rows.
    const isCounted = counted.has(`${task.index}@${task.epoch}`);
    if (isOverRow(task) && task.ranMs !== null && !isCounted) state.ran.add(task, task.ranMs, true);
    switch (task.state) {
      case "succeeded":
        state.done = withIndex(state.done, task.index);
        break;
      case "failed":
        state.failed = withIndex(state.failed, task.index);
        break;
      case "cancelled":
        state.cancelled = withIndex(state.cancelled, task.index);
        break;
      case "returned":
        break;
      case "waiting":
        state.retry.set(task.index, {
          index: task.index,
          handout: handoutOf(epoch),
          local: localOf(epoch),
          attemptsUsed: task.attemptsUsed,
          avoid: task.node,
          notBefore: task.reason === "drained" ? 0 : task.notBefore,
          item: task.item,
          reason: task.reason,
          ...(task.reason === "drained" && { drainedAt: Math.min(task.notBefore, now) }),
        });
        break;
      default:
        state.live.set(task.index, {
          job: state,
          index: task.index,
          epoch,
          attemptsUsed: task.attemptsUsed,
          node: task.node,
          session: task.session,
          carried: { session: task.carriedSession, seq: task.carriedSeq },
          item: task.item,
          partition: task.partition,
          lender: task.lender,
          // Rows of an earlier version do not tell.
          assignedAt: task.assignedAt || now,
          devices: task.devices ?? [],
          ports: task.ports ?? [],
          stopping: task.stopping,
          confirmed: false,
        });
    }
  }
  if (state.launched?.isLost) state.failed = [[0, 1]];
  stockUp(state, (index) => handouts.get(index) ?? 0);
  if (state.action === "cancel") cancelWaiting(state);
  return state;
}

/** Whatever it was told to do it is told again: why follows from what else there is. */
function leavingLive(job: JobState, { index, attemptsUsed, item }: TaskRow, kept: Leaving): LeavingLive {
  const { epoch, session, ...where } = kept;
  return {
    ...where,
    job,
    index,
    epoch: epoch as Epoch,
    attemptsUsed,
    session,
    // Any poll of this session shows it.
    carried: { session, seq: 0 },
    item,
    stopping: null,
    confirmed: true,
  };
}

export const leavingRow = (live: LeavingLive): Leaving => ({
  epoch: live.epoch,
  node: live.node,
  session: live.session,
  partition: live.partition,
  lender: live.lender,
  assignedAt: live.assignedAt,
  devices: live.devices,
  ports: live.ports,
  leavesAtMs: live.leavesAtMs,
});

/** All that may run of it here. */
export function* attemptsOf(job: Pick<JobState, "live" | "leaving">): Generator<Live> {
  yield* job.live.values();
  yield* job.leaving.values();
}

export const isLeaving = (live: Live): live is LeavingLive => live.leavesAtMs !== undefined;

const isOverRow = ({ state }: TaskRow): boolean => state !== "returned" && isTerminal(state);

/** What never ran, or waits to be tried again, is cancelled by the grant itself: no rows. */
export function cancelWaiting(state: JobState): void {
  for (const { ranges } of state.fresh) state.cancelled = union(state.cancelled, ranges);
  const again = [...state.retry.keys()].map((index): Range => [index, index + 1]);
  state.cancelled = union(state.cancelled, normalize(again));
  state.fresh = [];
  state.retry.clear();
}

/**
 * What of the supply was never handed out here: indices without a row of that hand-out, not returned and not over.
 * @param handoutAt hand-out number of the newest attempt of an index, 0 if there is none
 */
export function stockUp(state: JobState, handoutAt: (index: number) => number): void {
  state.fresh = [];
  state.limbo = [];
  const over = union(union(state.done, state.failed), state.cancelled);
  for (const { from, to, handout, attemptsUsed, recover } of state.supply) {
    const given = state.returned.filter((r) => r.handout >= handout).map((r): Range => [r.from, r.to]);
    for (let index = from; index < to; index++) if (handoutAt(index) >= handout) given.push([index, index + 1]);
    const ranges = subtract(subtract([[from, to]], over), normalize(given));
    if (ranges.length > 0) (recover ? state.limbo : state.fresh).push({ handout, attemptsUsed, ranges });
  }
}

/** At once over all partitions. */
export const limitOf = (job: Pick<JobState, "limits">): number =>
  Object.values(job.limits).reduce((n, limit) => n + limit, 0);

/** Beyond its limits, tasks in a partition for which others may be stopped. */
export const claimIn = ({ claim }: Pick<JobState, "claim">, partition: string): number =>
  (claim?.own[partition] ?? 0) + (claim?.priority[partition] ?? 0);

/** The same over all partitions. */
export const claimOf = ({ claim }: Pick<JobState, "claim">): number =>
  claim === null
    ? 0
    : [...Object.values(claim.own), ...Object.values(claim.priority)].reduce((n, count) => n + count, 0);

/** Where it may run. */
export const partitionsFor = (job: Pick<JobState, "limits">): string[] =>
  Object.entries(job.limits).flatMap(([name, limit]) => (limit > 0 ? [name] : []));

/** Where it may run, or may have room made. */
export const startsIn = (job: Pick<JobState, "limits" | "claim">): string[] => [
  ...new Set([...partitionsFor(job), ...Object.keys({ ...job.claim?.own, ...job.claim?.priority })]),
];

/** By partition; what is not known to be anywhere (limbo) is not in it. */
export const liveCounts = (job: Pick<JobState, "live">): Record<string, number> => job.live.counts();

/** Of a job with one task: that has ended. */
export const isOver = ({ done, failed, cancelled }: Pick<JobState, "done" | "failed" | "cancelled">): boolean =>
  done.length + failed.length + cancelled.length > 0;

/** Tasks of it wait here. */
export const isWaiting = (job: Pick<JobState, "fresh" | "retry">): boolean =>
  job.fresh.length > 0 || job.retry.size > 0;

/** Nothing more can come of the job here until the Broker says so: its end must not wait. */
export const isIdle = (job: JobState): boolean =>
  job.live.size === 0 && job.leaving.size === 0 && !isWaiting(job) && job.limbo.length === 0;

/** The cluster would soon have nothing left to hand out. */
export const runsDry = (job: JobState): boolean => stockSize(job.fresh) + job.retry.size < limitOf(job) / 2;

export function itemOf(supply: readonly Supply[], index: number): string | null {
  for (const entry of supply) {
    if (index >= entry.from && index < entry.to) return entry.items?.[index - entry.from] ?? null;
  }
  return null;
}

export const stockSize = (stock: readonly Stock[]): number =>
  stock.reduce((n, { ranges }) => n + ranges.reduce((m, [from, to]) => m + to - from, 0), 0);

/** Takes one index out of the stock that has it. */
export function takeFrom(stock: Stock[], index: number): Stock | null {
  for (let i = 0; i < stock.length; i++) {
    const entry = stock[i] as Stock;
    if (!contains(entry.ranges, index)) continue;
    entry.ranges = subtract(entry.ranges, [[index, index + 1]]);
    if (entry.ranges.length === 0) stock.splice(i, 1);
    return entry;
  }
  return null;
}
