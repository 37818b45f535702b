/** Tasks that are launched together or not at all, under Mesos' default executor. */
import type { LaunchTask, Piece } from "../../model/framework.ts";
import { amountsOf } from "../../model/pieces.ts";
import type { ExecutorInfo, TaskInfo } from "../messages/task.ts";
import { readContainer } from "./container.ts";
import { idError } from "./ids.ts";
import { readPieces } from "./resources.ts";
import { readTask } from "./task.ts";
import { doubleText } from "./texts.ts";

const MIN_CPUS = 0.01;
const MIN_MEM_MIB = 32;

export interface ReadGroup {
  executorId: string;
  pieces: Piece[];
  tasks: LaunchTask[];
  error: string | null;
}

export function readGroup(executor: ExecutorInfo, tasks: readonly TaskInfo[], frameworkId: string): ReadGroup {
  const executorId = executor.executor_id.value;
  const read = tasks.map((task) => readTask(task, { frameworkId, executorId }));
  const { pieces, error } = readPieces(executor.resources);
  const wrong = read.find((task) => task.error !== null);
  return {
    executorId,
    pieces,
    tasks: read,
    error:
      (wrong ? `Task '${wrong.taskId}' is invalid: ${wrong.error?.message}` : null) ??
      executorError(executor, frameworkId, error) ??
      strangeExecutor(executor, tasks) ??
      minimumError(executorId, pieces),
  };
}

function executorError(executor: ExecutorInfo, frameworkId: string, resourcesError: string | null): string | null {
  const { executor_id, type, framework_id, shutdown_grace_period, container } = executor;
  const idIsWrong = idError(executor_id.value);
  if (idIsWrong) return idIsWrong;
  if (type === "DEFAULT" && executor.command) return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor";
  if (type === "DEFAULT" && container && container.type !== "MESOS")
    return "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor";
  if (type === "DEFAULT" && container?.mesos?.image)
    return "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor";
  if (framework_id && framework_id.value !== frameworkId)
    return `ExecutorInfo has an invalid FrameworkID (Actual: ${framework_id.value} vs Expected: ${frameworkId})`;
  if ((shutdown_grace_period?.nanoseconds ?? 0) < 0)
    return "ExecutorInfo's 'shutdown_grace_period' must be non-negative";
  if (resourcesError) return `Executor uses invalid resources: ${resourcesError}`;
  const read = readContainer(container);
  if (typeof read === "string") return `Executor's \`ContainerInfo\` is invalid: ${read}`;
  if (type === undefined) return "'ExecutorInfo.type' must be set";
  if (type === "UNKNOWN") return "Unknown executor type";
  if (container?.type === "DOCKER") return "Docker ContainerInfo is not supported on the executor";
  return type === "DEFAULT"
    ? null
    : "Task group uses a custom executor, which needs the agent's executor API: Hansa does not serve it. Use the DEFAULT executor";
}

function strangeExecutor({ executor_id }: ExecutorInfo, tasks: readonly TaskInfo[]): string | null {
  const stranger = tasks.find(({ executor }) => executor && executor.executor_id.value !== executor_id.value);
  return stranger
    ? `The \`ExecutorInfo\` of task '${stranger.task_id.value}' is different from executor '${executor_id.value}'`
    : null;
}

function minimumError(executorId: string, pieces: readonly Piece[]): string | null {
  const { cpus, mem, disk } = amountsOf(pieces);
  const who = `Executor '${executorId}' uses`;
  if (cpus === undefined || cpus < MIN_CPUS * 1000) {
    const used = cpus === undefined ? "None" : doubleText(cpus / 1000);
    return `${who} less CPUs (${used}) than the minimum required (${MIN_CPUS})`;
  }
  if (mem === undefined || mem < MIN_MEM_MIB * 1000) {
    const used = mem === undefined ? "None" : `${mem / 1000}MB`;
    return `${who} less memory (${used}) than the minimum required (${MIN_MEM_MIB}MB)`;
  }
  return disk === undefined ? `${who} no disk` : null;
}
