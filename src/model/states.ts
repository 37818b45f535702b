/** States of tasks, attempts and jobs. They only ever move to the right; a terminal one is final. */

export type AttemptEnd = "succeeded" | "failed" | "cancelled" | "lost";
export type TaskState = "waiting" | "assigned" | "running" | "stopping" | "succeeded" | "failed" | "cancelled";
export type JobState = "waiting" | "running" | "cancelling" | "succeeded" | "failed" | "cancelled";

const TERMINAL = new Set<string>(["succeeded", "failed", "cancelled"]);
export const isTerminal = (state: TaskState | JobState): state is "succeeded" | "failed" | "cancelled" =>
  TERMINAL.has(state);

/** Why an attempt ended or a range came back; a closed list, because programs match on it. */
export type EndReason =
  | "exit" // the command ended by itself
  | "signal" // ended by a signal nobody here sent
  | "timeout" // ran longer than the job's timeout
  | "deadline" // not renewed in time: stopped by the guard
  | "cancelled" // a person or the job's policy asked
  | "refused" // the node's own config does not accept it
  | "start-failed" // the driver could not start it
  | "agent-lost" // the node was silent past the job's limit
  | "rebooted" // the node booted anew under it
  | "node-fault" // the node could not run anything then, e.g. its guard was gone
  | "shutdown" // the agent was told to leave and stopped its tasks
  | "reclaimed" // stopped for someone with a better right to its place
  | "drained" // stopped because its node shall be empty
  | "gang" // stopped because the others of its gang could not go on
  | "out-of-memory" // took more memory than it may
  | "vanished"; // the process was gone and left no exit status
