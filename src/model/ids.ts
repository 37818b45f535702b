/** Names and numbers that identify things, and the one place where they are parsed and composed. */

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

export type LeagueName = Branded<string, "league">;
export type ClusterName = Branded<string, "cluster">;
export type NodeName = Branded<string, "node">;
export type JobId = Branded<string, "job">;
/** `JOB.INDEX` */
export type TaskId = Branded<string, "task">;
/** `handout · 2^20 + local`; rises with every hand-out of a task. */
export type Epoch = Branded<number, "epoch">;
/** `TASK@EPOCH`: the identity of what runs. */
export type AttemptKey = Branded<string, "attempt">;

/** Lower-case DNS label: names of leagues, clusters, nodes, roles. Not what every JavaScript object already has. */
export const NAME = /^(?!constructor$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
export const JOB_ID = /^[0-9a-z]{4,16}$/;
export const TASK_ID = /^([0-9a-z]{4,16})\.(\d{1,7})$/;

/** Tasks of one job; an index is below this. */
export const MAX_TASKS = 1_000_000;
const LOCAL_BITS = 2 ** 20;

/** @param handout rises per job in the Broker. @param local rises per hand-out in the Cluster, below 2^20. */
export function epochOf(handout: number, local: number): Epoch {
  if (local >= LOCAL_BITS) throw new RangeError(`local hand-out ${local} does not fit in 20 bits`);
  return (handout * LOCAL_BITS + local) as Epoch;
}
export const handoutOf = (epoch: Epoch): number => Math.floor(epoch / LOCAL_BITS);
export const localOf = (epoch: Epoch): number => epoch % LOCAL_BITS;

export const taskId = (job: JobId, index: number): TaskId => `${job}.${index}` as TaskId;

export function parseTaskId(id: string): { job: JobId; index: number } | null {
  const match = TASK_ID.exec(id);
  return match ? { job: match[1] as JobId, index: Number(match[2]) } : null;
}

export const attemptKey = (task: TaskId, epoch: Epoch): AttemptKey => `${task}@${epoch}` as AttemptKey;

export function parseAttemptKey(key: AttemptKey): { task: TaskId; epoch: Epoch } {
  const at = key.lastIndexOf("@");
  return { task: key.slice(0, at) as TaskId, epoch: Number(key.slice(at + 1)) as Epoch };
}
