/** Resources as a framework lists them, in either format of reservations, into pieces of a node. */
import type { Piece, Reservation } from "../../model/framework.ts";
import { amountsOf, portCount } from "../../model/pieces.ts";
import type { ReservationInfo, Resource } from "../messages/common.ts";
import { readLabels } from "./frameworkInfo.ts";
import { milli } from "./quantities.ts";
import { overlaps, resourceError } from "./resourceErrors.ts";
import { STAR } from "./roles.ts";
import { doubleText } from "./texts.ts";

export type ReadPieces = { pieces: Piece[]; error: null } | { pieces: []; error: string };

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
  const { gpus = 0 } = amountsOf(pieces);
  return gpus % 1000 === 0 ? null : refused("Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer");
}

function sharedPorts(pieces: readonly Piece[]): ReadPieces | null {
  const overlap = pieces.some(({ ports }) => overlaps(ports));
  return overlap
    ? refused("Invalid resources: Resource 'ports' is invalid: Invalid ranges resource: overlapping ranges")
    : null;
}

/** @param resources of one reservation, or of none */
function pieceOf(resources: readonly Resource[]): Piece {
  const amounts: Record<string, number> = {};
  const ports: [number, number][] = [];
  for (const { type, name, scalar, ranges } of resources) {
    const range = (ranges?.range ?? []).map(({ begin, end }): [number, number] => [begin, end]);
    const amount = type === "SCALAR" ? milli(scalar?.value ?? 0) : portCount(range) * 1000;
    if (amount > 0) amounts[name] = (amounts[name] ?? 0) + amount;
    ports.push(...range);
  }
  const [first] = resources;
  return { reservation: first ? reservationOf(first) : null, amounts, ports: ports.sort(([a], [b]) => a - b) };
}

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
