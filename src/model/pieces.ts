/** Sums and differences of what offers, tasks and reservations are made of. */
import type { Piece, PortRanges, Reservation } from "./framework.ts";
import { intersect, normalize, type Ranges, subtract as withoutRanges } from "./ranges.ts";
import { add, fits, type Resources, subtract } from "./resources.ts";

/** Equal for what may be used for the same. */
export const reservationKey = (reservation: Reservation | null): string =>
  reservation === null ? "" : JSON.stringify([reservation.role, reservation.principal, reservation.labels]);

const halfOpen = (ports: PortRanges): Ranges => normalize(ports.map(([from, to]) => [from, to + 1]));
const closed = (ranges: Ranges): PortRanges => ranges.map(([from, to]) => [from, to - 1]);

export const portCount = (ports: PortRanges): number => ports.reduce((n, [from, to]) => n + to - from + 1, 0);
/** The lowest `count` of them. */
export function firstPorts(ports: PortRanges, count: number): PortRanges {
  let left = count;
  return ports.flatMap(([from, to]): PortRanges => {
    const taken = Math.min(left, to - from + 1);
    left -= taken;
    return taken > 0 ? [[from, from + taken - 1]] : [];
  });
}
export const mergePorts = (a: PortRanges, b: PortRanges): PortRanges => closed(halfOpen([...a, ...b]));
export const subtractPorts = (a: PortRanges, b: PortRanges): PortRanges =>
  closed(withoutRanges(halfOpen(a), halfOpen(b)));
export const areWithin = (some: PortRanges, all: PortRanges): boolean =>
  portCount(closed(intersect(halfOpen(some), halfOpen(all)))) === portCount(closed(halfOpen(some)));
export const portsOf = (ports: PortRanges): number[] =>
  ports.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));

/** Devices are told by number and given whole. */
const deviceCount = ({ amounts }: Piece): number => (amounts.gpus ?? 0) / 1000;
const mergeDevices = (a: readonly number[] = [], b: readonly number[] = []): { devices?: readonly number[] } =>
  a.length + b.length > 0 ? { devices: [...a, ...b].sort((x, y) => x - y) } : {};

export const isEmptyPiece = ({ amounts }: Piece): boolean => Object.values(amounts).every((amount) => amount === 0);

/** One piece for each reservation, those that are empty left out. */
export function mergePieces(pieces: readonly Piece[]): Piece[] {
  const merged = new Map<string, Piece>();
  for (const piece of pieces) {
    const key = reservationKey(piece.reservation);
    const known = merged.get(key);
    merged.set(
      key,
      known
        ? {
            ...known,
            amounts: add(known.amounts, piece.amounts),
            ports: mergePorts(known.ports, piece.ports),
            ...mergeDevices(known.devices, piece.devices),
          }
        : { ...piece, ports: mergePorts(piece.ports, []) },
    );
  }
  return [...merged.values()].filter((piece) => !isEmptyPiece(piece));
}

const isAlike = (a: Piece, b: Piece): boolean => reservationKey(a.reservation) === reservationKey(b.reservation);

/** @returns null when it is not all there */
export function takePieces(all: readonly Piece[], some: readonly Piece[]): Piece[] | null {
  const left = mergePieces(all);
  for (const piece of mergePieces(some)) {
    const at = left.findIndex((one) => isAlike(one, piece));
    const from = left[at];
    if (!from || !fits(piece.amounts, from.amounts) || !areWithin(piece.ports, from.ports)) return null;
    const { devices = [], ...rest } = from;
    const taken = piece.devices ?? [];
    if (!taken.every((device) => devices.includes(device))) return null;
    left[at] = {
      ...rest,
      amounts: subtract(from.amounts, piece.amounts),
      ports: subtractPorts(from.ports, piece.ports),
      ...mergeDevices(devices.filter((device) => !taken.includes(device))),
    };
  }
  return left.filter((piece) => !isEmptyPiece(piece));
}

/** Takes what names no devices, and says which it has now: the first ones. @returns null when it is not all there */
export function pickPieces(
  all: readonly Piece[],
  some: readonly Piece[],
): { picked: readonly Piece[]; left: Piece[] } | null {
  let left = mergePieces(all);
  const picked: Piece[] = [];
  for (const piece of some) {
    const from = left.find((one) => isAlike(one, piece));
    const devices = from?.devices?.slice(0, deviceCount(piece)) ?? [];
    if (devices.length !== deviceCount(piece)) return null;
    const one = { ...piece, ...mergeDevices(devices) };
    const rest = takePieces(left, [one]);
    if (rest === null) return null;
    left = rest;
    picked.push(one);
  }
  return { picked, left };
}

/** Whether a node of that capacity has all of these devices. */
export const hasDevices = ({ gpus = 0 }: Resources, pieces: readonly Piece[]): boolean =>
  pieces.every(({ devices = [] }) => devices.every((device) => (device + 1) * 1000 <= gpus));

/** By number; null: not all of them are known. */
export function devicesIn(pieces: readonly Piece[]): readonly number[] | null {
  if (pieces.some((piece) => (piece.devices?.length ?? 0) !== deviceCount(piece))) return null;
  return pieces.flatMap(({ devices = [] }) => devices);
}

export const amountsOf = (pieces: readonly Piece[]): Resources =>
  pieces.reduce((sum: Resources, { amounts }) => add(sum, amounts), {});

export const portsIn = (pieces: readonly Piece[]): PortRanges =>
  pieces.reduce((all: PortRanges, { ports }) => mergePorts(all, ports), []);

/** `cpus:1; mem:512; ports:[31000-31001]`, reserved ones with their role, as Mesos writes resources. */
export function piecesText(pieces: readonly Piece[]): string {
  const texts = pieces.flatMap(({ reservation, amounts, ports }) => {
    const of = reservation === null ? "" : `(reservations: [(DYNAMIC,${reservation.role})])`;
    const scalars = Object.entries(amounts)
      .filter(([name, amount]) => name !== "ports" && amount !== 0)
      .map(([name, amount]) => `${name}${of}:${amount / 1000}`);
    const ranges = ports.map(([from, to]) => `${from}-${to}`).join(", ");
    return ranges === "" ? scalars : [...scalars, `ports${of}:[${ranges}]`];
  });
  return texts.join("; ") || "{}";
}
