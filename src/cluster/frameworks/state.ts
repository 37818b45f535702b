/** What a Cluster knows of frameworks: their levels, offers that are held for them, tasks that they launched. */
import type { Piece } from "../../model/framework.ts";
import type { Resources } from "../../model/resources.ts";
import type { FrameworkLevel, FrameworkReport, FrameworkWish } from "../../protocol/frameworks.ts";
import type { Asked } from "../../scheduling/place/asked.ts";
import type { JobState } from "../state.ts";
import type { Launched } from "./launched.ts";
import type { FrameworkNotes, HeldInverseOffer, Recovery, Times } from "./notes.ts";
import { Refusals } from "./refusals.ts";
import { UseSums } from "./useSums.ts";
import { Waits } from "./waits.ts";

/** An offer that is not answered so long is given back. */
export const OFFER_TIMEOUT_MS = 30_000;

export interface HeldOffer {
  id: string;
  framework: string;
  /** as the framework calls it */
  role: string;
  node: string;
  partition: string;
  pieces: readonly Piece[];
  /** by this object's clock: then it is given back */
  heldUntilMs: number;
  /** its Framework object may have heard of it */
  mayBeKnown: boolean;
  /** what of the node it keeps from others */
  readonly asked: Asked;
}

/** Who took nothing so many times does not want anything now. */
const IDLE_AFTER = 3;
/** Longer than after so many times nobody is left alone. */
const MAX_TIMES = 10;

/** A role of a framework here. */
export class RoleHere {
  wish: FrameworkWish;
  readonly refusals = new Refusals();
  times: Times = { unanswered: 0, rescinded: 0, refused: 0 };
  /** by this object's clock: what was offered until then is counted, however many offers it was; lost with the memory */
  #countedAt = Number.NEGATIVE_INFINITY;

  constructor(wish: FrameworkWish) {
    this.wish = wish;
  }

  get isIdle(): boolean {
    return this.times.refused >= IDLE_AFTER;
  }

  /** It took something of an offer. */
  took(now: number): void {
    this.times = { unanswered: 0, rescinded: 0, refused: 0 };
    this.#countedAt = now;
  }

  /** It took nothing of these. */
  refused(offers: readonly HeldOffer[], now: number): void {
    const refused = this.times.refused + (this.#counts(offers, now) ? 1 : 0);
    this.times = { unanswered: 0, rescinded: 0, refused: Math.min(refused, IDLE_AFTER) };
  }

  /** It did not answer this one. @returns how often it had let offers lapse before */
  lapsed(offer: HeldOffer, now: number): number {
    const { unanswered, rescinded, refused } = this.times;
    if (!this.#counts([offer], now)) return Math.max(0, unanswered - 1);
    this.times = {
      unanswered: Math.min(unanswered + 1, MAX_TIMES),
      rescinded,
      refused: Math.min(refused + 1, IDLE_AFTER),
    };
    return unanswered;
  }

  /** Its limits took offers back. @returns how often they had before */
  rescinded(): number {
    const { rescinded } = this.times;
    this.times = { ...this.times, rescinded: Math.min(rescinded + 1, MAX_TIMES) };
    return rescinded;
  }

  /** Any of them was made since the last that counted. */
  #counts(offers: readonly HeldOffer[], now: number): boolean {
    // A clock that went back.
    const countedAt = Math.min(this.#countedAt, now);
    if (!offers.some(({ heldUntilMs }) => heldUntilMs - OFFER_TIMEOUT_MS > countedAt)) return false;
    this.#countedAt = now;
    return true;
  }

  /** It has one more chance: who takes nothing of that either had better not keep others waiting. */
  askAgain(): void {
    this.times = { unanswered: 0, rescinded: 0, refused: Math.min(this.times.refused, IDLE_AFTER - 1) };
  }

  get isAsking(): boolean {
    return !this.wish.suppressed;
  }
}

export class FrameworkHere {
  readonly id: string;
  gen = 0;
  level: FrameworkLevel;
  /** by its name of a role, by partition */
  limits: Readonly<Record<string, Readonly<Record<string, Resources>>>> = {};
  /** for the rest of nodes that could only be offered it in part */
  readonly waits = new Waits();
  readonly roles = new Map<string, RoleHere>();
  readonly offers = new Set<HeldOffer>();
  /** by node */
  readonly inverseOffers = new Map<string, HeldInverseOffer>();
  /** ids of what holds no more: its Framework object is told until it has heard that */
  readonly rescinded = new Set<string>();
  readonly rescindedInverse = new Set<string>();
  /** null: nothing of it was forgotten */
  recovery: Recovery | null = null;
  /** as its row has it */
  noted = "";
  readonly #tasks = new Map<string, JobState>();
  /** those that were launched as groups, by node and group */
  readonly #groups = new Map<string, Set<JobState>>();
  /** the longest that a task of it may run after its node was last heard; of those since this object was built */
  lostAfterMs = 0;
  /** answered since this object was built */
  accepts = 0;
  /** of its tasks that are not over, and of its offers */
  readonly uses = new UseSums();
  /** incarnation of which its Framework object was told all */
  toldWhole = 0;
  /** since the last report was made: the Broker does not know how it stands */
  isDirty = true;
  /** as it stands; null: to be looked at */
  report: FrameworkReport | null = null;
  /** version of what is free that `report` is of */
  reportOf = -1;
  /** the Broker decides by what it does not know */
  isNews = false;
  /** as it was told last */
  reported: FrameworkReport | null = null;

  constructor(level: FrameworkLevel) {
    this.id = level.id;
    this.level = level;
  }

  /** It holds, runs or has refused something here. */
  get hasAny(): boolean {
    if (this.offers.size + this.#tasks.size > 0) return true;
    for (const { refusals } of this.roles.values()) if (!refusals.isEmpty) return true;
    return false;
  }

  /** Removed, and nothing of it is here or may be. */
  get isGone(): boolean {
    const isAny = this.#tasks.size + this.offers.size > 0 || this.recovery?.isOver === false;
    return this.level.state === "removed" && !isAny;
  }

  /** By the ids that it gave them. */
  get tasks(): ReadonlyMap<string, JobState> {
    return this.#tasks;
  }

  /** Tasks that were launched as one, on one node. */
  groupOf({ node, group }: Pick<Launched, "node" | "group">): Iterable<JobState> {
    return this.#groups.get(`${node} ${group}`) ?? [];
  }

  addTask(job: JobState, { taskId, node, group }: Launched): void {
    this.#tasks.set(taskId, job);
    this.lostAfterMs = Math.max(this.lostAfterMs, job.template.lostAfterMs ?? 0);
    if (group === null) return;
    const key = `${node} ${group}`;
    this.#groups.set(key, (this.#groups.get(key) ?? new Set()).add(job));
  }

  /** @returns whether it was known */
  forgetTask(job: JobState, { taskId, node, group }: Launched): boolean {
    if (this.#tasks.get(taskId) !== job) return false;
    this.#tasks.delete(taskId);
    const key = `${node} ${group}`;
    const together = this.#groups.get(key);
    if (together?.delete(job) && together.size === 0) this.#groups.delete(key);
    return true;
  }

  get notes(): FrameworkNotes {
    const times = [...this.roles].filter(([, role]) => Object.values(role.times).some((n) => n > 0));
    return {
      rescinded: [...this.rescinded],
      rescindedInverse: [...this.rescindedInverse],
      inverseOffers: [...this.inverseOffers.values()],
      times: Object.fromEntries(times.map(([name, role]) => [name, role.times])),
      ...(this.recovery && { recovery: this.recovery }),
    };
  }

  /** As its row tells. */
  recall(notes: FrameworkNotes): void {
    for (const id of notes.rescinded) this.rescinded.add(id);
    for (const id of notes.rescindedInverse) this.rescindedInverse.add(id);
    for (const offer of notes.inverseOffers) this.inverseOffers.set(offer.node, offer);
    this.recovery = notes.recovery ?? null;
    for (const [name, times] of Object.entries(notes.times)) {
      const role = this.roles.get(name);
      if (role) role.times = times;
    }
    this.noted = JSON.stringify(this.notes);
  }

  /** It is otherwise than it was. */
  touch(): void {
    this.isDirty = true;
    this.report = null;
  }

  tellAgain(): void {
    this.touch();
    this.reported = null;
  }
}

export const isAware = ({ level }: FrameworkHere): boolean => level.capabilities.includes("PARTITION_AWARE");
