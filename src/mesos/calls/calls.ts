/** A call that was found valid in itself, as the Framework object takes it. */
import type { FrameworkCall } from "../../framework/methods.ts";
import type { Call } from "../messages/call.ts";
import type { Id } from "../messages/common.ts";
import { toBase64 } from "../wire/base64.ts";
import { type Credential, readSubscription } from "./frameworkInfo.ts";
import { readOperation } from "./operations.ts";
import { graceMsOf, refuseMsOf } from "./times.ts";

const values = (ids: readonly Id[] | undefined): string[] => (ids ?? []).map(({ value }) => value);

/** @returns null for a call of type SUBSCRIBE, or one that lacks what `callError` asks for */
export function readCall(call: Call, frameworkId: string, credential: Credential): FrameworkCall | null {
  const type = call.type ?? "UNKNOWN";
  switch (type) {
    case "SUBSCRIBE":
      return null;
    case "UNKNOWN":
    case "TEARDOWN":
    case "REQUEST":
      return { type };
    case "ACCEPT": {
      const { offer_ids, operations = [], filters } = call.accept ?? {};
      const context = { frameworkId, principal: credential.principal };
      return {
        type,
        offerIds: values(offer_ids),
        operations: operations.map((operation) => readOperation(operation, context)),
        refuseMs: refuseMsOf(filters),
      };
    }
    case "DECLINE":
      return {
        type,
        offerIds: values(call.decline?.offer_ids),
        refuseMs: refuseMsOf(call.decline?.filters),
      };
    case "ACCEPT_INVERSE_OFFERS":
    case "DECLINE_INVERSE_OFFERS": {
      const said = type === "ACCEPT_INVERSE_OFFERS" ? call.accept_inverse_offers : call.decline_inverse_offers;
      return {
        type,
        inverseOfferIds: values(said?.inverse_offer_ids),
        refuseMs: refuseMsOf(said?.filters),
      };
    }
    case "REVIVE":
      return { type, roles: [...(call.revive?.roles ?? [])] };
    case "SUPPRESS":
      return { type, roles: [...(call.suppress?.roles ?? [])] };
    case "KILL": {
      if (!call.kill) return null;
      const { task_id, agent_id, kill_policy } = call.kill;
      return {
        type,
        taskId: task_id.value,
        agentId: agent_id?.value ?? null,
        graceMs: graceMsOf(kill_policy),
      };
    }
    case "SHUTDOWN": {
      if (!call.shutdown) return null;
      return { type, executorId: call.shutdown.executor_id.value, agentId: call.shutdown.agent_id.value };
    }
    case "ACKNOWLEDGE": {
      if (!call.acknowledge) return null;
      const { agent_id, task_id, uuid } = call.acknowledge;
      return { type, agentId: agent_id.value, taskId: task_id.value, uuid: toBase64(uuid) };
    }
    case "ACKNOWLEDGE_OPERATION_STATUS": {
      if (!call.acknowledge_operation_status) return null;
      const { operation_id, uuid } = call.acknowledge_operation_status;
      return { type, operationId: operation_id.value, uuid: toBase64(uuid) };
    }
    case "RECONCILE": {
      const tasks = call.reconcile?.tasks ?? [];
      return {
        type,
        tasks: tasks.map(({ task_id, agent_id }) => ({ taskId: task_id.value, agentId: agent_id?.value ?? null })),
      };
    }
    case "RECONCILE_OPERATIONS": {
      const operations = call.reconcile_operations?.operations ?? [];
      return {
        type,
        operations: operations.map(({ operation_id, agent_id }) => ({
          operationId: operation_id.value,
          agentId: agent_id?.value ?? null,
        })),
      };
    }
    case "MESSAGE":
      if (!call.message) return null;
      return {
        type,
        agentId: call.message.agent_id.value,
        executorId: call.message.executor_id.value,
      };
    case "UPDATE_FRAMEWORK":
      return call.update_framework ? { type, ...readSubscription(call.update_framework, credential) } : null;
  }
}
