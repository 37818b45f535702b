/** `master::Call`: what operators send, and what there is in place of what is not served. */
import type { Refusal } from "../envelope.ts";
import { acceptError, isRefusal, readMessage } from "../envelope.ts";
import { Duration } from "../messages/common.ts";
import { decode } from "../wire/decode.ts";
import { enumOf, message, type Of, optional } from "../wire/schema.ts";

const SERVED = [
  "GET_HEALTH",
  "GET_FLAGS",
  "GET_VERSION",
  "GET_METRICS",
  "GET_STATE",
  "GET_AGENTS",
  "GET_FRAMEWORKS",
  "GET_EXECUTORS",
  "GET_OPERATIONS",
  "GET_TASKS",
  "GET_ROLES",
  "GET_WEIGHTS",
  "GET_QUOTA",
  "GET_MASTER",
  "SUBSCRIBE",
] as const;
export type ServedType = (typeof SERVED)[number];

const MAINTENANCE = "Hansa empties a node or a cluster by a deadline: hansa drain CLUSTER[/NODE] --help";
const RESERVATIONS =
  "frameworks reserve and unreserve by the scheduler API; partitions give nodes to a role: hansa partitions set";
const FILES = "hansa logs JOB.INDEX reads what a task has put out";

/** What Hansa has instead. */
const UNSERVED = {
  UNKNOWN: null,
  GET_LOGGING_LEVEL: null,
  SET_LOGGING_LEVEL: null,
  LIST_FILES: FILES,
  READ_FILE: FILES,
  UPDATE_WEIGHTS: "hansa roles set ROLE --weight N",
  SET_QUOTA: "hansa roles set ROLE --guarantee … --limit …",
  REMOVE_QUOTA: "hansa roles rm ROLE",
  UPDATE_QUOTA: "hansa roles set ROLE --guarantee … --limit …",
  GET_MAINTENANCE_STATUS: MAINTENANCE,
  GET_MAINTENANCE_SCHEDULE: MAINTENANCE,
  UPDATE_MAINTENANCE_SCHEDULE: MAINTENANCE,
  START_MAINTENANCE: MAINTENANCE,
  STOP_MAINTENANCE: "hansa undrain CLUSTER[/NODE]",
  DRAIN_AGENT: "hansa drain CLUSTER/NODE",
  DEACTIVATE_AGENT: "hansa nodes pause CLUSTER/NODE",
  REACTIVATE_AGENT: "hansa nodes resume CLUSTER/NODE, hansa undrain CLUSTER/NODE",
  MARK_AGENT_GONE: "hansa nodes rm CLUSTER/NODE",
  RESERVE_RESOURCES: RESERVATIONS,
  UNRESERVE_RESOURCES: RESERVATIONS,
  CREATE_VOLUMES: null,
  DESTROY_VOLUMES: null,
  GROW_VOLUME: null,
  SHRINK_VOLUME: null,
  TEARDOWN: "a framework is torn down by the scheduler API's TEARDOWN",
} as const;
type Unserved = keyof typeof UNSERVED;

const isUnserved = (type: string): type is Unserved => Object.hasOwn(UNSERVED, type);

const TYPES = [...SERVED, ...(Object.keys(UNSERVED) as Unserved[])] as const;
const OperatorCall = message({
  type: optional(enumOf(...TYPES)),
  get_metrics: optional(message({ timeout: optional(Duration) })),
});
type OperatorCall = Of<typeof OperatorCall>;

const NOT_IMPLEMENTED = "501 Not Implemented.";

/** @param accept of the request's headers */
export function readOperatorCall(body: string, accept: string | undefined): ServedType | Refusal {
  const call = readMessage<OperatorCall>(body, (json) => decode(OperatorCall, json));
  if (isRefusal(call)) return call;
  const { type } = call;
  if (type === undefined) return invalid("Expecting 'type' to be present");
  if (type === "GET_METRICS" && !call.get_metrics) return invalid("Expecting 'get_metrics' to be present");
  const unsuitable = acceptError(accept);
  if (unsuitable) return unsuitable;
  if (!isUnserved(type)) return type;
  const instead = UNSERVED[type];
  return { status: 501, text: instead === null ? NOT_IMPLEMENTED : `${NOT_IMPLEMENTED} In Hansa: ${instead}` };
}

const invalid = (error: string): Refusal => ({ status: 400, text: `Failed to validate master::Call: ${error}` });
