/**
 * What Framework objects are told: new offers, those that hold no more, how tasks stand. For each at most one message is
 * on its way; what it says is told again until an answer confirms it.
 */
import type { InverseOffer, Offer, OfferedAgent, Unavailability } from "../../model/framework.ts";
import { Attempt } from "../../platform/attempt.ts";
import type { ObjectRef, Platform } from "../../platform/seam.ts";
import { isEnd, type Tell, type TellAnswer } from "../../protocol/frameworks.ts";
import { drainOn } from "../drain.ts";
import type { ClusterMemory } from "../memory.ts";
import type { Revs } from "../revs.ts";
import type { DirtWatcher, JobState, NodeState } from "../state.ts";
import { endLaunched } from "./end.ts";
import type { HeldInverseOffer } from "./notes.ts";
import type { FrameworkHere, HeldOffer } from "./state.ts";
import { isStaging, taskLevel } from "./tasks.ts";

/** In one message. */
const MOST = 1_000;

/**
 * What a framework is to be told yet, beside what is noted of it. Tasks follow from their rows; a new offer that is lost
 * with the memory lapses; that an agent is lost is told at best, as of Mesos.
 */
interface News {
  offers: Set<HeldOffer>;
  tasks: Set<JobState>;
  lostAgents: Set<string>;
}

const noNews = (): News => ({
  offers: new Set(),
  tasks: new Set(),
  lostAgents: new Set(),
});
const isNone = (news: News): boolean => Object.values(news).every((some: Set<unknown>) => some.size === 0);

/** What holds no more, and inverse offers that it has not heard of. */
const isOwed = ({ rescinded, rescindedInverse, inverseOffers }: FrameworkHere): boolean =>
  rescinded.size + rescindedInverse.size > 0 || [...inverseOffers.values()].some(({ isHeard }) => !isHeard);

interface Line {
  news: News;
  readonly attempt: Attempt;
  /** what is on its way */
  told: { rev: number; news: News } | null;
}

export class Telling implements DirtWatcher {
  readonly #platform: Pick<Platform, "self" | "call">;
  readonly #memory: ClusterMemory;
  readonly #revs: Revs;
  readonly #lines = new Map<string, Line>();
  /** with anything to tell */
  readonly #open = new Set<string>();

  constructor(platform: Pick<Platform, "self" | "call">, memory: ClusterMemory, revs: Revs) {
    this.#platform = platform;
    this.#memory = memory;
    this.#revs = revs;
  }

  #lineOf(framework: string): Line {
    const line = this.#lines.get(framework) ?? { news: noNews(), attempt: new Attempt(), told: null };
    this.#lines.set(framework, line);
    this.#open.add(framework);
    return line;
  }

  dirtied(job: JobState): void {
    if (job.launched === null || job.dirty === "no") return;
    this.#lineOf(job.launched.framework).news.tasks.add(job);
  }

  offered(offer: HeldOffer): void {
    this.#lineOf(offer.framework).news.offers.add(offer);
  }

  /** To all that have something there, or are asking. */
  agentLost(node: NodeState): void {
    const agent = this.#memory.frameworks.agentOf(node);
    for (const here of this.#memory.frameworks.byId.values())
      if (here.level.state !== "removed") this.#lineOf(here.id).news.lostAgents.add(agent);
  }

  /** Of those that are new to this incarnation, everything; of others what is noted. */
  begin(here: FrameworkHere): void {
    if (here.toldWhole !== this.#memory.self.incarnation || isOwed(here)) this.#lineOf(here.id);
  }

  send(now: number): void {
    for (const id of [...this.#open]) {
      const line = this.#lineOf(id);
      if (line.attempt.isLost(now)) this.#failed(line, now);
      if (!line.attempt.mayBegin(now)) continue;
      const here = this.#memory.frameworks.byId.get(id);
      const isWhole = here !== undefined && here.toldWhole !== this.#memory.self.incarnation;
      // Those that hold no more would offer what is not there.
      for (const offer of line.news.offers)
        if (!this.#memory.frameworks.offers.has(offer.id)) line.news.offers.delete(offer);
      // That a task is on its way follows from the accept.
      if (!isWhole) this.#leaveOutStaging(line.news);
      if (!here || (isNone(line.news) && !isWhole && !isOwed(here))) {
        this.#open.delete(id);
        continue;
      }
      if (isWhole) {
        for (const offer of here.offers) line.news.offers.add(offer);
        for (const job of here.tasks.values()) line.news.tasks.add(job);
      }
      const [told, rest] = isWhole ? [line.news, noNews()] : parted(line.news);
      line.news = rest;
      const rev = this.#revs.next();
      line.attempt.begins(now);
      line.told = { rev, news: told };
      for (const job of told.tasks) job.dirty = "no";
      for (const offer of told.offers) offer.mayBeKnown = true;
      this.#platform.call(refOf(this.#platform.self.league, id), "tell", this.#message(here, rev, isWhole, told, now));
    }
  }

  #leaveOutStaging({ tasks }: News): void {
    for (const job of tasks) {
      if (!isStaging(this.#memory, job)) continue;
      tasks.delete(job);
      job.dirty = "no";
    }
  }

  #message(here: FrameworkHere, rev: number, isWhole: boolean, told: News, now: number): Tell {
    const { cluster, self, frameworks } = this.#memory;
    return {
      cluster,
      incarnation: self.incarnation,
      rev,
      isWhole,
      offers: [...told.offers].flatMap((offer) => offerOf(this.#memory, here, offer) ?? []),
      rescinded: [...here.rescinded].slice(0, MOST),
      inverseOffers: [...here.inverseOffers.values()].flatMap((offer) =>
        offer.isAnswered || (offer.isHeard && !isWhole) ? [] : (inverseOfferOf(this.#memory, offer) ?? []),
      ),
      rescindedInverse: [...here.rescindedInverse].slice(0, MOST),
      tasks: [...told.tasks].flatMap((job) => taskLevel(this.#memory, job, rev, now) ?? []),
      lostAgents: [...told.lostAgents].filter((agent) => frameworks.byId.has(here.id) && agent !== ""),
    };
  }

  /** @returns offers that nobody wants now, and whether nothing of the framework shall be here any more */
  answered(id: string, tell: Tell, answer: TellAnswer): { isUnwanted: boolean; isOver: boolean } {
    const line = this.#lines.get(id);
    const here = this.#memory.frameworks.byId.get(id);
    if (line?.told?.rev !== tell.rev) return { isUnwanted: false, isOver: false };
    line.told = null;
    line.attempt.heard();
    if (here) this.#heard(here, tell);
    if (here && tell.isWhole) {
      here.toldWhole = this.#memory.self.incarnation;
      this.#memory.frameworks.save(here);
    }
    for (const level of tell.tasks) {
      const job = here?.tasks.get(level.taskId);
      if (job && isEnd(level)) endLaunched(this.#memory, job);
    }
    return { isUnwanted: !answer.isActive, isOver: !answer.isKnown };
  }

  #heard(here: FrameworkHere, { rescinded, rescindedInverse, inverseOffers }: Tell): void {
    for (const id of rescinded) here.rescinded.delete(id);
    for (const id of rescindedInverse) here.rescindedInverse.delete(id);
    const heard = new Set(inverseOffers.map(({ id }) => id));
    for (const offer of here.inverseOffers.values()) offer.isHeard ||= heard.has(offer.id);
    this.#memory.frameworks.note(here);
  }

  failed(id: string, tell: Tell, now: number): void {
    const line = this.#lines.get(id);
    if (line?.told?.rev === tell.rev) this.#failed(line, now);
  }

  #failed(line: Line, now: number): void {
    const { news } = line.told ?? { news: noNews() };
    line.told = null;
    line.attempt.failed(now);
    for (const offer of news.offers) line.news.offers.add(offer);
    for (const agent of news.lostAgents) line.news.lostAgents.add(agent);
    for (const job of news.tasks) line.news.tasks.add(job);
  }

  forget(id: string): void {
    this.#lines.delete(id);
    this.#open.delete(id);
  }

  *wantedAt(now: number): Generator<number> {
    for (const id of this.#open) {
      const line = this.#lines.get(id);
      if (line) yield line.attempt.wantedAt(now);
    }
  }
}

const refOf = (league: string, name: string): ObjectRef => ({ kind: "framework", league, name });

/** As much as one message holds, and the rest. */
function parted(news: News): [News, News] {
  const [first, rest] = [noNews(), noNews()];
  for (const key of Object.keys(news) as (keyof News)[]) {
    let n = 0;
    for (const one of news[key]) ((n++ < MOST ? first : rest)[key] as Set<unknown>).add(one);
  }
  return [first, rest];
}

function agentOf(memory: ClusterMemory, node: NodeState): OfferedAgent {
  const attributes = memory.frameworks.attributesOf(node);
  const { hostname = node.name, ip = "127.0.0.1", region = null, zone = null } = attributes;
  return { id: memory.frameworks.agentOf(node), hostname, ip, region, zone, attributes };
}

function offerOf(
  memory: ClusterMemory,
  here: FrameworkHere,
  { id, node: name, role, pieces }: HeldOffer,
): Offer | null {
  const node = memory.nodes.get(name);
  if (!node) return null;
  const executorIds = new Set<string>();
  for (const { launched } of memory.launchedOn(name))
    if (launched?.framework === here.id && launched.executorId !== null) executorIds.add(launched.executorId);
  // Mesos counts gpus and has no numbers of them.
  const counted = pieces.map(({ devices: _, ...piece }) => piece);
  return { id, agent: agentOf(memory, node), role, pieces: counted, executorIds: [...executorIds] };
}

function inverseOfferOf(memory: ClusterMemory, { id, node: name }: HeldInverseOffer): InverseOffer | null {
  const node = memory.nodes.get(name);
  const drain = node && drainOn(memory, node);
  if (!drain) return null;
  const { id: agentId, hostname, ip } = agentOf(memory, node);
  return { id, agentId, hostname, ip, unavailability: unavailabilityBy(drain) };
}

const unavailabilityBy = (drain: { deadlineMs: number; untilMs: number | null }): Unavailability => ({
  startMs: drain.deadlineMs,
  durationMs: drain.untilMs === null ? null : Math.max(0, drain.untilMs - drain.deadlineMs),
});
