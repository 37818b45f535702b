/** A task that a framework wants launched, into what a node is to run; and what is wrong with it in itself. */
import type { LaunchTask } from "../../model/framework.ts";
import { DEFAULT_STOP_AFTER_MS, silenceLimitMs } from "../../model/job.ts";
import { DEFAULT_PRIORITY } from "../../model/placing.ts";
import { GUARD_MARGIN_MS } from "../../model/stopping.ts";
import type { CommandInfo, TaskInfo } from "../messages/task.ts";
import { commandError, environmentOf, urisOf, withWords, wordsOf } from "./command.ts";
import { BARE, type ReadContainer, readContainer } from "./container.ts";
import { readLabels } from "./frameworkInfo.ts";
import { idError } from "./ids.ts";
import { readPieces } from "./resources.ts";
import { graceMsOf, millisecondsOf } from "./times.ts";

/** Of Mesos' command executor. */
const DEFAULT_GRACE_MS = 3000;
const NO_COMMAND: CommandInfo = { uris: [], arguments: [] };

export interface LaunchContext {
  frameworkId: string;
  /** of the group that it is in; null: it is in none */
  executorId: string | null;
}

export function readTask(task: TaskInfo, { frameworkId, executorId }: LaunchContext): LaunchTask {
  const read = readPieces(task.resources);
  const container = readContainer(task.container);
  const image = typeof container === "string" ? null : container.image;
  const idIsWrong = idError(task.task_id.value);
  const message =
    idIsWrong ??
    earlyError(task) ??
    (read.error === null ? null : `Task uses invalid resources: ${read.error}`) ??
    prefixed("Task's `CommandInfo` is invalid", task.command ? commandError(task.command, image) : null) ??
    prefixed("Task's `ContainerInfo` is invalid", typeof container === "string" ? container : null) ??
    (Object.keys(task.limits ?? {}).length > 0 ? "Agent is not capable of handling task resource limits" : null) ??
    (executorId === null ? executorError(task) : groupedError(task));
  return {
    taskId: task.task_id.value,
    name: task.name,
    agentId: task.agent_id.value,
    pieces: read.pieces,
    template: templateOf(task, frameworkId, executorId, typeof container === "string" ? BARE : container),
    executorId,
    error: message === null ? null : { message, isId: idIsWrong !== null },
    told: {
      labels: readLabels(task.labels),
      discovery: task.discovery ?? null,
      container: task.container ?? null,
    },
  };
}

const prefixed = (what: string, error: string | null): string | null => error && `${what}: ${error}`;

const isNegative = (duration: { nanoseconds: number } | undefined): boolean => (duration?.nanoseconds ?? 0) < 0;

/** What comes before its resources, in the order of Mesos' own checks. */
function earlyError(task: TaskInfo): string | null {
  if (isNegative(task.kill_policy?.grace_period)) return "Task's 'kill_policy.grace_period' must be non-negative";
  if (isNegative(task.max_completion_time)) return "Task's `max_completion_time` must be non-negative";
  if (task.check) return "Task uses invalid check: Hansa does not run checks yet";
  if (task.health_check) return "Task uses invalid health check: Hansa does not run health checks yet";
  return task.resources.length === 0 ? "Task uses no resources" : null;
}

function executorError({ command, executor }: TaskInfo): string | null {
  if ((command === undefined) === (executor === undefined))
    return "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present";
  if (!executor) return null;
  if (executor.type !== undefined && executor.type !== "CUSTOM") return "'ExecutorInfo.type' must be 'CUSTOM'";
  if (!executor.command) return "'ExecutorInfo.command' must be set";
  return "Task uses a custom executor, which needs the agent's executor API: Hansa does not serve it. Give the task a CommandInfo";
}

/** Of a task whose executor is its group's. */
function groupedError({ command, container }: TaskInfo): string | null {
  if (container?.type === "DOCKER") return "Docker ContainerInfo is not supported on the task";
  return command ? null : "'TaskInfo.command' must be set";
}

function templateOf(
  task: TaskInfo,
  frameworkId: string,
  executorId: string | null,
  container: ReadContainer,
): LaunchTask["template"] {
  const command = task.command ?? NO_COMMAND;
  const words = wordsOf(command, task.container);
  const stopGraceMs = graceMsOf(task.kill_policy) ?? DEFAULT_GRACE_MS;
  // TERM, grace and KILL must fit into half of it.
  const stopAfterMs = Math.max(DEFAULT_STOP_AFTER_MS, 2 * (stopGraceMs + GUARD_MARGIN_MS));
  return {
    name: task.name,
    command: words.command,
    env: environmentOf(command, {
      MESOS_TASK_ID: task.task_id.value,
      MESOS_FRAMEWORK_ID: frameworkId,
      MESOS_AGENT_ID: task.agent_id.value,
      MESOS_EXECUTOR_ID: executorId ?? task.task_id.value,
    }),
    cwd: null,
    constraints: [],
    preferences: [],
    apart: [],
    spread: [],
    gang: null,
    priority: DEFAULT_PRIORITY,
    ...withWords(container, words),
    uris: urisOf(command),
    retryMax: 0,
    retryBackoffMs: 0,
    timeoutMs: task.max_completion_time ? Math.max(1, millisecondsOf(task.max_completion_time)) : null,
    stopGraceMs,
    stopAfterMs,
    lostAfterMs: silenceLimitMs(stopAfterMs),
    copies: "at-most-one",
  };
}
