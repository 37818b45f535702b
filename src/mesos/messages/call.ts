/** `scheduler::Call`: everything that a framework sends. */
import { bytes, enumOf, message, type Of, optional, repeated, required, string } from "../wire/schema.ts";
import { Anything, Filters, Id, KillPolicy, Resource } from "./common.ts";
import { FrameworkInfo, OfferConstraints } from "./framework.ts";
import { ExecutorInfo, TaskInfo } from "./task.ts";

export const OPERATIONS = [
  "UNKNOWN",
  "LAUNCH",
  "LAUNCH_GROUP",
  "RESERVE",
  "UNRESERVE",
  "CREATE",
  "DESTROY",
  "GROW_VOLUME",
  "SHRINK_VOLUME",
  "CREATE_DISK",
  "DESTROY_DISK",
] as const;

const Operation = message({
  type: optional(enumOf(...OPERATIONS)),
  id: optional(Id),
  launch: optional(message({ task_infos: repeated(TaskInfo) })),
  launch_group: optional(
    message({ executor: required(ExecutorInfo), task_group: required(message({ tasks: repeated(TaskInfo) })) }),
  ),
  reserve: optional(message({ source: repeated(Anything), resources: repeated(Resource) })),
  unreserve: optional(message({ resources: repeated(Resource) })),
});
export type WireOperation = Of<typeof Operation>;

const InverseOffers = message({ inverse_offer_ids: repeated(Id), filters: optional(Filters) });
const Roles = message({ roles: repeated(string) });
const Subscription = message({
  framework_info: required(FrameworkInfo),
  suppressed_roles: repeated(string),
  offer_constraints: optional(OfferConstraints),
});
export type Subscription = Of<typeof Subscription>;

export const Call = message({
  framework_id: optional(Id),
  type: optional(
    enumOf(
      "UNKNOWN",
      "SUBSCRIBE",
      "TEARDOWN",
      "ACCEPT",
      "DECLINE",
      "ACCEPT_INVERSE_OFFERS",
      "DECLINE_INVERSE_OFFERS",
      "REVIVE",
      "KILL",
      "SHUTDOWN",
      "ACKNOWLEDGE",
      "ACKNOWLEDGE_OPERATION_STATUS",
      "RECONCILE",
      "RECONCILE_OPERATIONS",
      "MESSAGE",
      "REQUEST",
      "SUPPRESS",
      "UPDATE_FRAMEWORK",
    ),
  ),
  subscribe: optional(Subscription),
  accept: optional(message({ offer_ids: repeated(Id), operations: repeated(Operation), filters: optional(Filters) })),
  decline: optional(message({ offer_ids: repeated(Id), filters: optional(Filters) })),
  accept_inverse_offers: optional(InverseOffers),
  decline_inverse_offers: optional(InverseOffers),
  revive: optional(Roles),
  kill: optional(message({ task_id: required(Id), agent_id: optional(Id), kill_policy: optional(KillPolicy) })),
  shutdown: optional(message({ executor_id: required(Id), agent_id: required(Id) })),
  acknowledge: optional(message({ agent_id: required(Id), task_id: required(Id), uuid: required(bytes) })),
  acknowledge_operation_status: optional(
    message({ agent_id: optional(Id), uuid: required(bytes), operation_id: required(Id) }),
  ),
  reconcile: optional(message({ tasks: repeated(message({ task_id: required(Id), agent_id: optional(Id) })) })),
  reconcile_operations: optional(
    message({ operations: repeated(message({ operation_id: required(Id), agent_id: optional(Id) })) }),
  ),
  message: optional(message({ agent_id: required(Id), executor_id: required(Id), data: required(bytes) })),
  request: optional(message({ requests: repeated(Anything) })),
  suppress: optional(Roles),
  update_framework: optional(Subscription),
});
export type Call = Of<typeof Call>;
