/**
 * Nodes of all clusters as Mesos' agents. One that is silent is listed and not active; it is not among them any more
 * once it was removed. When a node registered is not known here.
 */
import { agentId } from "../../model/framework.ts";
import { add, type Resources } from "../../model/resources.ts";
import type { NodeView } from "../../model/views.ts";
import { AGENT_PORT, attributesJson, domainJson, id, listed } from "../events/events.ts";
import type { Json } from "../events/offeredResources.ts";
import type { Binding } from "../settings.ts";
import { listOf, objectOf, reservedListOf, restOf } from "./amounts.ts";
import { type Look, sees } from "./look.ts";

/** What an agent of Mesos' would call these abilities. */
const CAPABILITIES = ["MULTI_ROLE", "AGENT_DRAINING"];

export const idOf = ({ cluster, name, serial }: NodeView): string => agentId(cluster, name, serial);
export const isActive = ({ state }: NodeView): boolean => state === "up";
export const isReachable = ({ state }: NodeView): boolean => state !== "suspect";
const isDeactivated = ({ state }: NodeView): boolean =>
  state === "draining" || state === "drained" || state === "paused";

const attributesOf = (node: NodeView): Record<string, string> => ({
  ...node.attributes,
  node: node.name,
  cluster: node.cluster,
});
/** As offers tell of it. */
function addressOf({ name, attributes }: NodeView) {
  const { hostname = name, ip = "127.0.0.1", region = null, zone = null } = attributes;
  return { hostname, ip, region, zone };
}
const pidOf = (node: NodeView): string => `slave(1)@${addressOf(node).ip}:${AGENT_PORT}`;

const reservedOn = ({ reserved }: NodeView): Resources =>
  Object.values(reserved).reduce((sum: Resources, amounts) => add(sum, amounts), {});

/** What is set aside for roles outside the credential's is only told as what it leaves. */
const reservedSeen = (node: NodeView, viewer: Binding): [string, Resources][] =>
  Object.entries(node.reserved).filter(([role]) => sees(viewer, role));

const totalOf = (node: NodeView, viewer: Binding): Json[] => [
  ...listOf(restOf(node.capacity, reservedOn(node)), node.ports),
  ...reservedSeen(node, viewer).flatMap(([role, amounts]) => reservedListOf(role, amounts)),
];

function drainJson({ drain }: NodeView): Json {
  if (drain === null) return {};
  return { drain_info: { state: drain.left === 0 ? "DRAINED" : "DRAINING", config: { mark_gone: false } } };
}

/** `master::Response::GetAgents::Agent` */
export function agentJson(node: NodeView, viewer: Binding): Json {
  const address = addressOf(node);
  const total = totalOf(node, viewer);
  return {
    agent_info: {
      hostname: address.hostname,
      port: AGENT_PORT,
      ...listed("resources", total),
      ...attributesJson(attributesOf(node)),
      id: id(idOf(node)),
      ...domainJson(address),
    },
    active: isActive(node),
    deactivated: isDeactivated(node),
    version: node.version,
    pid: pidOf(node),
    ...listed("total_resources", total),
    ...listed("allocated_resources", listOf(node.used)),
    ...listed("offered_resources", listOf(node.offered)),
    capabilities: CAPABILITIES.map((type) => ({ type })),
    ...drainJson(node),
  };
}

/** Of `/slaves`. */
export function slaveJson(node: NodeView, viewer: Binding): Json {
  const { hostname } = addressOf(node);
  return {
    id: idOf(node),
    hostname,
    port: AGENT_PORT,
    attributes: attributesOf(node),
    pid: pidOf(node),
    resources: objectOf(node.capacity, node.ports),
    used_resources: objectOf(node.used),
    offered_resources: objectOf(node.offered),
    reserved_resources: Object.fromEntries(
      reservedSeen(node, viewer).map(([role, amounts]) => [role, objectOf(amounts)]),
    ),
    unreserved_resources: objectOf(restOf(node.capacity, reservedOn(node)), node.ports),
    active: isActive(node),
    deactivated: isDeactivated(node),
    version: node.version,
    capabilities: CAPABILITIES,
    ...drainJson(node),
  };
}

export const getAgents = async (look: Look): Promise<Json> =>
  listed(
    "agents",
    (await look.nodes()).map((node) => agentJson(node, look.viewer)),
  );

/** @param only of one id; null: all */
export async function slaves(look: Look, only: string | null): Promise<Json> {
  const nodes = (await look.nodes()).filter((node) => only === null || idOf(node) === only);
  return { slaves: nodes.map((node) => slaveJson(node, look.viewer)), recovered_slaves: [] };
}
