/** Tasks of frameworks, as each framework was told of them last; what runs on them for it are executors. */
import type { MesosTaskState } from "../../model/framework.ts";
import { id, listed, taskStatusJson } from "../events/events.ts";
import type { Json } from "../events/offeredResources.ts";
import { listOf, objectOf } from "./amounts.ts";
import type { Look, SeenTask } from "./look.ts";
import { portRanges } from "./ports.ts";

type TaskKind = "tasks" | "unreachable_tasks" | "completed_tasks";

export function kindOf(task: SeenTask): TaskKind {
  if (task.isCompleted) return "completed_tasks";
  return task.level.state === "unreachable" ? "unreachable_tasks" : "tasks";
}

/** Nothing is told of one that is on its way to its node. */
export const stateOf = ({ statuses }: SeenTask): MesosTaskState => statuses.at(-1)?.state ?? "TASK_STAGING";

export const keyOf = ({ framework, level }: SeenTask): string => `${framework.row.id} ${level.taskId}`;

/** `mesos::Task` */
export function taskJson(task: SeenTask): Json {
  const { level, statuses, told, framework } = task;
  const last = statuses.at(-1);
  return {
    name: level.name,
    task_id: id(level.taskId),
    framework_id: id(framework.row.id),
    ...(level.executorId !== null && { executor_id: id(level.executorId) }),
    agent_id: id(level.agentId),
    state: stateOf(task),
    ...resources(task),
    ...(statuses.length > 0 && { statuses: statuses.map(taskStatusJson) }),
    ...(last && { status_update_state: last.state }),
    ...(last && last.uuid !== null && { status_update_uuid: last.uuid }),
    ...(isFilled(told.labels) && { labels: { labels: told.labels } }),
    ...(isSaid(told.discovery) && { discovery: told.discovery }),
    ...(isSaid(told.container) && { container: told.container }),
  };
}

const resources = ({ level }: SeenTask): Json =>
  listed("resources", listOf(level.resources, portRanges(level.ports), level.role));

const isFilled = (value: unknown): value is unknown[] => Array.isArray(value) && value.length > 0;
const isSaid = (value: unknown): boolean => value !== null && value !== undefined;

/** Of `/tasks` and `/state`. */
export function oldTaskJson(task: SeenTask): Json {
  const { level, statuses, told, framework } = task;
  return {
    id: level.taskId,
    name: level.name,
    framework_id: framework.row.id,
    executor_id: level.executorId ?? "",
    slave_id: level.agentId,
    state: stateOf(task),
    resources: objectOf(level.resources, portRanges(level.ports)),
    role: level.role,
    statuses: statuses.map(({ state, atMs, ip }) => ({
      state,
      timestamp: atMs / 1000,
      ...(ip !== undefined && { container_status: { network_infos: [{ ip_addresses: [{ ip_address: ip }] }] } }),
    })),
    ...(isFilled(told.labels) && { labels: told.labels }),
    ...(isSaid(told.discovery) && { discovery: told.discovery }),
    ...(isSaid(told.container) && { container: told.container }),
  };
}

export function byKind(tasks: readonly SeenTask[], json: (task: SeenTask) => Json): Record<TaskKind, Json[]> {
  const lists: Record<TaskKind, Json[]> = { tasks: [], unreachable_tasks: [], completed_tasks: [] };
  for (const task of tasks) lists[kindOf(task)].push(json(task));
  return lists;
}

export async function getTasks(look: Look): Promise<Json> {
  const lists = byKind(await look.tasks(), taskJson);
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

/** Those that a group of tasks has. A task by itself is its own executor, and is not listed: Mesos makes it at the agent. */
export function executorsOf(tasks: readonly SeenTask[]): SeenTask[] {
  const executors = new Map<string, SeenTask>();
  for (const task of tasks) {
    const { executorId, agentId } = task.level;
    if (executorId === null || kindOf(task) !== "tasks") continue;
    executors.set(`${task.framework.row.id} ${agentId} ${executorId}`, task);
  }
  return [...executors.values()];
}

export const getExecutors = async (look: Look): Promise<Json> =>
  listed(
    "executors",
    executorsOf(await look.tasks()).map(({ level, framework }) => ({
      executor_info: { executor_id: id(level.executorId ?? ""), framework_id: id(framework.row.id) },
      agent_id: id(level.agentId),
    })),
  );

const DEFAULT_LIMIT = 100;

/** `/tasks`: newest first unless `order=asc`. @param query as it came; what can't be read is as if it were not there */
export async function tasksPage(look: Look, query: Record<string, string>): Promise<Json> {
  const { limit, offset, order, framework_id, task_id } = query;
  const all = (await look.tasks()).filter(
    ({ framework, level }) =>
      (framework_id ?? framework.row.id) === framework.row.id && (task_id ?? level.taskId) === level.taskId,
  );
  const sign = order === "asc" ? 1 : -1;
  all.sort((a, b) => sign * (startedAt(a) - startedAt(b)));
  const from = numberIn(offset) ?? 0;
  return { tasks: all.slice(from, from + (numberIn(limit) ?? DEFAULT_LIMIT)).map(oldTaskJson) };
}

const startedAt = ({ statuses, level }: SeenTask): number => statuses[0]?.atMs ?? level.atMs;
const numberIn = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
