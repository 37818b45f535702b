/** What people see of a Cluster. */
import { type Epoch, handoutOf, type JobId, taskId } from "../model/ids.ts";
import { unknownResources } from "../model/notes.ts";
import { amountsText, type PartitionSpec } from "../model/partition.ts";
import { amountsOf } from "../model/pieces.ts";
import { add, type Resources } from "../model/resources.ts";
import type { AttemptView, ClusterDrainView, NodeView, PartitionView, TaskView } from "../model/views.ts";
import { clusterDrainView, nodeDrainView } from "./drain.ts";
import type { ClusterMemory } from "./memory.ts";
import { type Account, partitionsOf } from "./partitions.ts";
import { itemOf, type JobState, type LeavingLive, type NodeState } from "./state.ts";
import { type AttemptRow, type EndColumns, type TaskRow, UNENDED } from "./store.ts";

export function nodeView(memory: ClusterMemory, node: NodeState, now: number): NodeView {
  const drain = nodeDrainView(memory, node);
  return {
    name: node.name,
    cluster: memory.cluster,
    serial: node.serial,
    state: stateOf(memory, node, drain, now),
    silentMs: Math.max(0, now - node.seenAt),
    capacity: node.inventory?.capacity ?? {},
    ports: node.inventory?.ports ?? [],
    used: memory.usedOn(node),
    offered: offeredOn(memory, node.name),
    reserved: reservedOn(memory, node.name),
    attributes: node.inventory?.attributes ?? {},
    drivers: node.inventory?.drivers ?? [],
    attempts: [...memory.liveOn(node.name)].length,
    pressure: [...node.pressure],
    version: node.inventory?.version ?? "",
    drain,
  };
}

const offeredOn = ({ frameworks }: ClusterMemory, node: string): Resources =>
  amountsOf([...frameworks.offersOn(node)].flatMap(({ pieces }) => pieces));

function reservedOn({ frameworks }: ClusterMemory, node: string): NodeView["reserved"] {
  const reserved: NodeView["reserved"] = {};
  for (const { role, piece } of frameworks.reservations.on(node))
    reserved[role] = { ...add(reserved[role] ?? {}, piece.amounts) };
  return reserved;
}

/** One that is drained may be silent: it is worked on. */
function stateOf(memory: ClusterMemory, node: NodeState, drain: NodeView["drain"], now: number): NodeView["state"] {
  if (node.removed) return "removed";
  if (drain?.left === 0) return "drained";
  if (memory.isSuspect(node, now)) return "suspect";
  if (drain) return "draining";
  return node.paused ? "paused" : "up";
}

export function clusterDrain(memory: ClusterMemory, now: number): ClusterDrainView {
  const drain = clusterDrainView(memory);
  const nodes = [...memory.nodes.values()].filter((node) => memory.isSuspect(node, now));
  const silent = nodes.filter(({ name, removed }) => !removed && [...memory.liveOn(name)].length > 0);
  const state = drain === null ? "up" : drain.left === 0 ? "drained" : "draining";
  return { cluster: memory.cluster, state, drain, silent: silent.map(({ name }) => name) };
}

export function partitionView(
  memory: ClusterMemory,
  spec: PartitionSpec,
  amounts: Account,
  now: number,
): PartitionView {
  const members = [...memory.nodes.values()].filter(
    (node) => !node.removed && partitionsOf(memory.partitions, memory.attributesOf(node)).includes(spec.name),
  );
  return {
    cluster: memory.cluster,
    name: spec.name,
    nodes: [...spec.nodes],
    slice: spec.slice && amountsText(spec.slice),
    owner: spec.owner,
    lend: lendText(spec.lend),
    pack: spec.pack,
    price: spec.price,
    speed: spec.speed,
    nodeCounts: { up: members.filter((node) => memory.isUp(node, now)).length, total: members.length },
    amounts,
    notes: notesOf(memory, spec),
  };
}

function notesOf(memory: ClusterMemory, { slice, lend }: PartitionSpec): string[] {
  const capacities = [...memory.nodes.values()].map(({ inventory }) => inventory?.capacity ?? {});
  const there = Object.assign({}, ...capacities) as Resources;
  return [
    ...unknownResources("slice", Object.keys(slice ?? {}), there),
    ...unknownResources("lend", lend === "none" ? [] : Object.keys(lend), there),
  ];
}

function lendText(lend: PartitionSpec["lend"]): PartitionView["lend"] {
  if (lend === "none") return lend;
  return Object.keys(lend).length === 0 ? "all" : amountsText(lend);
}

const ended = (end: EndColumns) => ({
  reason: end.reason,
  code: end.code,
  signal: end.signal,
  message: end.message,
  ranMs: end.ranMs,
  stdoutBytes: end.stdoutBytes,
  stderrBytes: end.stderrBytes,
});

const attemptView = (row: AttemptRow): AttemptView => ({
  epoch: row.epoch,
  node: row.node,
  state: row.state,
  ...ended(row),
});

/** @param attempts ended ones that did not decide the task, oldest first */
export function taskView(
  row: TaskRow,
  attempts: readonly AttemptRow[],
  job: JobState | undefined,
  cluster: string,
): TaskView {
  const live = job?.live.get(row.index);
  const cancelling = job?.action === "cancel" || (live !== undefined && live.stopping !== null);
  const liveState = live?.confirmed ? (cancelling ? "stopping" : "running") : "assigned";
  const views = attempts
    .filter((attempt) => attempt.epoch !== row.epoch || row.state === "waiting" || row.state === "returned")
    .map(attemptView);
  const leaving = job?.leaving.get(row.index);
  if (leaving) views.push(leavingView(leaving));
  const state = taskState(row, job, liveState);
  if (row.state === "succeeded" || row.state === "failed" || row.state === "cancelled") {
    views.push({ epoch: row.epoch, node: row.node, state: row.state, ...ended(row) });
  } else if (live) {
    views.push({ epoch: row.epoch, node: row.node, state: liveState, ...ended(row) });
  }
  views.sort((a, b) => a.epoch - b.epoch);
  return { id: taskId(row.job as JobId, row.index), index: row.index, cluster, state, item: row.item, attempts: views };
}

const leavingView = ({ job, epoch, node, stopping }: LeavingLive): AttemptView => ({
  epoch,
  node,
  state: job.action === "cancel" || stopping !== null ? "stopping" : "running",
  ...UNENDED,
});

function taskState(row: TaskRow, job: JobState | undefined, live: TaskView["state"]): TaskView["state"] {
  switch (row.state) {
    case "succeeded":
    case "failed":
    case "cancelled":
      return row.state;
    case "waiting":
      return job?.action === "cancel" ? "cancelled" : "waiting";
    case "returned":
      return "waiting";
    default:
      return live;
  }
}

/** Supply that was never handed out here has no row. */
export function* unstarted(job: JobState, cluster: string): Generator<TaskView> {
  for (const { ranges } of job.fresh) {
    for (const [from, to] of ranges) {
      for (let index = from; index < to; index++) {
        yield {
          id: taskId(job.id as JobId, index),
          index,
          cluster,
          state: "waiting",
          item: itemOf(job.supply, index),
          attempts: [],
        };
      }
    }
  }
}

/** Whether the row's hand-out is the newest that this cluster knows of, or something of it still runs. */
export const isCurrent = (row: TaskRow, job: JobState | undefined): boolean =>
  (row.state !== "returned" || row.leaving !== null) &&
  (job === undefined ||
    !job.fresh.some(
      ({ handout, ranges }) =>
        handout > handoutOf(row.epoch as Epoch) && ranges.some(([from, to]) => row.index >= from && row.index < to),
    ));
