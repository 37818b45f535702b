/** What a Cluster notes of a framework in its row, beside what the Broker says of it. */

import type { Forgotten } from "../../protocol/frameworks.ts";

export interface HeldInverseOffer {
  id: string;
  node: string;
  /** of the drain that it is about */
  sinceMs: number;
  /** its Framework object was told */
  isHeard: boolean;
  isAnswered: boolean;
}

/** How often in a row: what a role's next offer goes by. */
export interface Times {
  /** it let offers lapse */
  unanswered: number;
  /** its limits took offers back before it answered one */
  rescinded: number;
  /** it took nothing, or let offers lapse */
  refused: number;
}

/** Of what earlier incarnations launched. */
export interface Recovery extends Forgotten {
  /** nothing of it can run any more */
  isOver: boolean;
}

export interface FrameworkNotes {
  /** ids of offers that hold no more, until its Framework object has heard that */
  rescinded: readonly string[];
  /** the same of inverse offers */
  rescindedInverse: readonly string[];
  inverseOffers: readonly HeldInverseOffer[];
  /** by the framework's name of a role; absent: none */
  times: Readonly<Record<string, Times>>;
  /** absent: nothing was forgotten */
  recovery?: Recovery;
}
