/** Resources as a framework lists them, in either format of reservations, into pieces of a node. */
import type { Piece, PortRanges, Reservation } from "../model/framework.ts";
import { add, type Resources } from "../model/resources.ts";
import { readLabels } from "./frameworkInfo.ts";
import type { ReservationInfo, Resource } from "./messages/common.ts";
import { amountError, milli } from "./quantities.ts";
import { roleError, STAR } from "./roles.ts";
import { doubleText } from "./texts.ts";

export type ReadPieces = { pieces: Piece[]; error: null } | { pieces: []; error: string };

const PORTS = "ports";
const MAX_PORT = 65_535;

export function readPieces(resources: readonly Resource[]): ReadPieces {
  for (const resource of resources) {
    const error = resourceError(resource);
    if (error) return refused(`Invalid resources: Resource '${resourceText(resource)}' is invalid: ${error}`);
  }
  const groups = new Map<string, Resource[]>();
  for (const resource of resources) {
    const key = JSON.stringify(reservationOf(resource));
    const group = groups.get(key);
    if (group) group.push(resource);
    else groups.set(key, [resource]);
  }
  const pieces = [...groups.values()].map(pieceOf).filter(({ amounts }) => Object.keys(amounts).length > 0);
  return partialGpus(pieces) ?? sharedPorts(pieces) ?? { pieces, error: null };
}

const refused = (error: string): { pieces: []; error: string } => ({ pieces: [], error });

function partialGpus(pieces: readonly Piece[]): ReadPieces | null {
  const gpus = pieces.reduce((sum, { amounts }) => sum + (amounts.gpus ?? 0), 0);
  return gpus % 1000 === 0 ? null : refused("Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer");
}

function sharedPorts(pieces: readonly Piece[]): ReadPieces | null {
  const overlap = pieces.some(({ ports }) => overlaps(ports));
  return overlap
    ? refused("Invalid resources: Resource 'ports' is invalid: Invalid ranges resource: overlapping ranges")
    : null;
}

const overlaps = (sorted: PortRanges): boolean =>
  sorted.some(([from], index) => index > 0 && from <= (sorted[index - 1]?.[1] ?? -1));

/** @param resources of one reservation, or of none */
function pieceOf(resources: readonly Resource[]): Piece {
  const amounts: Record<string, number> = {};
  const ports: [number, number][] = [];
  for (const { type, name, scalar, ranges } of resources) {
    const amount = type === "SCALAR" ? milli(scalar?.value ?? 0) : countOf(ranges?.range ?? []) * 1000;
    if (amount > 0) amounts[name] = (amounts[name] ?? 0) + amount;
    for (const { begin, end } of ranges?.range ?? []) ports.push([begin, end]);
  }
  const [first] = resources;
  return { reservation: first ? reservationOf(first) : null, amounts, ports: ports.sort(([a], [b]) => a - b) };
}

const countOf = (ranges: readonly { begin: number; end: number }[]): number =>
  ranges.reduce((sum, { begin, end }) => sum + end - begin + 1, 0);

/** In either format; of "*" is none. */
export function reservationOf(resource: Resource): Reservation | null {
  const refined = resource.reservations.at(-1);
  if (refined) return reservation(refined.role ?? STAR, refined);
  if (resource.role === undefined || resource.role === STAR) return null;
  return reservation(resource.role, resource.reservation);
}

const reservation = (role: string, info: ReservationInfo | undefined): Reservation => ({
  role,
  principal: info?.principal ?? null,
  labels: readLabels(info?.labels),
});

/** As `Resources::validate`, then what is not served. */
function resourceError(resource: Resource): string | null {
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

/** As Mesos prints a resource: `cpus(allocated: a)(reservations: [(DYNAMIC,a,p)]):1`. */
export function resourceText(resource: Resource): string {
  const { name, type, allocation_info: allocation, scalar, ranges, set } = resource;
  const reserved = reservationOf(resource);
  const allocated = allocation ? `(allocated: ${allocation.role ?? ""})` : "";
  const principal = reserved?.principal == null ? "" : `,${reserved.principal}`;
  const reservedText = reserved ? `(reservations: [(DYNAMIC,${reserved.role}${principal})])` : "";
  const range = (ranges?.range ?? []).map(({ begin, end }) => `${begin}-${end}`);
  const values = {
    SCALAR: doubleText(scalar?.value ?? 0),
    RANGES: `[${range.join(", ")}]`,
    SET: `{${(set?.item ?? []).join(", ")}}`,
    TEXT: "",
  };
  return `${name}${allocated}${reservedText}:${values[type]}`;
}

export const totalOf = (pieces: readonly Piece[]): Resources =>
  pieces.reduce<Resources>((sum, { amounts }) => add(sum, amounts), {});
