/** What may be asked of a Cluster. Called by the Worker and by the Broker; arguments are already validated. */
import type { DrillPreview } from "../model/drillView.ts";
import type { Template } from "../model/job.ts";
import type { PartitionSpec } from "../model/partition.ts";
import type { Ranges } from "../model/ranges.ts";
import type { ClusterDrainView, NodeView, PartitionView, TaskView } from "../model/views.ts";
import type { PollReply, PollRequest } from "../protocol/agent.ts";
import type {
  AcceptAnswer,
  AcceptRequest,
  AgentStateAnswer,
  AgentStateRequest,
  AnswerInverseRequest,
  DeclineRequest,
  KillRequest,
} from "../protocol/frameworks.ts";
import type { Counts, GrantMessage } from "../protocol/levels.ts";
import type { DrainWish } from "./drain.ts";
import type { DrillWish } from "./drill/drill.ts";
import type { DrillSight, Whereabouts } from "./drill/report.ts";

/** The verified claims of an agent's credential. */
export interface NodeClaims {
  league: string;
  cluster: string;
  node: string /** rises when the node joins anew */;
  serial: number;
}

/** Where tasks would go now. */
export interface Preview {
  /** those that have a place, by partition and node */
  places: { partition: string; node: string; tasks: number }[];
  /** false: not all of them were tried */
  isWhole: boolean;
}

/** `next`: there are more after that index. */
export interface TaskPage {
  items: TaskView[];
  /** what ran here of tasks that were given back, or came again since: up to the same index */
  moved: Pick<TaskView, "index" | "attempts">[];
  next: number | null;
}

export interface ClusterMethods {
  grant(args: GrantMessage): Record<never, never>;
  join(args: { name: string; key: string }): { node: string; serial: number };
  poll(args: { claims: NodeClaims; request: PollRequest }): PollReply;

  nodes(args: { after: string | null; limit: number }): { items: NodeView[]; next: string | null };
  /** `serial`: the node itself asks, with a credential of that join */
  node(args: { name: string; serial?: number }): NodeView;
  pauseNode(args: { name: string; paused: boolean }): NodeView;
  /** What frameworks set aside there is free for everyone; their tasks go on. */
  unreserveNode(args: { name: string }): NodeView;
  removeNode(args: { name: string }): NodeView;
  drainNode(args: { name: string } & DrainWish): NodeView;
  undrainNode(args: { name: string }): NodeView;
  drain(args: DrainWish): ClusterDrainView;
  undrain(args: Record<never, never>): ClusterDrainView;
  drainView(args: Record<never, never>): ClusterDrainView;
  /** What a drill of that length would do. */
  previewDrill(args: { forMs: number }): DrillPreview;
  /** Null: there was none. */
  drillSight(args: Record<never, never>): DrillSight | null;
  startDrill(args: DrillWish): DrillSight | null;
  /** Before its time. */
  endDrill(args: Record<never, never>): DrillSight | null;
  /** Where tasks stand here; by job. */
  whereabouts(args: { jobs: Record<string, Ranges> }): Whereabouts[];
  partitions(args: Record<never, never>): PartitionView[];
  partition(args: { name: string }): PartitionView;
  /** @param position null: where it is, or last of those that were made */
  putPartition(args: { spec: PartitionSpec; position: number | null }): PartitionView;
  removePartition(args: { name: string }): PartitionView;
  tasks(args: { job: string; state: string | null; after: number | null; limit: number }): TaskPage;
  task(args: { job: string; index: number }): TaskView | null;
  /** Where so many tasks by partition would go now. Hands nothing out. */
  preview(args: { template: Template; counts: Counts }): Preview;
  /** A person follows the output of this attempt for the next minute: its node is woken and told. */
  follow(args: { task: string; epoch: number }): Record<never, never>;
  metrics(args: Record<never, never>): Record<string, number>;

  // By Framework objects; each may be repeated.
  accept(args: AcceptRequest): AcceptAnswer;
  decline(args: DeclineRequest): Record<never, never>;
  answerInverse(args: AnswerInverseRequest): Record<never, never>;
  killTask(args: KillRequest): Record<never, never>;
  agentStates(args: AgentStateRequest): AgentStateAnswer;
}

/**
 * First message on a Cluster's socket. `poll`: the object answers with `Held` messages; `final` ends the hold, one that
 * is not final is what the Worker answers when the wait is over. `wake`: the object only ever says `{ wake: true }`.
 */
export type ClusterSocketMessage =
  | { poll: { claims: NodeClaims; request: PollRequest; waitS: number } }
  | { wake: { claims: NodeClaims } };

/** `reply: null`: a newer poll took the hold over; the Worker answers 204. */
export interface Held {
  final: boolean;
  reply: PollReply | null;
  problem?: { code: string; detail: string };
}
