/** ACCEPT: what is offered here is looked at here, the rest is its Cluster's part. */
import type { LaunchTask, Offer, Operation, OperationStatus, StatusReason, TaskStatus } from "../model/framework.ts";
import { amountsOf, portsIn, portsOf } from "../model/pieces.ts";
import type { AcceptAnswer, AcceptRequest, TaskLevel } from "../protocol/frameworks.ts";
import { clusterOf, type FrameworkMemory, keyOf } from "./memory.ts";
import type { FrameworkCall } from "./methods.ts";
import { goMissing } from "./missing.ts";
import { isAware, isTold, taskOf } from "./state.ts";

type Accept = Extract<FrameworkCall, { type: "ACCEPT" }>;

/** What is said of a task that is not launched. */
type Refusal = Pick<TaskStatus, "state" | "message"> & { reason: StatusReason };

export function accept(memory: FrameworkMemory, call: Accept, now: number): void {
  const [first] = call.offerIds;
  const error = offersError(memory, call.offerIds);
  if (error !== null || first === undefined) {
    refuseNew(memory, call, error ?? "", now);
    return;
  }
  const offers = call.offerIds.flatMap((id) => memory.offers.get(id) ?? []);
  const [{ agent, role } = { agent: null, role: "" }] = offers;
  if (!agent) return;
  const cluster = clusterOf(agent.id);
  const operations = call.operations.flatMap((operation) => served(memory, operation, now));
  const request: AcceptRequest = {
    framework: memory.id,
    id: first,
    incarnation: memory.heard.get(cluster)?.incarnation ?? 0,
    offers: call.offerIds,
    operations: withoutKnown(memory, operations),
    refuseMs: call.refuseMs,
  };
  for (const { id } of offers) memory.dropOffer(id);
  memory.count("accepted", offers);
  memory.ask(first, { cluster, method: "accept", args: request });
  for (const operation of operations)
    for (const task of tasksOf(operation))
      if (!memory.tasks.has(task.taskId)) stage(memory, task, { request, cluster, agent, role, now });
}

/** First that is wrong with the offers, as Mesos says it; null: nothing. */
function offersError(memory: FrameworkMemory, ids: readonly string[]): string | null {
  if (ids.length === 0) return "No offers specified";
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) return `Duplicate offer ${id} in offer list`;
    seen.add(id);
  }
  const offers: Offer[] = [];
  for (const id of ids) {
    const offer = memory.offers.get(id);
    if (!offer) return `Offer ${id} is no longer valid`;
    offers.push(offer);
  }
  const [first] = offers;
  for (const { id, role } of offers)
    if (first && role !== first.role)
      return `Aggregated offers must be allocated to the same role. Offer ${id} uses role ${role} but another is using role ${first.role}`;
  for (const { id, agent } of offers)
    if (first && agent.id !== first.agent.id)
      return `Aggregated offers must belong to one single agent. Offer ${id} uses agent ${agent.id} and agent ${first.agent.id}`;
  return null;
}

const tasksOf = (operation: Operation): readonly LaunchTask[] =>
  operation.type === "LAUNCH" || operation.type === "LAUNCH_GROUP" ? operation.tasks : [];

/** What was asked for is not: the Worker asks again after a fault, and does not know that it was heard. */
function refuseNew(memory: FrameworkMemory, { offerIds, operations }: Accept, error: string, now: number): void {
  const [first] = offerIds;
  const asked = first === undefined ? undefined : memory.requests.get(keyOf("accept", first));
  const waiting = asked?.method === "accept" ? asked.args.operations.map(({ id }) => id) : [];
  memory.giveBack(new Set(offerIds.flatMap((id) => memory.offers.get(id) ?? [])));
  const refusal: Refusal = {
    state: isAware(memory.known) ? "TASK_DROPPED" : "TASK_LOST",
    reason: "REASON_INVALID_OFFERS",
    message: `Task launched with invalid offers: ${error}`,
  };
  for (const operation of operations) {
    if (operation.type === "LAUNCH" || operation.type === "LAUNCH_GROUP")
      for (const task of operation.tasks) {
        if (memory.tasks.get(task.taskId)?.accept !== first) refuse(memory, task, refusal, now);
      }
    else if (operation.id !== null && !waiting.includes(operation.id))
      tellOperation(memory, {
        operationId: operation.id,
        state: "OPERATION_ERROR",
        message: `Operation attempted with invalid offers: ${error}`,
        agentId: null,
        uuid: null,
      });
  }
}

function refuse(
  memory: FrameworkMemory,
  task: { taskId: string; agentId: string | null; executorId: string | null },
  { state, reason, message }: Refusal,
  now: number,
): void {
  memory.emit({
    type: "UPDATE",
    status: {
      taskId: task.taskId,
      state,
      source: "SOURCE_MASTER",
      reason,
      message,
      agentId: task.agentId,
      executorId: task.executorId,
      atMs: now,
      uuid: null,
    },
  });
}

const tellOperation = (memory: FrameworkMemory, status: OperationStatus): void =>
  memory.emit({ type: "UPDATE_OPERATION_STATUS", status });

/** A launch tells of itself by its tasks, and has no id. */
function served(memory: FrameworkMemory, operation: Operation, now: number): Operation[] {
  if (operation.id === null || (operation.type !== "LAUNCH" && operation.type !== "LAUNCH_GROUP")) return [operation];
  const refusal: Refusal = {
    state: "TASK_ERROR",
    reason: operation.type === "LAUNCH" ? "REASON_TASK_INVALID" : "REASON_TASK_GROUP_INVALID",
    message: `The \`id\` field cannot be set on ${operation.type} operations`,
  };
  for (const task of operation.tasks) refuse(memory, task, refusal, now);
  return [];
}

/** Its Cluster has forgotten tasks whose end was told, though their framework has not acknowledged it yet. */
function withoutKnown(memory: FrameworkMemory, operations: readonly Operation[]): Operation[] {
  const seen = new Set<string>();
  const twice = (taskId: string): boolean => {
    const isKnown = seen.has(taskId) || memory.tasks.has(taskId);
    seen.add(taskId);
    return isKnown;
  };
  const text = (taskId: string): string => `Task has duplicate ID: ${taskId}`;
  return operations.map((operation): Operation => {
    if (operation.type === "LAUNCH") {
      const tasks = operation.tasks.map((task): LaunchTask => {
        if (!twice(task.taskId) || task.error?.isId) return task;
        return { ...task, error: { message: text(task.taskId), isId: true } };
      });
      return { ...operation, tasks };
    }
    if (operation.type === "LAUNCH_GROUP") {
      const known = operation.tasks.filter(({ taskId }) => twice(taskId));
      const error = known[0] && `Task '${known[0].taskId}' is invalid: ${text(known[0].taskId)}`;
      return { ...operation, error: operation.error ?? error ?? null };
    }
    return operation;
  });
}

interface Ground {
  request: AcceptRequest;
  cluster: string;
  agent: Offer["agent"];
  role: string;
  now: number;
}

/** From now on it is known. */
function stage(memory: FrameworkMemory, launch: LaunchTask, ground: Ground): void {
  const { taskId, executorId, name, pieces, told, template } = launch;
  const { request, cluster, agent, role, now } = ground;
  const level: TaskLevel = {
    taskId,
    agentId: launch.agentId,
    executorId,
    task: "",
    epoch: 0,
    seq: 0,
    state: "staging",
    reason: null,
    code: null,
    signal: null,
    message: null,
    atMs: now,
    role,
    name,
    resources: amountsOf(pieces),
    ports: portsOf(portsIn(pieces)),
    ip: agent.ip,
    ...(template.lostAfterMs !== null && { lostAfterMs: template.lostAfterMs }),
  };
  const task = memory.addTask({ ...taskOf(cluster, request.id, level, told), incarnation: request.incarnation });
  memory.saveTask(task);
}

/** What its Cluster did not launch is forgotten; a scheduler that asks hears that it is unknown. */
export function accepted(memory: FrameworkMemory, request: AcceptRequest, answer: AcceptAnswer, now: number): void {
  const key = keyOf("accept", request.id);
  if (!memory.requests.has(key)) return;
  memory.answered(key);
  if (answer.isUnknown) missAll(memory, request, now);
  const asked = countTasks(request.operations.flatMap(tasksOf));
  const refused = countTasks(answer.rejected);
  for (const rejection of answer.rejected) {
    const task = memory.tasks.get(rejection.taskId);
    const isOfThis = task?.accept === request.id;
    if (isOfThis && isTold(task)) continue;
    refuse(memory, rejection, rejection, now);
    // Asked for twice, it is launched once.
    const isRefused = (refused.get(rejection.taskId) ?? 0) >= (asked.get(rejection.taskId) ?? 0);
    if (isOfThis && isRefused) memory.forgetTask(task);
  }
  for (const status of answer.operations) tellOperation(memory, status);
}

/** What it asked for may run, but for what was told of since. */
function missAll(memory: FrameworkMemory, { id }: AcceptRequest, now: number): void {
  for (const task of memory.tasks.values()) {
    if (task.accept !== id || task.isEnded || task.isAssumed) continue;
    const { cluster, incarnation } = task;
    if (isTold(task) && incarnation === memory.heard.get(cluster)?.incarnation) continue;
    goMissing(memory, task, now);
    memory.saveHeard(cluster);
  }
}

function countTasks(tasks: readonly { taskId: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { taskId } of tasks) counts.set(taskId, (counts.get(taskId) ?? 0) + 1);
  return counts;
}
