/** Events of a Framework object as Mesos' scheduler events. */
import type { FrameworkEvent } from "../../framework/methods.ts";
import {
  type InverseOffer,
  MESOS_VERSION,
  type Offer,
  type OperationStatus,
  type TaskStatus,
  type Unavailability,
} from "../../model/framework.ts";
import { allocationJson, type Format, type Json, resourcesJson } from "./offeredResources.ts";

export interface EventContext {
  frameworkId: string;
  format: Format;
  heartbeatMs: number;
  /** the address that the framework reached us by */
  url: URL;
}

export const AGENT_PORT = 5051;
const PORTS: Record<string, number> = { "http:": 80, "https:": 443 };

export const HEARTBEAT = { type: "HEARTBEAT" };

/** What a framework is told. */
type ToldEvent = Exclude<FrameworkEvent, { type: "CAPABILITIES" }>;

export function eventJson(event: ToldEvent, context: EventContext): Json {
  const { type } = event;
  switch (type) {
    case "SUBSCRIBED":
      return { type, subscribed: subscribedJson(event.frameworkId, context) };
    case "OFFERS":
      return { type, offers: { offers: event.offers.map((offer) => offerJson(offer, context)) } };
    case "INVERSE_OFFERS":
      return {
        type,
        inverse_offers: { inverse_offers: event.inverseOffers.map((offer) => inverseJson(offer, context)) },
      };
    case "RESCIND":
      return { type, rescind: { offer_id: id(event.offerId) } };
    case "RESCIND_INVERSE_OFFER":
      return { type, rescind_inverse_offer: { inverse_offer_id: id(event.inverseOfferId) } };
    case "UPDATE":
      return { type, update: { status: taskStatusJson(event.status) } };
    case "UPDATE_OPERATION_STATUS":
      return { type, update_operation_status: { status: operationStatusJson(event.status) } };
    case "FAILURE":
      return {
        type,
        failure: {
          agent_id: id(event.agentId),
          ...(event.executorId !== null && { executor_id: id(event.executorId) }),
          ...(event.status !== null && { status: event.status }),
        },
      };
    case "ERROR":
      return { type, error: { message: event.message } };
  }
}

export const id = (value: string): { value: string } => ({ value });

/** Products with a power of ten stay exact as text: a time in ms has 13 digits. */
export const nanoseconds = (ms: number): { nanoseconds: number } => ({ nanoseconds: ms * 1e6 });

const subscribedJson = (frameworkId: string, { heartbeatMs, url }: EventContext): Json => ({
  framework_id: id(frameworkId),
  heartbeat_interval_seconds: heartbeatMs / 1000,
  master_info: masterInfoJson(url),
});

/** @param url by which we were reached */
export function masterInfoJson(url: URL) {
  const port = url.port === "" ? (PORTS[url.protocol] ?? 0) : Number(url.port);
  const ip = ipv4(url.hostname);
  return {
    id: `hansa-${url.hostname}`,
    // What a 32-bit number can't tell, the address does.
    ip: ip ?? 0,
    port,
    pid: `master@${url.hostname}:${port}`,
    hostname: url.hostname,
    version: MESOS_VERSION,
    address: { hostname: url.hostname, ...(ip !== null && { ip: url.hostname }), port },
    capabilities: ["AGENT_UPDATE", "AGENT_DRAINING"].map((type) => ({ type })),
  };
}

/** @returns the address in network order, read as a little-endian number, as Mesos does */
function ipv4(hostname: string): number | null {
  const bytes = hostname.split(".").map(Number);
  if (bytes.length !== 4 || bytes.some((byte) => !(byte >= 0 && byte <= 255))) return null;
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
}

const urlJson = (hostname: string, ip: string): Json => ({
  scheme: "http",
  address: { hostname, ip, port: AGENT_PORT },
  path: "/slave(1)",
});

export function offerJson({ id: offerId, agent, role, pieces, executorIds }: Offer, context: EventContext): Json {
  const { frameworkId, format } = context;
  return {
    id: id(offerId),
    framework_id: id(frameworkId),
    agent_id: id(agent.id),
    hostname: agent.hostname,
    url: urlJson(agent.hostname, agent.ip),
    ...domainJson(agent),
    ...listed("resources", resourcesJson(pieces, role, format)),
    ...attributesJson(agent.attributes),
    ...listed("executor_ids", executorIds.map(id)),
    ...allocationJson(role, format),
  };
}

/** Protobuf leaves out what is empty. */
export const listed = (name: string, items: unknown[]): Json => (items.length === 0 ? {} : { [name]: items });

export const attributesJson = (attributes: Readonly<Record<string, string>>): Json =>
  listed(
    "attributes",
    Object.entries(attributes).map(([name, value]) => ({ name, type: "TEXT", text: { value } })),
  );

export const domainJson = ({ region, zone }: Pick<Offer["agent"], "region" | "zone">): Json =>
  region === null || zone === null
    ? {}
    : { domain: { fault_domain: { region: { name: region }, zone: { name: zone } } } };

const unavailabilityJson = ({ startMs, durationMs }: Unavailability): Json => ({
  start: nanoseconds(startMs),
  ...(durationMs !== null && { duration: nanoseconds(durationMs) }),
});

export const inverseJson = (
  { id: offerId, agentId, hostname, ip, unavailability }: InverseOffer,
  { frameworkId }: EventContext,
): Json => ({
  id: id(offerId),
  framework_id: id(frameworkId),
  agent_id: id(agentId),
  url: urlJson(hostname, ip),
  unavailability: unavailabilityJson(unavailability),
});

export const taskStatusJson = (status: TaskStatus): Json => ({
  task_id: id(status.taskId),
  state: status.state,
  ...(status.message !== null && { message: status.message }),
  source: status.source,
  ...(status.reason !== null && { reason: status.reason }),
  ...(status.agentId !== null && { agent_id: id(status.agentId) }),
  ...(status.executorId !== null && { executor_id: id(status.executorId) }),
  timestamp: status.atMs / 1000,
  ...(status.uuid !== null && { uuid: status.uuid }),
  ...(status.ip !== undefined && { container_status: containerJson(status.ip) }),
  ...(status.unreachableAtMs !== undefined && { unreachable_time: nanoseconds(status.unreachableAtMs) }),
});

const containerJson = (ip: string): Json => ({
  network_infos: [{ ip_addresses: [{ protocol: ip.includes(":") ? "IPv6" : "IPv4", ip_address: ip }] }],
});

const operationStatusJson = (status: OperationStatus): Json => ({
  operation_id: id(status.operationId),
  state: status.state,
  ...(status.message !== null && { message: status.message }),
  ...(status.uuid !== null && { uuid: id(status.uuid) }),
  ...(status.agentId !== null && { agent_id: id(status.agentId) }),
});
