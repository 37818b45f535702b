/** Pieces of a node as a list of resources, in the format that a framework's capabilities ask for. */
import type { Capability, Labels, Piece, Reservation } from "../../model/framework.ts";

export type Json = Record<string, unknown>;

/** Of what is decided by capabilities on the wire. */
export interface Format {
  hasManyRoles: boolean;
  hasRefinedReservations: boolean;
}

export const formatOf = (capabilities: readonly Capability[]): Format => ({
  hasManyRoles: capabilities.includes("MULTI_ROLE"),
  hasRefinedReservations: capabilities.includes("RESERVATION_REFINEMENT"),
});

const FIRST = ["cpus", "mem", "disk", "gpus"];
const MILLI = 1000;

/** @param role that they are allocated to, as the framework calls it */
export const resourcesJson = (pieces: readonly Piece[], role: string, format: Format): Json[] =>
  pieces.flatMap((piece) => {
    const shared = { ...allocationJson(role, format), ...reservationJson(piece.reservation, format) };
    return [...scalars(piece), ...ports(piece)].map((value) => ({ ...value, ...shared }));
  });

export const allocationJson = (role: string, { hasManyRoles }: Format): Json =>
  hasManyRoles ? { allocation_info: { role } } : {};

function scalars({ amounts }: Piece): Json[] {
  const others = Object.keys(amounts).filter((name) => name !== "ports" && !FIRST.includes(name));
  return [...FIRST, ...others].flatMap((name) => {
    const amount = amounts[name] ?? 0;
    // Of a gpu there is all or nothing in Mesos.
    const value = name === "gpus" ? Math.floor(amount / MILLI) : amount / MILLI;
    return value > 0 ? { name, type: "SCALAR", scalar: { value } } : [];
  });
}

function ports({ ports: ranges }: Piece): Json[] {
  if (ranges.length === 0) return [];
  return [{ name: "ports", type: "RANGES", ranges: { range: ranges.map(([begin, end]) => ({ begin, end })) } }];
}

function reservationJson(reservation: Reservation | null, { hasRefinedReservations }: Format): Json {
  if (reservation === null) return hasRefinedReservations ? {} : { role: "*" };
  const { role, principal, labels } = reservation;
  const info = { ...(principal !== null && { principal }), ...labelsJson(labels) };
  return hasRefinedReservations ? { reservations: [{ type: "DYNAMIC", role, ...info }] } : { role, reservation: info };
}

export const labelsJson = (labels: Labels): Json =>
  labels.length === 0
    ? {}
    : { labels: { labels: labels.map(({ key, value }) => ({ key, ...(value !== null && { value }) })) } };
