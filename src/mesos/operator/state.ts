/** All at once: GET_STATE, `/state`, `/state-summary`. */
import { type MesosTaskState, TASK_STATES } from "../../model/framework.ts";
import type { Json } from "../events/offeredResources.ts";
import { getAgents, idOf, isActive, isReachable, slaveJson } from "./agents.ts";
import { frameworks, getFrameworks, isRemoved, oldSummaryJson } from "./frameworks.ts";
import type { Look } from "./look.ts";
import { flagsOf, leaderJson } from "./master.ts";
import { nativeOf } from "./native.ts";
import { getExecutors, getTasks, stateOf } from "./tasks.ts";

export async function getState(look: Look, url: URL): Promise<Json> {
  const [get_tasks, get_executors, get_frameworks, get_agents] = await Promise.all([
    getTasks(look),
    getExecutors(look),
    getFrameworks(look, url),
    getAgents(look),
  ]);
  return { get_tasks, get_executors, get_frameworks, get_agents };
}

/** `/state` */
export async function oldState(look: Look, url: URL, isBound: boolean): Promise<Json> {
  const [nodes, lists] = await Promise.all([look.nodes(), frameworks(look, null)]);
  return {
    ...leaderJson(url, look.viewer),
    activated_slaves: nodes.filter(isActive).length,
    deactivated_slaves: nodes.filter((node) => !isActive(node) && isReachable(node)).length,
    unreachable_slaves: nodes.filter((node) => !isReachable(node)).length,
    flags: flagsOf(look.viewer, isBound),
    slaves: nodes.map((node) => slaveJson(node, look.viewer)),
    recovered_slaves: [],
    ...lists,
    orphan_tasks: [],
  };
}

/** What runs where, for one agent or one framework. */
class Tally {
  readonly #counts = new Map<MesosTaskState, number>();
  /** frameworks of the agent, or agents of the framework */
  readonly others = new Set<string>();

  count(state: MesosTaskState, other: string): void {
    this.#counts.set(state, (this.#counts.get(state) ?? 0) + 1);
    this.others.add(other);
  }

  get json(): Json {
    return Object.fromEntries(TASK_STATES.map((state) => [state, this.#counts.get(state) ?? 0]));
  }
}

/** `/state-summary`: without tasks, and with how many of them there are in each state. */
export async function stateSummary(look: Look, url: URL): Promise<Json> {
  const [nodes, all, tasks, native] = await Promise.all([
    look.nodes(),
    look.frameworks(),
    look.tasks(),
    nativeOf(look),
  ]);
  const byAgent = new Map(nodes.map((node) => [idOf(node), new Tally()]));
  const byFramework = new Map([...all, ...native].map(({ row }) => [row.id, new Tally()]));
  for (const task of tasks) {
    const state = stateOf(task);
    const { framework, level } = task;
    byAgent.get(level.agentId)?.count(state, framework.row.id);
    byFramework.get(framework.row.id)?.count(state, level.agentId);
  }
  const { hostname, cluster } = leaderJson(url, look.viewer);
  return {
    hostname,
    cluster,
    slaves: nodes.map((node) => {
      const tally = byAgent.get(idOf(node));
      return { ...slaveJson(node, look.viewer), ...tally?.json, framework_ids: [...(tally?.others ?? [])] };
    }),
    frameworks: [...all.filter((one) => !isRemoved(one)), ...native].map((framework) => {
      const tally = byFramework.get(framework.row.id);
      return { ...oldSummaryJson(framework), ...tally?.json, slave_ids: [...(tally?.others ?? [])] };
    }),
  };
}
