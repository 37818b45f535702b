/** What a framework does with an offer. */
import type { Operation } from "../../model/framework.ts";
import type { WireOperation } from "../messages/call.ts";
import type { Resource } from "../messages/common.ts";
import { readPieces, reservationOf, resourceText } from "./resources.ts";
import { STAR } from "./roles.ts";
import { readTask } from "./task.ts";
import { readGroup } from "./taskGroup.ts";

export interface OperationContext {
  frameworkId: string;
  /** of the credentials; null: they have none */
  principal: string | null;
}

export function readOperation(wire: WireOperation, { frameworkId, principal }: OperationContext): Operation {
  const id = wire.id?.value ?? null;
  const type = wire.type ?? "UNKNOWN";
  switch (type) {
    case "LAUNCH": {
      const context = { frameworkId, executorId: null };
      return { id, type, tasks: (wire.launch?.task_infos ?? []).map((task) => readTask(task, context)) };
    }
    case "LAUNCH_GROUP": {
      const group = wire.launch_group;
      if (!group) return { id, type: "OTHER", name: type, error: "Expecting 'launch_group' to be present" };
      return { id, type, ...readGroup(group.executor, group.task_group.tasks, frameworkId) };
    }
    case "RESERVE": {
      const resources = wire.reserve?.resources ?? [];
      const { pieces, error } = readPieces(resources);
      if (error) return { id, type, pieces, error };
      const isUpdate = (wire.reserve?.source ?? []).length > 0;
      return { id, type, pieces, error: isUpdate ? UPDATES : reserveError(resources, principal) };
    }
    case "UNRESERVE": {
      const resources = wire.unreserve?.resources ?? [];
      const { pieces, error } = readPieces(resources);
      return { id, type, pieces, error: error ?? notReserved(resources) };
    }
    case "UNKNOWN":
      return { id, type: "OTHER", name: type, error: "Unknown operation type" };
    default:
      return {
        id,
        type: "OTHER",
        name: type,
        error: `${type} is not served: agents here have no volumes or disks to make`,
      };
  }
}

const UPDATES = "Reservation updates are not yet implemented for the scheduler API.";

const isDynamic = ({ role, reservation, reservations }: Resource): boolean =>
  reservations.length > 0
    ? reservations.at(-1)?.type === "DYNAMIC"
    : role !== undefined && role !== STAR && reservation !== undefined;

function notReserved(resources: readonly Resource[]): string | null {
  const plain = resources.find((resource) => !isDynamic(resource));
  return plain ? `Resource ${resourceText(plain)} is not dynamically reserved` : null;
}

function reserveError(resources: readonly Resource[], principal: string | null): string | null {
  for (const resource of resources) {
    const plain = notReserved([resource]);
    if (plain) return plain;
    const { role, principal: reserver } = reservationOf(resource) ?? { role: STAR, principal: null };
    if (principal !== null && reserver === null)
      return `A reserve operation was attempted by principal '${principal}', but there is a reserved resource in the request with no principal set`;
    if (principal !== null && reserver !== principal)
      return `A reserve operation was attempted by authenticated principal '${principal}', which does not match a reserved resource in the request with principal '${reserver}'`;
    const allocated = resource.allocation_info?.role;
    if (allocated !== undefined && allocated !== role)
      return `A reserve operation was attempted for a resource with role '${role}', but the resource was allocated to role '${allocated}'`;
  }
  return null;
}
