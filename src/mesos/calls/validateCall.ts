/** What must be there in a call, in the order and the words of Mesos (`validation::scheduler::call`). */
import type { Call } from "../messages/call.ts";

const UUID_BYTES = 16;
const MAX_UUID_VERSION = 8;

/** @param principal of the credentials; null: they have none. @returns what is wrong; null: nothing */
export function callError(call: Call, principal: string | null): string | null {
  if (call.type === undefined) return absent("type");
  if (call.type === "SUBSCRIBE") return subscribeError(call, principal);
  if (!call.framework_id) return absent("framework_id");
  return presenceError(call) ?? uuidError(call) ?? updateError(call);
}

const absent = (field: string): string => `Expecting '${field}' to be present`;

const isSameFramework = (call: Call, id: { value: string } | undefined): boolean =>
  (call.framework_id?.value ?? "") === (id?.value ?? "");

function subscribeError(call: Call, principal: string | null): string | null {
  const info = call.subscribe?.framework_info;
  if (!info) return absent("subscribe");
  if (!isSameFramework(call, info.id)) return "'framework_id' differs from 'subscribe.framework_info.id'";
  if (principal === null || info.principal === undefined || info.principal === principal) return null;
  return `Authenticated principal '${principal}' does not match principal '${info.principal}' set in \`FrameworkInfo\``;
}

/** The field that a call of a type is in, where it must be there. */
const FIELDS = {
  ACCEPT: "accept",
  DECLINE: "decline",
  ACCEPT_INVERSE_OFFERS: "accept_inverse_offers",
  DECLINE_INVERSE_OFFERS: "decline_inverse_offers",
  KILL: "kill",
  SHUTDOWN: "shutdown",
  ACKNOWLEDGE: "acknowledge",
  ACKNOWLEDGE_OPERATION_STATUS: "acknowledge_operation_status",
  RECONCILE: "reconcile",
  RECONCILE_OPERATIONS: "reconcile_operations",
  MESSAGE: "message",
  REQUEST: "request",
  UPDATE_FRAMEWORK: "update_framework",
} as const satisfies Partial<Record<NonNullable<Call["type"]>, keyof Call>>;

function presenceError({ type, ...call }: Call): string | null {
  const field = Object.entries(FIELDS).find(([name]) => name === type)?.[1];
  return field !== undefined && !(field in call) ? absent(field) : null;
}

function uuidError({ type, acknowledge, acknowledge_operation_status: operation }: Call): string | null {
  if (type === "ACKNOWLEDGE" && acknowledge) return isUuid(acknowledge.uuid) ? null : "Not a valid UUID";
  if (type !== "ACKNOWLEDGE_OPERATION_STATUS" || !operation) return null;
  if (!isUuid(operation.uuid)) return "Not a valid UUID";
  return operation.agent_id ? null : absent("agent_id");
}

function isUuid(bytes: Uint8Array): boolean {
  const version = (bytes[6] ?? 0) >> 4;
  return bytes.length === UUID_BYTES && version >= 1 && version <= MAX_UUID_VERSION;
}

function updateError({ type, ...call }: Call): string | null {
  if (type !== "UPDATE_FRAMEWORK") return null;
  return isSameFramework(call, call.update_framework?.framework_info.id)
    ? null
    : "'framework_id' differs from 'update_framework.framework_info.id'";
}
