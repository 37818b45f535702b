/** What became different between two looks at a league, as the events that Mesos has for it. */
import type { TaskStatus } from "../../model/framework.ts";
import type { NodeView } from "../../model/views.ts";
import { id, taskStatusJson } from "../events/events.ts";
import type { Json } from "../events/offeredResources.ts";
import type { Binding } from "../settings.ts";
import { agentJson, idOf, isReachable } from "./agents.ts";
import { frameworkInfoJson } from "./frameworkInfo.ts";
import { frameworkJson, isActive, isConnected, isRemoved } from "./frameworks.ts";
import type { SeenFramework, SeenTask } from "./look.ts";
import { keyOf, stateOf, taskJson } from "./tasks.ts";

/** What one who is told of changes knows. Its first look is at no news. */
export class Changes {
  readonly #url: URL;
  #agents: ReadonlySet<string> = new Set();
  #frameworks: ReadonlyMap<string, { mark: string; info: Json }> = new Map();
  #tasks: ReadonlyMap<string, KnownTask> = new Map();

  /** @param url by which we were reached */
  constructor(url: URL) {
    this.#url = url;
  }

  /** One that is silent is removed, as Mesos says of unreachable ones, and added again when it is back. */
  ofAgents(nodes: readonly NodeView[], viewer: Binding): Json[] {
    const before = this.#agents;
    const reachable = nodes.filter(isReachable);
    const now = new Set(reachable.map(idOf));
    this.#agents = now;
    const added = reachable.filter((node) => !before.has(idOf(node)));
    const removed = [...before].filter((agent) => !now.has(agent));
    return [
      ...removed.map((agent) => ({ type: "AGENT_REMOVED", agent_removed: { agent_id: id(agent) } })),
      ...added.map((node) => ({ type: "AGENT_ADDED", agent_added: { agent: agentJson(node, viewer) } })),
    ];
  }

  ofFrameworks(all: readonly SeenFramework[]): Json[] {
    const before = this.#frameworks;
    const live = all.filter((framework) => !isRemoved(framework));
    const now = new Map(live.map((one) => [one.row.id, { mark: markOf(one), info: frameworkInfoJson(one) }]));
    this.#frameworks = now;
    const events: Json[] = [];
    for (const framework of live) {
      const known = before.get(framework.row.id);
      const told = () => ({ framework: frameworkJson(framework, this.#url) });
      if (known === undefined) events.push({ type: "FRAMEWORK_ADDED", framework_added: told() });
      else if (known.mark !== markOf(framework)) events.push({ type: "FRAMEWORK_UPDATED", framework_updated: told() });
    }
    for (const [framework, { info }] of before)
      if (!now.has(framework)) events.push({ type: "FRAMEWORK_REMOVED", framework_removed: { framework_info: info } });
    return events;
  }

  /**
   * Each status that is new is told of, also when several came since. One that is forgotten is no event.
   * @param tasks of several that had one id, the newest first: the others are over
   */
  ofTasks(tasks: readonly SeenTask[]): Json[] {
    const before = this.#tasks;
    const now = new Map<string, KnownTask>();
    this.#tasks = now;
    return tasks.flatMap((task): Json[] => {
      const key = keyOf(task);
      if (now.has(key)) return [];
      now.set(key, { launched: task.level.task, last: lastOf(task) });
      const known = before.get(key);
      if (known === undefined || isAnother(task, known))
        return [{ type: "TASK_ADDED", task_added: { task: taskJson(task) } }];
      return newSince(task.statuses, known.last).map((status) => updateJson(task, status));
    });
  }
}

interface KnownTask {
  /** its name in its cluster; empty: on its way there */
  launched: string;
  /** status that was told of */
  last: string;
}

const isAnother = ({ level }: SeenTask, { launched }: KnownTask): boolean => launched !== "" && launched !== level.task;

const updateJson = (task: SeenTask, status: TaskStatus): Json => ({
  type: "TASK_UPDATED",
  task_updated: {
    framework_id: id(task.framework.row.id),
    status: taskStatusJson(status),
    state: stateOf(task),
  },
});

/** What is told of a framework, without what it is offered and uses, which changes all the time. */
function markOf(framework: SeenFramework): string {
  const { reregisteredAtMs = null, constraints = null, suppressedRoles = [] } = framework.view ?? {};
  const isHow = [isActive(framework), isConnected(framework)];
  return JSON.stringify([frameworkInfoJson(framework), isHow, reregisteredAtMs, constraints, suppressedRoles]);
}

const NONE = "";
const nameOf = ({ state, atMs, uuid }: TaskStatus): string => `${state} ${atMs} ${uuid}`;

function lastOf({ statuses }: SeenTask): string {
  const last = statuses.at(-1);
  return last ? nameOf(last) : NONE;
}

/** @param known the last one told of; when it was dropped since, only the newest is sure to be new */
function newSince(statuses: readonly TaskStatus[], known: string): readonly TaskStatus[] {
  if (known === NONE) return statuses;
  const last = statuses.at(-1);
  if (!last || nameOf(last) === known) return [];
  const at = statuses.findLastIndex((status) => nameOf(status) === known);
  return at < 0 ? [last] : statuses.slice(at + 1);
}
