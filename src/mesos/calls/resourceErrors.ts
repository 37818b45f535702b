/** What is wrong with a resource in itself, and what of Mesos' resources is not served. */
import type { PortRanges } from "../../model/framework.ts";
import { MAX_PORT } from "../../model/port.ts";
import type { Resource } from "../messages/common.ts";
import { amountError } from "./quantities.ts";
import { roleError, STAR } from "./roles.ts";

const PORTS = "ports";

/** As `Resources::validate`, then what is not served. */
export function resourceError(resource: Resource): string | null {
  if (resource.name === "") return "Empty resource name";
  return valueError(resource) ?? reservationError(resource) ?? notServed(resource);
}

function valueError(resource: Resource): string | null {
  const { type, name, scalar, ranges, set } = resource;
  switch (type) {
    case "SCALAR":
      if (!scalar || ranges || set) return "Invalid scalar resource";
      if (scalar.value < 0) return "Invalid scalar resource: value < 0";
      return name === PORTS ? "Invalid scalar resource: ports are ranges" : amountError(name, scalar.value);
    case "RANGES":
      if (scalar || !ranges || set) return "Invalid ranges resource";
      return rangesError(name, ranges.range);
    case "SET":
      if (scalar || ranges || !set) return "Invalid set resource";
      return "Sets are not served: no agent here offers any";
    case "TEXT":
      return "Unsupported resource type";
  }
}

function rangesError(name: string, ranges: readonly { begin: number; end: number }[]): string | null {
  if (ranges.some(({ begin, end }) => begin > end)) return "Invalid ranges resource: begin > end";
  const sorted = ranges.map(({ begin, end }) => [begin, end] as const).sort(([a], [b]) => a - b);
  if (overlaps(sorted)) return "Invalid ranges resource: overlapping ranges";
  if (name !== PORTS) return "Ranges other than ports are not served: no agent here offers any";
  return (sorted.at(-1)?.[1] ?? 0) > MAX_PORT ? `Invalid ranges resource: ports end at ${MAX_PORT}` : null;
}

const reservationError = (resource: Resource): string | null =>
  resource.reservations.length === 0 ? plainReservationError(resource) : refinedReservationError(resource);

function plainReservationError({ role = STAR, reservation: info }: Resource): string | null {
  const error = roleError(role);
  if (error || !info) return error;
  if (info.type !== undefined)
    return "'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field";
  if (info.role !== undefined)
    return "'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field";
  return role === STAR ? `Invalid reservation: role "${STAR}" cannot be dynamically reserved` : null;
}

/** The plain format may stand beside it, if it says the same. */
function refinedReservationError({ role, reservations }: Resource): string | null {
  for (const { type, role: reserved } of reservations) {
    if (type === undefined) return "Invalid reservation: 'Resource.ReservationInfo.type' field must be set.";
    if (reserved === undefined) return "Invalid reservation: 'Resource.ReservationInfo.role' field must be set.";
    const error = roleError(reserved);
    if (error) return error;
    if (reserved === STAR) return `Invalid reservation: role "${STAR}" cannot be reserved`;
    if (role !== undefined && role !== reserved)
      return `Invalid resource format: 'Resource.role' field with '${role}' does not match the role '${reserved}' in 'Resource.reservations'`;
    if (type !== "DYNAMIC") return "Only dynamic reservations are served: no agent here has static ones";
  }
  return reservations.length > 1 ? "Reservations within reservations are not served" : null;
}

function notServed({ disk, revocable, shared, provider_id }: Resource): string | null {
  if (disk) return "Persistent volumes and disk sources are not served: no agent here offers any";
  if (revocable) return "Revocable resources are not served: no agent here offers any";
  if (shared) return "Shared resources are not served: no agent here offers any";
  return provider_id ? "Resource providers are not served: no agent here has any" : null;
}

export const overlaps = (sorted: PortRanges): boolean =>
  sorted.some(([from], index) => index > 0 && from <= (sorted[index - 1]?.[1] ?? -1));
