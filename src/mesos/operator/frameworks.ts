/** Frameworks of the league, and its own jobs as one more. */
import { amountsOf } from "../../model/pieces.ts";
import { add } from "../../model/resources.ts";
import { type EventContext, inverseJson, listed, nanoseconds, offerJson } from "../events/events.ts";
import { formatOf, type Json } from "../events/offeredResources.ts";
import { listOf, objectOf } from "./amounts.ts";
import { frameworkInfoJson, offerConstraintsJson, rolesJson } from "./frameworkInfo.ts";
import type { Look, SeenFramework, SeenTask } from "./look.ts";
import { nativeOf, offeredTo, usedBy } from "./native.ts";
import { byKind, executorsOf, oldTaskJson } from "./tasks.ts";

export const isActive = ({ row }: SeenFramework): boolean => row.state === "active";
/** Its object knows; the league's own jobs have no stream that could be lost. */
export const isConnected = ({ row, view }: SeenFramework): boolean => view?.isConnected ?? row.state === "active";
export const isRemoved = ({ row }: SeenFramework): boolean => row.state === "removed";

/** null when it has several, and nobody says how much is of which */
const onlyRole = ({ row }: SeenFramework): string | null =>
  row.roles.length === 1 ? (row.roles[0]?.name ?? null) : null;

/** `master::Response::GetFrameworks::Framework` */
export function frameworkJson(framework: SeenFramework, url: URL): Json {
  const { row, view } = framework;
  const context: EventContext = {
    frameworkId: row.id,
    format: formatOf(view?.info.capabilities ?? []),
    heartbeatMs: 0,
    url,
  };
  return {
    framework_info: frameworkInfoJson(framework),
    active: isActive(framework),
    connected: isConnected(framework),
    recovered: false,
    ...timeJson("registered_time", view?.registeredAtMs),
    ...timeJson("reregistered_time", view?.reregisteredAtMs),
    ...timeJson("unregistered_time", view?.unregisteredAtMs),
    ...listed("offers", view?.offers.map((offer) => offerJson(offer, context)) ?? []),
    ...listed("inverse_offers", view?.inverseOffers.map((offer) => inverseJson(offer, context)) ?? []),
    ...listed("allocated_resources", listOf(usedBy(row), [], onlyRole(framework))),
    ...listed("offered_resources", listOf(offeredTo(row), [], onlyRole(framework))),
    ...(view && offerConstraintsJson(view.constraints)),
  };
}

const timeJson = (name: string, ms: number | null | undefined): Json =>
  ms === null || ms === undefined ? {} : { [name]: nanoseconds(ms) };

export async function getFrameworks(look: Look, url: URL): Promise<Json> {
  const all = await look.frameworks();
  const live = [...all.filter((one) => !isRemoved(one)), ...(await nativeOf(look))];
  return {
    ...listed(
      "frameworks",
      live.map((one) => frameworkJson(one, url)),
    ),
    ...listed(
      "completed_frameworks",
      all.filter(isRemoved).map((one) => frameworkJson(one, url)),
    ),
  };
}

/** Of `/frameworks` and `/state`. @param tasks of this framework */
export function oldFrameworkJson(framework: SeenFramework, tasks: readonly SeenTask[]): Json {
  return {
    ...oldSummaryJson(framework),
    ...byKind(tasks, oldTaskJson),
    offers: framework.view?.offers.map(oldOfferJson) ?? [],
    executors: executorsOf(tasks).map(({ level }) => ({
      executor_id: level.executorId,
      framework_id: framework.row.id,
      slave_id: level.agentId,
    })),
  };
}

export function oldSummaryJson(framework: SeenFramework): Json {
  const { row, view } = framework;
  const [used, offered] = [usedBy(row), offeredTo(row)];
  const info = view?.info;
  return {
    id: row.id,
    name: row.name,
    user: row.user,
    ...(row.principal !== null && { principal: row.principal }),
    active: isActive(framework),
    connected: isConnected(framework),
    recovered: false,
    resources: objectOf(add(used, offered)),
    used_resources: objectOf(used),
    offered_resources: objectOf(offered),
    capabilities: info?.capabilities ?? [],
    hostname: info?.hostname ?? "",
    webui_url: info?.webuiUrl ?? "",
    failover_timeout: (info?.failoverTimeoutMs ?? 0) / 1000,
    checkpoint: info?.checkpoint ?? false,
    ...secondsJson("registered_time", view?.registeredAtMs),
    ...secondsJson("reregistered_time", view?.reregisteredAtMs),
    unregistered_time: (view?.unregisteredAtMs ?? 0) / 1000,
    ...rolesJson(framework),
  };
}

const secondsJson = (name: string, ms: number | null | undefined): Json =>
  ms === null || ms === undefined ? {} : { [name]: ms / 1000 };

type OfferView = NonNullable<SeenFramework["view"]>["offers"][number];
const oldOfferJson = ({ id: offerId, agent, role, pieces }: OfferView): Json => ({
  id: offerId,
  slave_id: agent.id,
  allocation_info: { role },
  resources: objectOf(
    amountsOf(pieces),
    pieces.flatMap(({ ports }) => ports),
  ),
});

/** @param only of one id; null: all */
export async function frameworks(look: Look, only: string | null): Promise<Json> {
  const [all, tasks, native] = await Promise.all([look.frameworks(), tasksByFramework(look), nativeOf(look)]);
  const wanted = [...all, ...native].filter(({ row }) => only === null || row.id === only);
  const json = (list: SeenFramework[]) => list.map((one) => oldFrameworkJson(one, tasks.get(one.row.id) ?? []));
  return {
    frameworks: json(wanted.filter((one) => !isRemoved(one))),
    completed_frameworks: json(wanted.filter(isRemoved)),
    unregistered_frameworks: [],
  };
}

export async function tasksByFramework(look: Look): Promise<Map<string, SeenTask[]>> {
  const byFramework = new Map<string, SeenTask[]>();
  for (const task of await look.tasks()) {
    const tasks = byFramework.get(task.framework.row.id);
    if (tasks) tasks.push(task);
    else byFramework.set(task.framework.row.id, [task]);
  }
  return byFramework;
}
