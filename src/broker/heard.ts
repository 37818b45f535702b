/** What a report of a Cluster changes: each (job, cluster) row is replaced iff the report is newer. */
import { subtract } from "../model/ranges.ts";
import type { Report, ReturnReason } from "../protocol/levels.ts";
import type { JobBook } from "./book.ts";
import type { Shares } from "./shares.ts";
import { charged, type GrantState, isApplied, type JobMemory, movedFrom, sumOf } from "./state.ts";
import { afterReport, merge, NOTHING, queueSize, rangesOf, requeue, supplySize } from "./supply.ts";

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
  grant.reported = said.silenceLeftMs === undefined ? said : { ...said, silentUntil: now + said.silenceLeftMs };
  grant.supply = supply;
  grant.recentEnds = ends - queueSize(returned);
  if (isApplied(grant)) grant.oldLimits = grant.limits;
  const hasRoomAgain = isFragmented(grant) && !saysFragmented(said);
  if (hasRoomAgain)
    grant.barredIn = Object.fromEntries(Object.entries(grant.barredIn).filter(([, reason]) => reason !== "fragmented"));
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
  if (hasRoomAgain || returned.length > 0 || isOneLess) return "more";
  if (ends > 0 || !isSameLive) return "ends";
  return before?.genApplied !== said.genApplied ? "applied" : "nothing";
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

/** It was given back for want of room on one node. */
const isFragmented = ({ barredIn }: GrantState): boolean => Object.values(barredIn).includes("fragmented");

/** Whatever else it says of what waits there: then it may have room. */
const saysFragmented = ({ reason, returned }: Report["jobs"][number]): boolean =>
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
