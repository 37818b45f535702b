/** How a framework's task stands, as its Framework object is told. */
import { taskId } from "../../model/ids.ts";
import type { TaskLevel } from "../../protocol/frameworks.ts";
import type { ClusterMemory } from "../memory.ts";
import { isOver, type JobState } from "../state.ts";

/** Of a task that ended, how the row of its attempt tells it. */
type Told = Pick<TaskLevel, "state" | "reason" | "code" | "signal" | "message">;

export const isStaging = (memory: ClusterMemory, job: JobState): boolean => told(memory, job).state === "staging";

/** @returns null for one that no framework launched */
export function taskLevel(memory: ClusterMemory, job: JobState, seq: number, now: number): TaskLevel | null {
  const { launched, template } = job;
  if (launched === null) return null;
  const node = memory.nodes.get(launched.node);
  const attributes = node ? memory.frameworks.attributesOf(node) : {};
  return {
    taskId: launched.taskId,
    agentId: launched.agentId,
    executorId: launched.executorId,
    task: taskId(job.id as Parameters<typeof taskId>[0], 0),
    epoch: job.live.get(0)?.epoch ?? 0,
    seq,
    ...told(memory, job),
    atMs: now,
    role: launched.role,
    name: template.name,
    resources: template.resources,
    ports: launched.ports,
    ip: attributes.ip ?? "127.0.0.1",
    ...(template.lostAfterMs !== null && { lostAfterMs: template.lostAfterMs }),
  };
}

const AS_IT_GOES = { reason: null, code: null, signal: null, message: null };

function told(memory: ClusterMemory, job: JobState): Told {
  if (isOver(job)) return ended(memory, job);
  const live = job.live.get(0);
  const node = memory.nodes.get(job.launched?.node ?? "");
  if (!live) return { state: node?.isSilent ? "unreachable" : "staging", ...AS_IT_GOES };
  if (!node || node.removed) return { state: "lost", ...AS_IT_GOES, reason: "agent-lost" };
  if (node.isSilent) return { state: "unreachable", ...AS_IT_GOES };
  if (!live.confirmed) return { state: "staging", ...AS_IT_GOES };
  return { state: job.action === "cancel" || live.stopping !== null ? "killing" : "running", ...AS_IT_GOES };
}

function ended(memory: ClusterMemory, job: JobState): Told {
  const row = memory.store.task(job.id, 0);
  const { reason = null, code = null, signal = null, message = null } = row ?? {};
  const end = { reason, code, signal, message };
  if (job.done.length > 0) return { state: "succeeded", ...end };
  if (job.cancelled.length > 0) return { state: "cancelled", ...end };
  if (!row) return { state: "lost", ...end, reason: "agent-lost" };
  return { state: reason === "agent-lost" ? "lost" : reason === "refused" ? "refused" : "failed", ...end };
}
