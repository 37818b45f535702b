/** What a Cluster knows of frameworks: their levels, offers that are held for them, tasks that they launched. */
import type { Piece } from "../../model/framework.ts";
import type { Resources } from "../../model/resources.ts";
import type { FrameworkLevel, FrameworkReport, FrameworkWish } from "../../protocol/frameworks.ts";
import type { Asked } from "../../scheduling/place/asked.ts";
import type { JobState } from "../state.ts";
import { Refusals } from "./refusals.ts";
import { UseSums } from "./useSums.ts";
import { Waits } from "./waits.ts";

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

export interface HeldInverseOffer {
  id: string;
  node: string;
  /** of the drain that it is about */
  sinceMs: number;
  /** its Framework object was told */
  isHeard: boolean;
  isAnswered: boolean;
}

/** Who took nothing so many times does not want anything now. */
const IDLE_AFTER = 3;

/** A role of a framework here. */
export class RoleHere {
  wish: FrameworkWish;
  readonly refusals = new Refusals();
  /** offers in a row that it let lapse */
  unanswered = 0;
  /** times in a row that its limits took offers back before it answered one; lost with the memory */
  rescindedInRow = 0;
  /** answers in a row, or lapses, by which it took nothing; lost with the memory */
  refusedInRow = 0;

  constructor(wish: FrameworkWish) {
    this.wish = wish;
  }

  get isIdle(): boolean {
    return this.refusedInRow >= IDLE_AFTER;
  }

  /** It has one more chance: who takes nothing of that either had better not keep others waiting. */
  askAgain(): void {
    this.refusedInRow = Math.min(this.refusedInRow, IDLE_AFTER - 1);
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
  /** as its row has it */
  noted = "";
  readonly tasks = new Map<string, JobState>();
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
