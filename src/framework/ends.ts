/** How Mesos says what a Cluster tells of a task. */
import type { StatusReason } from "../model/framework.ts";
import type { EndReason } from "../model/states.ts";
import type { TaskLevel } from "../protocol/frameworks.ts";
import type { Said, TaskBody } from "./state.ts";

/** What these say of a task is that it ran. */
const OWN_ENDS = new Set<EndReason | null>(["exit", "signal", "out-of-memory", "timeout"]);

const STARTING = executorSays("TASK_STARTING");
const RUNNING = executorSays("TASK_RUNNING");
const KILLING = executorSays("TASK_KILLING");

function executorSays(state: Said["state"], message: string | null = null, reason: StatusReason | null = null): Said {
  return { state, source: "SOURCE_EXECUTOR", reason, message, isQueued: true };
}

export interface Understands {
  /** PARTITION_AWARE */
  partitions: boolean;
  /** TASK_KILLING_STATE */
  killing: boolean;
}

/** @returns what is to be said, in order, of a task that stands so now */
export function said(task: Pick<TaskBody, "state" | "hasRun">, level: TaskLevel, understands: Understands): Said[] {
  const begin = task.hasRun ? [] : [STARTING, RUNNING];
  switch (level.state) {
    case "staging":
      return [];
    case "running":
      return running(task, begin);
    case "killing":
      if (!understands.killing) return running(task, begin);
      return task.state === "TASK_KILLING" ? begin : [...begin, KILLING];
    case "unreachable": {
      const state = understands.partitions ? "TASK_UNREACHABLE" : "TASK_LOST";
      if (task.state === state) return [];
      const reason = "REASON_AGENT_REMOVED";
      const message = "Agent is unreachable";
      return [{ state, source: "SOURCE_MASTER", reason, message, isQueued: false, unreachableAtMs: level.atMs }];
    }
    case "succeeded":
      return [...begin, end(level, understands)];
    default: {
      const hasRun = level.state === "failed" && OWN_ENDS.has(level.reason);
      return [...(hasRun ? begin : []), end(level, understands)];
    }
  }
}

function running({ state, hasRun }: Pick<TaskBody, "state" | "hasRun">, begin: Said[]): Said[] {
  if (!hasRun) return begin;
  if (state === "TASK_RUNNING" || state === "TASK_KILLING") return [];
  return [{ ...RUNNING, source: "SOURCE_AGENT", reason: "REASON_AGENT_REREGISTERED", message: "Agent reregistered" }];
}

function end({ state, reason, code, signal, message }: TaskLevel, { partitions }: Understands): Said {
  if (state === "succeeded") return executorSays("TASK_FINISHED", "Command exited with status 0");
  if (state === "refused" || reason === "refused")
    return { ...master("TASK_ERROR", "REASON_TASK_INVALID", message), isQueued: true };
  switch (reason) {
    case "exit":
      return executorSays("TASK_FAILED", `Command exited with status ${code ?? 1}`);
    case "signal":
      return executorSays("TASK_FAILED", `Command terminated with signal ${signalName(signal)}`);
    case "out-of-memory":
      return executorSays("TASK_FAILED", message ?? "Memory limit exceeded", "REASON_CONTAINER_LIMITATION_MEMORY");
    case "timeout":
      return executorSays(
        "TASK_FAILED",
        message ?? "Task exceeded its max completion time",
        "REASON_MAX_COMPLETION_TIME_REACHED",
      );
    case "start-failed":
      return {
        ...executorSays("TASK_FAILED", message ?? "Task could not be started", "REASON_CONTAINER_LAUNCH_FAILED"),
        source: "SOURCE_AGENT",
      };
    case "drained":
      return executorSays("TASK_KILLED", "Command terminated with signal Terminated", "REASON_AGENT_DRAINING");
    case "cancelled":
      return executorSays("TASK_KILLED", "Command terminated with signal Terminated");
  }
  if (state === "cancelled") return executorSays("TASK_KILLED", "Command terminated with signal Terminated");
  const [why, text] = LOSSES[reason ?? "vanished"] ?? LOST;
  return { ...master(partitions ? "TASK_GONE" : "TASK_LOST", why, message ?? text), isQueued: true };
}

const master = (state: Said["state"], reason: StatusReason, message: string | null): Omit<Said, "isQueued"> => ({
  state,
  source: "SOURCE_MASTER",
  reason,
  message,
});

const LOST: [StatusReason, string] = ["REASON_EXECUTOR_TERMINATED", "Executor terminated"];
const LOSSES: Partial<Record<EndReason, [StatusReason, string]>> = {
  "agent-lost": ["REASON_AGENT_REMOVED", "Agent removed"],
  deadline: ["REASON_AGENT_DISCONNECTED", "Agent disconnected"],
  rebooted: ["REASON_AGENT_RESTARTED", "Agent restarted"],
  shutdown: ["REASON_AGENT_REMOVED", "Agent was shut down"],
  "node-fault": ["REASON_EXECUTOR_TERMINATED", "Agent could not run the task"],
  reclaimed: ["REASON_CONTAINER_PREEMPTED", "Task was preempted"],
};

/** As `strsignal` says it, which Mesos repeats. */
const SIGNALS: Record<string, string> = {
  SIGHUP: "Hangup",
  SIGINT: "Interrupt",
  SIGQUIT: "Quit",
  SIGILL: "Illegal instruction",
  SIGTRAP: "Trace/breakpoint trap",
  SIGABRT: "Aborted",
  SIGBUS: "Bus error",
  SIGFPE: "Floating point exception",
  SIGKILL: "Killed",
  SIGUSR1: "User defined signal 1",
  SIGSEGV: "Segmentation fault",
  SIGUSR2: "User defined signal 2",
  SIGPIPE: "Broken pipe",
  SIGALRM: "Alarm clock",
  SIGTERM: "Terminated",
  SIGXCPU: "CPU time limit exceeded",
  SIGXFSZ: "File size limit exceeded",
};
function signalName(signal: string | null): string {
  if (signal === null) return "unknown";
  return SIGNALS[signal.startsWith("SIG") ? signal : `SIG${signal}`] ?? signal;
}
