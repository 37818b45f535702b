/** What may be asked of a Framework object: by the Worker for its scheduler, by Clusters and the Broker. */
import type {
  Capability,
  FrameworkInfo,
  InverseOffer,
  Offer,
  OfferConstraints,
  Operation,
  OperationStatus,
  TaskStatus,
  TaskTold,
} from "../model/framework.ts";
import type { FrameworkState, TaskLevel, Tell, TellAnswer } from "../protocol/frameworks.ts";
import type { OfferCounts } from "./state.ts";

/** A call of the scheduler API but SUBSCRIBE: read, and valid in itself. */
export type FrameworkCall =
  | { type: "TEARDOWN" }
  | { type: "ACCEPT"; offerIds: string[]; operations: Operation[]; refuseMs: number }
  | { type: "DECLINE"; offerIds: string[]; refuseMs: number }
  | { type: "ACCEPT_INVERSE_OFFERS" | "DECLINE_INVERSE_OFFERS"; inverseOfferIds: string[]; refuseMs: number }
  /** no roles: all of them */
  | { type: "REVIVE" | "SUPPRESS"; roles: string[] }
  | { type: "KILL"; taskId: string; agentId: string | null; graceMs: number | null }
  | { type: "SHUTDOWN"; executorId: string; agentId: string }
  | { type: "ACKNOWLEDGE"; agentId: string; taskId: string; uuid: string }
  | { type: "ACKNOWLEDGE_OPERATION_STATUS"; operationId: string; uuid: string }
  | { type: "RECONCILE"; tasks: { taskId: string; agentId: string | null }[] }
  | { type: "RECONCILE_OPERATIONS"; operations: { operationId: string; agentId: string | null }[] }
  | { type: "MESSAGE"; agentId: string; executorId: string }
  | { type: "REQUEST" | "UNKNOWN" }
  | {
      type: "UPDATE_FRAMEWORK";
      info: FrameworkInfo;
      suppressedRoles: string[];
      constraints: OfferConstraints;
      /** what is wrong with the info in itself; null: nothing */
      infoError: string | null;
      /** what is wrong with what else is said; null: nothing */
      optionsError: string | null;
    };

/** `body` is Mesos' own text where it has one. */
export interface CallAnswer {
  status: 200 | 202 | 400 | 403 | 413 | 501;
  body: string;
}

/** First message on a Framework's socket; the object answers with `FrameworkEvent`s and closes it when it ends. */
export interface Subscribe {
  subscribe: {
    streamId: string;
    info: FrameworkInfo;
    suppressedRoles: string[];
    constraints: OfferConstraints;
    /** the league's role that its credentials are for; absent: the whole league */
    within?: string;
    /** what is wrong with what is said beside the info: an ERROR event says it, and the stream ends; null: nothing */
    optionsError: string | null;
  };
}

export type FrameworkEvent =
  | { type: "SUBSCRIBED"; frameworkId: string }
  | { type: "OFFERS"; offers: Offer[] }
  | { type: "INVERSE_OFFERS"; inverseOffers: InverseOffer[] }
  | { type: "RESCIND"; offerId: string }
  | { type: "RESCIND_INVERSE_OFFER"; inverseOfferId: string }
  | { type: "UPDATE"; status: TaskStatus }
  | { type: "UPDATE_OPERATION_STATUS"; status: OperationStatus }
  | { type: "FAILURE"; agentId: string; executorId: string | null; status: number | null }
  | { type: "ERROR"; message: string }
  /** not told to the framework: the form of what follows depends on them, once UPDATE_FRAMEWORK has changed them */
  | { type: "CAPABILITIES"; capabilities: readonly Capability[] };

/** For people and for the operator API. */
export interface FrameworkView {
  id: string;
  info: FrameworkInfo;
  state: FrameworkState;
  isConnected: boolean;
  suppressedRoles: string[];
  registeredAtMs: number;
  reregisteredAtMs: number | null;
  unregisteredAtMs: number | null;
  offers: Offer[];
  inverseOffers: InverseOffer[];
  constraints: OfferConstraints;
  counts: OfferCounts;
}

/** A task as the framework was told of it last. */
export interface FrameworkTaskView {
  level: TaskLevel;
  /** oldest first, as sent */
  statuses: TaskStatus[];
  /** its end was acknowledged */
  isCompleted: boolean;
  told: TaskTold;
}

export interface FrameworkMethods {
  /** @param streamId as the request said; null: it said none. @param principal of its credentials; null: it has none */
  call(args: {
    streamId: string | null;
    principal: string | null;
    /** the league's role that its credentials are for; absent: the whole league */
    within?: string;
    call: FrameworkCall;
  }): CallAnswer;
  tell(args: Tell): TellAnswer;
  /** The Broker asks for a level: its own may have been lost. */
  poke(args: Record<never, never>): Record<never, never>;
  /** null: nobody ever subscribed with this id */
  view(args: Record<never, never>): FrameworkView | null;
  /** newest first; `after` as told by `next` */
  tasks(args: { after: string | null; limit: number }): { items: FrameworkTaskView[]; next: string | null };
  metrics(args: Record<never, never>): Record<string, number>;
}
