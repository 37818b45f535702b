/** What a report of a Cluster changes: each (job, cluster) row is replaced iff the report is newer. */
import { intersect, type Ranges, subtract, union } from "../model/ranges.ts";
import type { JobReport, Report, ReturnReason } from "../protocol/levels.ts";
import type { JobBook } from "./book.ts";
import type { Shares } from "./shares.ts";
import { charged, type GrantState, isApplied, type JobMemory, movedFrom, sumOf, terminalOf } from "./state.ts";
import { afterReport, all, merge, NOTHING, queueSize, rangesOf, requeue, supplySize, without } from "./supply.ts";

/** Returns that say: not there, as things are. */
const BARRING = new Set<ReturnReason>(["does-not-fit", "fragmented", "refused"]);
/** Beyond so many reports a second from one cluster, the next may come a little later. */
const REPORTS_PER_S = 40;
const PACE_MS = 25;

/** @returns what a round may use: nothing, that a grant is applied, room of tasks that ended, or more than that */
export function heardOf(
  book: JobBook,
  shares: Shares,
  job: JobMemory,
  grant: GrantState,
  report: Report,
  said: Report["jobs"][number],
  now: number,
): "nothing" | "applied" | "ends" | "more" {
  const newer =
    report.incarnation > grant.incarnation || (report.incarnation === grant.incarnation && report.rev > grant.rev);
  if (!newer) return "nothing";
  const before = grant.reported;
  const { supply, returned } = afterReport(grant.supply, said);
  const ends = supplySize(grant.supply) - supplySize(supply);
  grant.incarnation = report.incarnation;
  grant.rev = report.rev;
  const told = withCancelled(before, withOwnEnds(job, grant, said));
  grant.reported = said.silenceLeftMs === undefined ? told : { ...told, silentUntil: now + said.silenceLeftMs };
  grant.supply = supply;
  grant.recentEnds = ends - queueSize(returned);
  takeFromQueue(book, job, all(told));
  if (isApplied(grant)) grant.oldLimits = grant.limits;
  const hasRoomAgain = Object.entries(grant.barredIn).filter((bar) => isLifted(bar, said));
  if (hasRoomAgain.length > 0)
    grant.barredIn = Object.fromEntries(Object.entries(grant.barredIn).filter((bar) => !isLifted(bar, said)));
  if (job.state === "waiting" && sumOf(said.live) > 0) {
    job.state = "running";
    book.changed(job);
  }
  if (returned.length > 0) {
    takeBack(book, job, grant, returned, said);
    shares.entered(job.template.role, job.template.resources, -queueSize(returned));
  }
  tellMoved(book, job);
  book.changedGrant(grant);
  book.progressed(job);
  const isSameLive = JSON.stringify([before?.live, before?.room]) === JSON.stringify([said.live, said.room]);
  // A third copy may have waited for the end of an earlier one.
  const isOneLess = subtract(before?.leaving ?? [], said.leaving ?? []).length > 0;
  if (hasRoomAgain.length > 0 || returned.length > 0 || isOneLess) return "more";
  if (ends > 0 || !isSameLive) return "ends";
  return before?.genApplied !== said.genApplied ? "applied" : "nothing";
}

/**
 * After a restore a Cluster tells ends that it told before, or that came after the backup these rows are from. What was
 * told first stands, and what another Cluster has may be running there: that one tells how it ends.
 */
function withOwnEnds(job: JobMemory, here: GrantState, said: JobReport): JobReport {
  const others = [...job.grants].filter(([, grant]) => grant !== here);
  const over = all(terminalOf({ ...job, grants: new Map(others) }));
  const elsewhere = union(over, rangesOf(others.flatMap(([, { supply }]) => supply)));
  if (intersect(all(said), elsewhere).length === 0) return said;
  const own = (ends: Ranges): Ranges => subtract(ends, elsewhere);
  return { ...said, done: own(said.done), failed: own(said.failed), cancelled: own(said.cancelled) };
}

/**
 * What never ran is cancelled by the grant alone: a Cluster that was built anew has no row of it when a later gen
 * omits it, and does not tell it again.
 */
function withCancelled(before: JobReport | null, said: JobReport): JobReport {
  const forgotten = subtract(before?.cancelled ?? [], said.cancelled);
  return forgotten.length === 0 ? said : { ...said, cancelled: union(said.cancelled, forgotten) };
}

/** What ended after the backup that these rows come from is nobody's to run any more. */
function takeFromQueue(book: JobBook, job: JobMemory, over: Ranges): void {
  if (job.queue.length === 0 || intersect(rangesOf(job.queue), over).length === 0) return;
  job.queue = without(job.queue, over);
  book.changed(job);
}

/** Where an old attempt runs on, that the new one runs elsewhere by now. */
function tellMoved(book: JobBook, job: JobMemory): void {
  for (const grant of job.grants.values()) {
    const moved = movedFrom(job, grant);
    const isNews = subtract(moved, grant.toldMoved ?? []).length > 0;
    grant.toldMoved = moved;
    if (!isNews) continue;
    Object.assign(grant, { gen: grant.gen + 1, sent: false });
    book.changedGrant(grant);
  }
}

/** There was no room on one node, and by what is said there may be some again. */
const isLifted = ([partition, reason]: [string, ReturnReason], { lacksIn, ...said }: JobReport): boolean =>
  reason === "fragmented" && !(lacksIn?.includes(partition) ?? saysFragmented(said));

/** Whatever else it says of what waits there: then it may have room. */
const saysFragmented = ({ reason, returned }: Pick<JobReport, "reason" | "returned">): boolean =>
  reason === "fragmented" || returned.some((one) => one.reason === "fragmented");

function takeBack(
  book: JobBook,
  job: JobMemory,
  grant: GrantState,
  returned: ReturnType<typeof afterReport>["returned"],
  said: Report["jobs"][number],
): void {
  if (job.state === "cancelling") job.banked = merge(job.banked, { ...NOTHING, cancelled: rangesOf(returned) });
  else job.queue = requeue(job.queue, returned);
  for (const { reason, partitions = Object.keys(grant.limits) } of said.returned) {
    if (!BARRING.has(reason)) continue;
    grant.barredIn = { ...grant.barredIn };
    for (const name of partitions) grant.barredIn[name] = reason;
  }
  // The next gen omits what came back: the Cluster may stop repeating it.
  grant.gen += 1;
  grant.sent = false;
  book.changed(job);
}

/** A Cluster that began anew: what it had may still run on its nodes, and is only adopted until silence says otherwise. */
export function recover(book: JobBook, { cluster, incarnation }: Report): void {
  for (const job of book.live()) {
    const grant = job.grants.get(cluster);
    if (!grant) continue;
    if (grant.reported) job.banked = merge(job.banked, grant.reported);
    grant.oldLimits = charged(grant);
    // What the earlier one still says, late, counts no more.
    Object.assign(grant, { reported: null, incarnation, rev: 0, gen: grant.gen + 1, sent: false });
    book.changed(job);
    book.changedGrant(grant);
  }
}

/** Other shapes: what did not fit may fit now. */
export function unbar(book: JobBook, cluster: string): void {
  for (const job of book.live()) {
    const grant = job.grants.get(cluster);
    if (!grant || Object.keys(grant.barredIn).length === 0) continue;
    grant.barredIn = {};
    book.changedGrant(grant);
  }
}

/** When the next report of a cluster may come. */
export class Pace {
  readonly #times = new Map<string, number[]>();

  nextReportMs(cluster: string, now: number): number {
    const times = (this.#times.get(cluster) ?? []).filter((at) => at > now - 1000 && at <= now);
    times.push(now);
    this.#times.set(cluster, times);
    return times.length > REPORTS_PER_S ? PACE_MS : 0;
  }
}
