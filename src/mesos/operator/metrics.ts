/**
 * Figures under Mesos' names, as far as they are known here: gauges of what is, also of tasks that ended, as far back as
 * those are kept. What Mesos counts since its master began, and here nobody counts, is left out.
 */
import { TASK_STATES } from "../../model/framework.ts";
import { add, dominantShare, type Resources } from "../../model/resources.ts";
import { isActive, isReachable } from "./agents.ts";
import { plainValue } from "./amounts.ts";
import { isActive as isActiveFramework, isConnected, isRemoved } from "./frameworks.ts";
import { type Look, seesAll } from "./look.ts";
import { usedOn } from "./native.ts";
import { rolesOf } from "./roles.ts";
import { kindOf, stateOf } from "./tasks.ts";

type Figures = Record<string, number>;
const RESOURCES = ["cpus", "mem", "disk", "gpus"];

export async function figuresOf(look: Look): Promise<Figures> {
  const nodes = await look.nodes();
  const sum = (part: "capacity" | "offered") => nodes.reduce((total: Resources, node) => add(total, node[part]), {});
  const [total, used, offered] = [sum("capacity"), usedOn(nodes), sum("offered")];
  const active = nodes.filter(isActive).length;
  const reachable = nodes.filter(isReachable).length;
  return {
    "master/elected": 1,
    "master/slaves_active": active,
    "master/slaves_inactive": nodes.length - active,
    "master/slaves_connected": reachable,
    "master/slaves_disconnected": nodes.length - reachable,
    "master/slaves_unreachable": nodes.length - reachable,
    ...(seesAll(look.viewer) && { "master/outstanding_offers": await look.offersHeld() }),
    ...resourceFigures(total, used, offered),
    ...(await frameworkFigures(look)),
    ...(await taskFigures(look)),
    ...(await roleFigures(look, total)),
  };
}

function resourceFigures(total: Resources, used: Resources, offered: Resources): Figures {
  const figures: Figures = {};
  for (const name of RESOURCES) {
    const [all, inUse] = [plainValue(name, total[name] ?? 0), plainValue(name, used[name] ?? 0)];
    figures[`master/${name}_total`] = all;
    figures[`master/${name}_used`] = inUse;
    figures[`master/${name}_percent`] = all === 0 ? 0 : inUse / all;
  }
  for (const name of Object.keys(total)) {
    if (name === "ports") continue;
    const held = (used[name] ?? 0) + (offered[name] ?? 0);
    figures[`allocator/mesos/resources/${name}/total`] = plainValue(name, total[name] ?? 0);
    figures[`allocator/mesos/resources/${name}/offered_or_allocated`] = plainValue(name, held);
  }
  return figures;
}

async function frameworkFigures(look: Look): Promise<Figures> {
  const all = (await look.frameworks()).filter((framework) => !isRemoved(framework));
  const active = all.filter(isActiveFramework).length;
  const connected = all.filter(isConnected).length;
  const figures: Figures = {
    "master/frameworks_active": active,
    "master/frameworks_inactive": all.length - active,
    "master/frameworks_connected": connected,
    "master/frameworks_disconnected": all.length - connected,
  };
  for (const framework of all) {
    const { row, view } = framework;
    const prefix = `master/frameworks/${encodeURIComponent(row.name)}/${row.id}`;
    figures[`${prefix}/subscribed`] = isConnected(framework) ? 1 : 0;
    for (const { name, suppressed } of row.roles) figures[`${prefix}/roles/${name}/suppressed`] = suppressed ? 1 : 0;
    if (!view) continue;
    figures[`${prefix}/offers/sent`] = view.counts.sent;
    figures[`${prefix}/offers/accepted`] = view.counts.accepted;
    figures[`${prefix}/offers/declined`] = view.counts.declined;
    figures[`${prefix}/offers/rescinded`] = view.counts.rescinded;
  }
  return figures;
}

async function taskFigures(look: Look): Promise<Figures> {
  const figures: Figures = {};
  for (const state of TASK_STATES) figures[nameOf(state)] = 0;
  for (const task of await look.tasks()) {
    const name = nameOf(kindOf(task) === "unreachable_tasks" ? "TASK_UNREACHABLE" : stateOf(task));
    if (name in figures) figures[name] = (figures[name] ?? 0) + 1;
  }
  return figures;
}

const nameOf = (state: string): string => `master/${state.toLowerCase().replace("task_", "tasks_")}`;

async function roleFigures(look: Look, total: Resources): Promise<Figures> {
  const figures: Figures = {};
  for (const { name: role, guarantee, limit, charged } of await rolesOf(look)) {
    figures[`allocator/mesos/roles/${role}/shares/dominant`] = dominantShare(charged, total);
    for (const [kind, amounts] of Object.entries({ guarantee, limit }))
      for (const [name, amount] of Object.entries(amounts)) {
        const prefix = `allocator/mesos/quota/roles/${role}/resources/${name}`;
        figures[`${prefix}/${kind}`] = plainValue(name, amount);
        figures[`${prefix}/consumed`] = plainValue(name, charged[name] ?? 0);
      }
  }
  return figures;
}
