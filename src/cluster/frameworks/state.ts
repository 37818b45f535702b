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
  /** what of the node it keeps from others */
  readonly asked: Asked;
}

export interface HeldInverseOffer {
  id: string;
  node: string;
  /** of the drain that it is about */
  sinceMs: number;
  isAnswered: boolean;
}

/** A part of a node that is set aside. */
export interface Reserved {
  readonly node: string;
  readonly partition: string;
  /** the league's name of its role */
  readonly role: string;
  /** all of it */
  piece: Piece;
  /** in offers and tasks */
  inUse: Piece[];
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

  get isAsking(): boolean {
    return !this.wish.suppressed;
  }
}

export interface FrameworkHere {
  readonly id: string;
  gen: number;
  level: FrameworkLevel;
  /** by its name of a role, by partition */
  limits: Readonly<Record<string, Readonly<Record<string, Resources>>>>;
  /** by role: for the rest of a node, that could only be offered it in part */
  readonly waits: Waits;
  readonly roles: Map<string, RoleHere>;
  readonly offers: Set<HeldOffer>;
  readonly inverseOffers: Map<string, HeldInverseOffer>;
  readonly tasks: Map<string, JobState>;
  /** of its tasks that are not over, and of its offers */
  readonly uses: UseSums;
  /** incarnation of which its Framework object was told all */
  toldWhole: number;
  /** since the last report was made: the Broker does not know how it stands */
  isDirty: boolean;
  /** as it was told last */
  reported: FrameworkReport | null;
}

export const frameworkHere = (level: FrameworkLevel): FrameworkHere => ({
  id: level.id,
  gen: 0,
  level,
  limits: {},
  waits: new Waits(),
  roles: new Map(),
  offers: new Set(),
  inverseOffers: new Map(),
  tasks: new Map(),
  uses: new UseSums(),
  toldWhole: 0,
  isDirty: true,
  reported: null,
});

export const isAware = ({ level }: FrameworkHere): boolean => level.capabilities.includes("PARTITION_AWARE");
