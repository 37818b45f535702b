/** What a Framework object remembers, as it lies in its rows. */
import type {
  FrameworkInfo,
  MesosTaskState,
  OfferConstraints,
  StatusReason,
  TaskStatus,
  TaskTold,
} from "../model/framework.ts";
import type {
  AcceptRequest,
  AnswerInverseRequest,
  DeclineRequest,
  FrameworkState,
  TaskLevel,
} from "../protocol/frameworks.ts";

export interface SelfBody {
  state: FrameworkState;
  info: FrameworkInfo;
  suppressed: string[];
  constraints: OfferConstraints;
  /** by the framework's name of a role; absent: 0 */
  revived: Record<string, number>;
  /** of the stream that is open; null: none is */
  streamId: string | null;
  /** so long it may be without a stream, since it lost its last one, ms */
  awayLimitMs: number;
  /** while it has none: when that was counted last */
  countedAtMs: number;
  registeredAtMs: number;
  reregisteredAtMs: number | null;
  unregisteredAtMs: number | null;
  /** where it may have something, as the Broker said last */
  clusters: string[];
}

export interface Self extends SelfBody {
  rev: number;
  toldRev: number;
  disconnectedMs: number;
}

/** A Cluster that told something. */
export interface ClusterBody {
  /** of what it told last */
  incarnation: number;
  rev: number;
  offers: OfferCounts;
  /** counted since it was last seen to know nothing of tasks that it told of before */
  missingMs: number;
  /** when that was counted last */
  countedAtMs: number;
}

/** How many it has made, and how those went that are not outstanding. */
export interface OfferCounts {
  sent: number;
  accepted: number;
  declined: number;
  rescinded: number;
}

/** An update that waits for its acknowledgement. */
export interface Queued {
  status: TaskStatus & { uuid: string };
  /** null: those before it were not acknowledged yet */
  sentAtMs: number | null;
}

export interface TaskBody {
  taskId: string;
  cluster: string;
  agentId: string;
  executorId: string | null;
  /** of the ACCEPT that launched it; null: only its Cluster ever told of it */
  accept: string | null;
  /** of its Cluster: when it told of the task last; of one that it did not tell of yet, when it was launched */
  incarnation: number;
  /** made up of what was launched, with seq 0, until its Cluster tells of it */
  level: TaskLevel;
  told: TaskTold | null;
  /** of the newest update, sent or not */
  state: MesosTaskState;
  /** TASK_RUNNING was said of it */
  hasRun: boolean;
  /** nothing comes after `state` */
  isEnded: boolean;
  /** taken for unreachable because its Cluster did not tell of it: it may come back */
  isAssumed: boolean;
  /** only the first is sent */
  queue: Queued[];
  /** newest that were sent, oldest first */
  statuses: TaskStatus[];
  /** it is to be killed; graceMs null: as it says itself */
  kill: { graceMs: number | null } | null;
}

export interface Task extends TaskBody {
  readonly ordinal: number;
}

/** Of one that is new: nothing was said of it. */
export const taskOf = (cluster: string, accept: string | null, level: TaskLevel, told: TaskTold | null): TaskBody => ({
  taskId: level.taskId,
  cluster,
  agentId: level.agentId,
  executorId: level.executorId,
  accept,
  incarnation: 0,
  level,
  told,
  state: "TASK_STAGING",
  hasRun: false,
  isEnded: false,
  isAssumed: false,
  queue: [],
  statuses: [],
  kill: null,
});

/** To a Cluster, repeated until it is answered. */
export type Request = { cluster: string } & (
  | { method: "accept"; args: AcceptRequest }
  | { method: "decline"; args: DeclineRequest }
  | { method: "answerInverse"; args: AnswerInverseRequest }
);

/** What is said in an update; the rest is the task's. */
export interface Said {
  state: MesosTaskState;
  source: TaskStatus["source"];
  reason: StatusReason | null;
  message: string | null;
  /** the framework acknowledges it, and gets it again until it does */
  isQueued: boolean;
  unreachableAtMs?: number;
}

export const isTold = ({ level }: TaskBody): boolean => level.seq > 0;

export const isAware = ({ info }: SelfBody): boolean => info.capabilities.includes("PARTITION_AWARE");

/** Of a task that its own process is, when nothing else is said. */
export const executorOf = ({ executorId, taskId }: TaskBody): string => executorId ?? taskId;
