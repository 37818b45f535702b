/**
 * Frameworks: external schedulers that are offered resources and decide themselves what to run (Mesos' scheduler API
 * v1). The words here are Mesos' own (`include/mesos/v1/mesos.proto`), without its wire: amounts are milli-units, times
 * are milliseconds, roles are told by both of their names.
 */
import type { Template } from "./job.ts";
import type { Resources } from "./resources.ts";

/** Of Mesos, as far as its APIs are served alike. */
export const MESOS_VERSION = "1.11.0";

/** First and last of each range. */
export type PortRanges = readonly (readonly [from: number, to: number])[];

/** For whom a part of a node is set aside (Mesos' dynamic reservation). */
export interface Reservation {
  /** as the framework calls it */
  role: string;
  principal: string | null;
  labels: Labels;
}

/** What of a node belongs together: all that nobody has reserved, or all of one reservation. */
export interface Piece {
  /** null: reserved for nobody */
  reservation: Reservation | null;
  /** `ports` counts 1000 for each port of `ports` */
  amounts: Resources;
  ports: PortRanges;
  /** of the node's gpus, by number; absent: none, or only its Cluster knows which */
  devices?: readonly number[];
}

export type Labels = readonly { key: string; value: string | null }[];

/** A role of a framework: by the name it uses, and by the league's, under that of its credentials. */
export interface FrameworkRole {
  name: string;
  role: string;
}

export const CAPABILITIES = [
  "REVOCABLE_RESOURCES",
  "TASK_KILLING_STATE",
  "GPU_RESOURCES",
  "SHARED_RESOURCES",
  "PARTITION_AWARE",
  "MULTI_ROLE",
  "RESERVATION_REFINEMENT",
  "REGION_AWARE",
] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** What a framework says of itself. */
export interface FrameworkInfo {
  user: string;
  name: string;
  /** how long its tasks run on after its stream was lost; above 100 years is refused before */
  failoverTimeoutMs: number;
  checkpoint: boolean;
  roles: readonly FrameworkRole[];
  hostname: string | null;
  principal: string | null;
  webuiUrl: string | null;
  capabilities: readonly Capability[];
  labels: Labels;
  /** by the framework's name of the role; any one of these is enough; an empty list, or one that asks for nothing: anything */
  minAllocatable: Readonly<Record<string, readonly Resources[]>>;
}

/** Any group is enough; of a group all must hold. */
export interface OfferConstraints {
  /** by the framework's name of the role */
  roles: Readonly<Record<string, readonly (readonly AttributeConstraint[])[]>>;
}
export interface AttributeConstraint {
  selector: { attribute: string } | { pseudo: "HOSTNAME" | "REGION" | "ZONE" };
  predicate:
    | { is: "exists" | "not-exists" }
    | { is: "equals" | "not-equals"; value: string }
    /** the whole text */
    | { is: "matches" | "not-matches"; regex: string };
}

/** Those that a task can be in. */
export const TASK_STATES = [
  "TASK_STAGING",
  "TASK_STARTING",
  "TASK_RUNNING",
  "TASK_KILLING",
  "TASK_FINISHED",
  "TASK_FAILED",
  "TASK_KILLED",
  "TASK_ERROR",
  "TASK_LOST",
  "TASK_DROPPED",
  "TASK_UNREACHABLE",
  "TASK_GONE",
  "TASK_GONE_BY_OPERATOR",
] as const;
export type MesosTaskState = (typeof TASK_STATES)[number] | "TASK_UNKNOWN";

/** Final for a framework; of these LOST and GONE_BY_OPERATOR may be taken back when the agent returns. */
const FINAL_STATES: ReadonlySet<MesosTaskState> = new Set([
  "TASK_FINISHED",
  "TASK_FAILED",
  "TASK_KILLED",
  "TASK_ERROR",
  "TASK_LOST",
  "TASK_DROPPED",
  "TASK_GONE",
  "TASK_GONE_BY_OPERATOR",
]);
export const isFinal = (state: MesosTaskState): boolean => FINAL_STATES.has(state);

/** `REASON_…` of Mesos' TaskStatus. */
export type StatusReason = `REASON_${string}`;

export interface TaskStatus {
  taskId: string;
  state: MesosTaskState;
  source: "SOURCE_MASTER" | "SOURCE_AGENT" | "SOURCE_EXECUTOR";
  reason: StatusReason | null;
  message: string | null;
  agentId: string | null;
  executorId: string | null;
  atMs: number;
  /** base64 of 16 bytes; null: nobody waits for an acknowledgement */
  uuid: string | null;
  unreachableAtMs?: number;
  /** of its agent: for the status's container */
  ip?: string;
}

/** A task that a framework wants launched. What is wrong in itself was found before; what depends on the offer is not. */
export interface LaunchTask {
  taskId: string;
  name: string;
  agentId: string;
  /** as asked; empty when `error` is about them */
  pieces: readonly Piece[];
  /** what the node is to run; resources, role and ports are the launch's */
  template: Omit<Template, "resources" | "role" | "ports">;
  /** null: it is its own executor */
  executorId: string | null;
  /** first that is wrong with it; null: nothing that can be told without the offer */
  error: TaskError | null;
  /** what only views show */
  told: TaskTold;
}
/** `isId`: with its id, which is looked at before anything else. */
export interface TaskError {
  message: string;
  isId: boolean;
}
export interface TaskTold {
  labels: Labels;
  /** as it came */
  discovery: unknown;
  container: unknown;
}

export interface OperationId {
  /** null: nobody asked to be told */
  id: string | null;
}

export type Operation = OperationId &
  (
    | { type: "LAUNCH"; tasks: readonly LaunchTask[] }
    | {
        type: "LAUNCH_GROUP";
        executorId: string;
        /** of the executor itself */
        pieces: readonly Piece[];
        tasks: readonly LaunchTask[];
        /** what is wrong with the group as a whole, without the offer; null: nothing */
        error: string | null;
      }
    | { type: "RESERVE"; pieces: readonly Piece[]; error: string | null }
    | { type: "UNRESERVE"; pieces: readonly Piece[]; error: string | null }
    /** not served, or wrong in itself */
    | { type: "OTHER"; name: string; error: string }
  );

export type OperationState =
  | "OPERATION_FINISHED"
  | "OPERATION_ERROR"
  | "OPERATION_FAILED"
  | "OPERATION_DROPPED"
  | "OPERATION_UNKNOWN";
export interface OperationStatus {
  operationId: string;
  state: OperationState;
  message: string | null;
  agentId: string | null;
  /** null: need not be acknowledged */
  uuid: string | null;
}

export interface Offer {
  id: string;
  agent: OfferedAgent;
  /** as the framework calls it */
  role: string;
  pieces: readonly Piece[];
  /** executors of the framework that live there */
  executorIds: readonly string[];
}

export interface OfferedAgent {
  /** `CLUSTER.NODE.SERIAL` */
  id: string;
  hostname: string;
  ip: string;
  region: string | null;
  zone: string | null;
  /** `cluster`, `node` and what the node says of itself */
  attributes: Readonly<Record<string, string>>;
}

export interface Unavailability {
  startMs: number;
  /** null: for ever */
  durationMs: number | null;
}

/** Asks a framework to leave an agent. */
export interface InverseOffer {
  id: string;
  agentId: string;
  hostname: string;
  ip: string;
  unavailability: Unavailability;
}

/** `CLUSTER.NODE.SERIAL`: a name of a node that was given anew is another agent. */
export const agentId = (cluster: string, node: string, serial: number): string => `${cluster}.${node}.${serial}`;

export function parseAgentId(id: string): { cluster: string; node: string; serial: number } | null {
  const [cluster, node, serial, ...more] = id.split(".");
  if (!cluster || !node || !serial || more.length > 0 || !/^[0-9]{1,15}$/.test(serial)) return null;
  return { cluster, node, serial: Number(serial) };
}
