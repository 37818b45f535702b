/**
 * When the Broker is told, and what: at most one report in flight, a job's end at once, counts with the next one, and
 * everything again after a report that failed.
 */
import { Attempt } from "../platform/attempt.ts";
import type { Platform } from "../platform/seam.ts";
import type { Report, ReportAnswer } from "../protocol/levels.ts";
import { applyFrameworks, removeUnknown } from "./frameworks/levels.ts";
import { applyGrants } from "./grants.ts";
import { levels } from "./levels.ts";
import type { ClusterMemory } from "./memory.ts";
import { stopLeaving } from "./moving.ts";
import { jobReport, nodeCounts } from "./reports.ts";
import { isIdle } from "./state.ts";
import { fold, usesOf } from "./use.ts";

/** What is only interesting goes with the next report, or after so long. */
const SOON_MS = 2_000;
/** Broker and Clusters poke each other while there is work, should a message or an alarm have been lost. */
const POKE_MS = 180_000;

type Levels = Pick<Report, "partitions" | "nodes">;

/** Levels as they are compared. */
interface LevelsText {
  readonly all: string;
  readonly plain: string;
}

export class Reporting {
  readonly #platform: Platform;
  readonly #memory: ClusterMemory;
  readonly #attempt = new Attempt();
  /** what is on its way */
  #sent: Report | null = null;
  /** what is not urgent waits until then */
  #notBefore = 0;
  #lastAt: number;
  /** when the Broker was last asked whether it still wants what has nothing more to do here */
  #idleSaidAt: number;
  /** what the cluster has, as it is and as it was told */
  #levels: LevelsText | null = null;
  #told: LevelsText | null = null;
  /** more than what is free for frameworks is not as it was told */
  #areOther = false;
  /** version of the accounts that `#levels` is of */
  #lookedAt = 0;
  /** and version of what is free for frameworks */
  #roomsLookedAt = 0;
  /** it is time to look at what changes with every task */
  #isAsked = false;
  /** and at what is only known of frameworks */
  #isAskedFrameworks = false;

  /** @param isQuiet nothing was told to anyone: then waking up for a poll sends nothing */
  constructor(platform: Platform, memory: ClusterMemory, isQuiet: boolean, now: number) {
    this.#platform = platform;
    this.#memory = memory;
    this.#lastAt = now;
    this.#idleSaidAt = now;
    if (!isQuiet) return;
    this.#levelsAt(now);
    this.#told = this.#levels;
    memory.frameworks.assumeTold();
  }

  /** How long nothing was told. */
  #sinceMs(now: number): number {
    return now - this.#lastAt;
  }

  /** The Broker may not know how things stand here. */
  tellAll(): void {
    this.#told = null;
    this.#areOther = true;
    this.#memory.frameworks.tellAgain();
    // Nobody else says that what an old attempt was for is over.
    for (const job of this.#memory.jobs.values()) if (job.leaving.size > 0) job.dirty = "now";
  }

  /** Time has passed: what could wait can no longer. */
  tick(now: number): void {
    const { submitted, tellings } = this.#memory;
    this.#isAsked = true;
    this.#isAskedFrameworks = this.#memory.frameworks.isAnyDirty;
    for (const job of [...tellings.soon]) job.dirty = "now";
    if (this.#sent && this.#attempt.isLost(now)) this.failed(this.#sent, now);
    this.#sayIdle(now);
    if (this.#sinceMs(now) < POKE_MS) return;
    for (const job of submitted.values()) job.dirty = "now";
    this.#memory.frameworks.tellAgain();
  }

  /** Only the Broker knows that a job is over which ended in another cluster, and says so when it hears of the job. */
  #sayIdle(now: number): void {
    const sinceMs = now - this.#idleSaidAt;
    if (sinceMs >= 0 && sinceMs < POKE_MS) return;
    this.#idleSaidAt = now;
    for (const job of this.#memory.submitted.values()) if (isIdle(job)) job.dirty = "now";
  }

  answered({ rev }: Report, answer: ReportAnswer, now: number): void {
    const memory = this.#memory;
    // One that comes after it was taken for lost says as much.
    if (this.#sent?.rev === rev || this.#sent === null) {
      this.#sent = null;
      this.#attempt.heard();
    }
    this.#notBefore = now + answer.nextReportMs;
    if (answer.clusterIncarnation > memory.self.incarnation) {
      memory.outrank(answer.clusterIncarnation);
      this.tellAll();
      return;
    }
    memory.brokerAnswered = true;
    const ended = answer.ended.filter((id) => {
      const job = memory.jobs.get(id);
      if (job !== undefined) stopLeaving(memory, job);
      if (job === undefined || !isIdle(job)) return false;
      fold(memory, job);
      return memory.dropJob(id);
    });
    if (ended.length > 0) memory.store.endGrants(ended);
    applyGrants(memory, answer.incarnation, answer.grants, now);
    applyFrameworks(memory, answer.incarnation, answer.frameworks ?? [], now);
    removeUnknown(memory, answer.unknownFrameworks ?? [], now);
  }

  failed(report: Report, now: number): void {
    if (this.#sent?.rev !== report.rev) return;
    this.#sent = null;
    this.#attempt.failed(now);
    this.tellAll();
    this.#memory.events.unshift(...report.events);
    this.#memory.frameworks.notTold(report.frameworks ?? []);
    for (const { job } of report.jobs) {
      const state = this.#memory.jobs.get(job);
      if (state) state.dirty = "now";
    }
  }

  /** As they are now, noted. */
  #levelsAt(now: number): Levels {
    const { nodeAccounts, frameworks } = this.#memory;
    const present = { partitions: levels(this.#memory, now), nodes: nodeCounts(this.#memory, now) };
    this.#levels = textOf(present);
    this.#lookedAt = nodeAccounts.tellable(now);
    this.#roomsLookedAt = frameworks.offerable.version;
    return present;
  }

  /**
   * What nodes there are is told at once; how much of a slice they leave is looked at when time passes, what is free for
   * frameworks once an interval.
   *
   * @returns the levels, if there was a reason to look
   */
  #look(isInterval: boolean, now: number): Levels | null {
    const { nodeAccounts, self } = this.#memory;
    const tellable = nodeAccounts.tellable(now);
    // Then it is told how much is left to run.
    const isDrained = self.drain !== null;
    const isAsBefore = tellable === this.#lookedAt && !(isInterval && this.#areRoomsOther(now));
    if (this.#levels !== null && isAsBefore && !this.#isAsked && !isDrained) return null;
    this.#isAsked = false;
    const present = this.#levelsAt(now);
    if (this.#levels?.all === this.#told?.all) this.#areOther = false;
    else this.#areOther = this.#levels?.plain !== this.#told?.plain;
    return present;
  }

  /** Whether what is free for frameworks may be otherwise than in the newest levels. */
  #areRoomsOther(now: number): boolean {
    const { frameworks } = this.#memory;
    if (frameworks.isEmpty) return false;
    frameworks.look(now);
    return frameworks.offerable.version !== this.#roomsLookedAt;
  }

  /** @param isInterval frameworks' interval is over */
  sendIfDue(isInterval: boolean, now: number): void {
    if (!this.#attempt.mayBegin(now)) return;
    const memory = this.#memory;
    const { tellings } = memory;
    const looked = this.#look(isInterval, now);
    const changed = this.#areOther || memory.events.length > 0;
    const { frameworks } = memory;
    const isHeard =
      isInterval && (this.#isAskedFrameworks || this.#levels?.all !== this.#told?.all || frameworks.hasNews());
    if (!changed && tellings.now.size === 0 && !isHeard) return;
    const urgent = changed || tellings.isUrgent();
    if (!urgent && now < this.#notBefore) return;
    const rev = memory.revs.next();
    const told = frameworks.untold();
    this.#isAskedFrameworks = false;
    const dirty = [...tellings.now, ...tellings.soon];
    const present = looked ?? this.#levelsAt(now);
    const report: Report = {
      cluster: memory.cluster,
      incarnation: memory.self.incarnation,
      rev,
      ...present,
      jobs: dirty.map((job) => jobReport(memory, job)),
      ...(told.length > 0 && { frameworks: told }),
      events: memory.events,
      used: usesOf(memory, now),
      usedSince: memory.self.usedSince,
    };
    memory.events = [];
    memory.frameworks.told(told);
    for (const job of dirty) job.dirty = "no";
    this.#told = this.#levels;
    this.#areOther = false;
    this.#sent = report;
    this.#attempt.begins(now);
    this.#lastAt = now;
    this.#platform.call({ kind: "broker", league: this.#platform.self.league, name: "" }, "report", report);
  }

  /** When it wants to be asked again. */
  *wantedAt(now: number): Generator<number> {
    const { frameworks, jobs, submitted, tellings } = this.#memory;
    const { isInFlight } = this.#attempt;
    const next = Math.max(this.#attempt.wantedAt(now), this.#notBefore);
    if (isInFlight) yield this.#attempt.wantedAt(now);
    else if (this.#areOther) yield next;
    else if (!frameworks.isEmpty && (this.#levels?.all !== this.#told?.all || this.#areRoomsOther(now)))
      yield Math.max(next, frameworks.tickAt(now));
    if (!isInFlight && frameworks.mayHaveNews) yield Math.max(next, frameworks.tickAt(now));
    else if (frameworks.isAnyDirty) yield now + SOON_MS;
    if (tellings.now.size > 0 && !isInFlight) yield next;
    if (tellings.soon.size > 0) yield now + SOON_MS;
    const pokeAt = this.#lastAt + POKE_MS;
    // What is known of frameworks alone is told with their interval.
    if (jobs.size > 0 || frameworks.isAnyInUse) yield Math.max(next, pokeAt > now ? pokeAt : frameworks.tickAt(now));
    if (submitted.size > 0) yield Math.max(next, this.#idleSaidAt + POKE_MS);
  }
}

/** What is free and offered changes with every task, and is told once an interval: the rest is plain. */
const textOf = ({ partitions, nodes }: Levels): LevelsText => ({
  all: JSON.stringify([partitions, nodes]),
  plain: JSON.stringify([partitions.map(({ rooms: _, offered: __, ...rest }) => rest), nodes]),
});
