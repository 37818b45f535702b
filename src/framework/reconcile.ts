/** What a scheduler hears that asks how its tasks stand (Mesos' master.cpp, `reconcile`). */
import { type MesosTaskState, parseAgentId, type TaskStatus } from "../model/framework.ts";
import type { AgentState, AgentStateAnswer } from "../protocol/frameworks.ts";
import { MOST_EVENTS } from "./lines.ts";
import type { FrameworkMemory } from "./memory.ts";
import { executorOf, isAware, type Task } from "./state.ts";

export interface Asked {
  taskId: string;
  agentId: string | null;
}

/** Bounded, as an answer may never come. */
const MAX_OPEN = 10_000;

export class Reconciling {
  readonly #memory: FrameworkMemory;
  /** by Cluster: tasks that only it can tell of; who asked asks again when this is lost */
  readonly #open = new Map<string, Map<string, Asked>>();
  /** tasks that may be with any agent, and the Clusters that have not said yet that none of theirs recovers */
  readonly #anywhere = new Set<string>();
  readonly #unheard = new Set<string>();
  /** tasks that are still to be told of to who asked for all, the next one last */
  #left: string[] = [];

  constructor(memory: FrameworkMemory) {
    this.#memory = memory;
  }

  all(now: number): void {
    this.#left = [...this.#memory.tasks.keys()].reverse();
    this.tick(now);
  }

  /** The next of all tasks. */
  tick(now: number): void {
    for (let n = 0; n < MOST_EVENTS; n++) {
      const taskId = this.#left.pop();
      if (taskId === undefined) return;
      const task = this.#memory.tasks.get(taskId);
      if (task) this.#tell(known(task, this.#aware, now));
    }
  }

  *wantedAt(now: number): Generator<number> {
    if (this.#left.length > 0) yield now + 1;
  }

  some(asked: readonly Asked[], now: number): void {
    const agents = new Map<string, Set<string>>();
    const { clusters } = this.#memory;
    let isAnywhere = false;
    for (const one of asked) {
      const task = this.#memory.tasks.get(one.taskId);
      const agent = one.agentId === null ? null : parseAgentId(one.agentId);
      if (task) this.#tell(known(task, this.#aware, now));
      else if (agent && one.agentId !== null && clusters.has(agent.cluster)) {
        this.#hold(agent.cluster, one);
        agents.set(agent.cluster, (agents.get(agent.cluster) ?? new Set()).add(one.agentId));
      } else if (one.agentId === null && clusters.size > 0) {
        if (this.#anywhere.size < MAX_OPEN) this.#anywhere.add(one.taskId);
        isAnywhere = true;
      } else this.#tellUnknown(one, "unknown", now);
    }
    for (const cluster of isAnywhere ? clusters : []) {
      this.#unheard.add(cluster);
      agents.set(cluster, agents.get(cluster) ?? new Set());
    }
    for (const [cluster, ids] of agents)
      this.#memory.platform.call(this.#memory.clusterRef(cluster), "agentStates", { agentIds: [...ids] });
  }

  #hold(cluster: string, one: Asked): void {
    const open = this.#open.get(cluster) ?? new Map<string, Asked>();
    this.#open.set(cluster, open);
    if (open.size < MAX_OPEN) open.set(`${one.agentId} ${one.taskId}`, one);
  }

  /** @param answer null: nobody knows, and who asked asks again */
  answered(cluster: string, agentIds: readonly string[], answer: AgentStateAnswer | null, now: number): void {
    const open = this.#open.get(cluster) ?? new Map<string, Asked>();
    const agents = new Set(agentIds);
    for (const [key, one] of open) {
      if (one.agentId === null || !agents.has(one.agentId)) continue;
      open.delete(key);
      this.#tellNow(one, answer && (answer.states[one.agentId] ?? "unknown"), now);
    }
    if (answer && !answer.isRecovering) this.#unheard.delete(cluster);
    else if (this.#unheard.has(cluster)) this.#anywhere.clear();
    if (this.#anywhere.size > 0 && this.#unheard.size === 0) this.#tellAnywhere(now);
  }

  #tellAnywhere(now: number): void {
    for (const taskId of this.#anywhere) this.#tellNow({ taskId, agentId: null }, "unknown", now);
    this.#anywhere.clear();
  }

  /** It may have become known meanwhile. */
  #tellNow(one: Asked, agent: AgentState | null, now: number): void {
    const task = this.#memory.tasks.get(one.taskId);
    if (task) this.#tell(known(task, this.#aware, now));
    else if (agent) this.#tellUnknown(one, agent, now);
  }

  get #aware(): boolean {
    return isAware(this.#memory.known);
  }

  #tell(status: TaskStatus): void {
    this.#memory.emit({ type: "UPDATE", status });
  }

  #tellUnknown({ taskId, agentId }: Asked, agent: AgentState, now: number): void {
    // It may be there.
    if (agent === "recovering") return;
    const [state, message] = UNKNOWN[agent];
    this.#tell({
      ...answer(this.#aware ? state : "TASK_LOST", message, now),
      taskId,
      agentId,
      executorId: null,
      ...(agent === "unreachable" && { unreachableAtMs: now }),
    });
  }
}

const UNKNOWN: Record<Exclude<AgentState, "recovering">, [MesosTaskState, string]> = {
  registered: ["TASK_GONE", "Reconciliation: Task is unknown to the agent"],
  unreachable: ["TASK_UNREACHABLE", "Reconciliation: Task is unreachable"],
  gone: ["TASK_GONE_BY_OPERATOR", "Reconciliation: Task is gone"],
  unknown: ["TASK_UNKNOWN", "Reconciliation: Task is unknown"],
};

const answer = (state: MesosTaskState, message: string, now: number) =>
  ({ state, source: "SOURCE_MASTER", reason: "REASON_RECONCILIATION", message, atMs: now, uuid: null }) as const;

/** The state that was sent last, not one that waits behind it; that it was unreachable is over when it is back. */
function known(task: Task, isAware: boolean, now: number): TaskStatus {
  const { taskId, agentId, level, statuses } = task;
  const about = { taskId, agentId, executorId: executorOf(task), ip: level.ip };
  if (level.state === "unreachable") {
    const state = isAware ? "TASK_UNREACHABLE" : "TASK_LOST";
    return { ...answer(state, UNKNOWN.unreachable[1], now), ...about, unreachableAtMs: level.atMs };
  }
  const latest = statuses.findLast(({ unreachableAtMs }) => unreachableAtMs === undefined);
  return { ...answer(latest?.state ?? "TASK_STAGING", "Reconciliation: Latest task state", now), ...about };
}
