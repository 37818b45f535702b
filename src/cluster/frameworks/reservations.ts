/** Parts of nodes that frameworks have set aside for a role: nobody else is given them, in use or not. A cache of rows. */
import type { Piece } from "../../model/framework.ts";
import {
  amountsOf,
  devicesIn,
  hasDevices,
  mergePieces,
  portsIn,
  reservationKey,
  takePieces,
} from "../../model/pieces.ts";
import { add, fits, type Resources } from "../../model/resources.ts";
import { isWithin } from "../../model/role.ts";
import { type FrameworkReport, type FrameworkUse, RESERVED } from "../../protocol/frameworks.ts";
import type { ClusterStore, ReservationRow } from "../store.ts";
import { askedFor, type Kept } from "./kept.ts";

/** A part of a node that is set aside. */
export interface Reserved {
  readonly node: string;
  readonly partition: string;
  /** the league's name of its role */
  readonly role: string;
  /** all of it */
  readonly piece: Piece;
  /** in offers and tasks */
  inUse: Piece[];
}

export class Reservations {
  readonly #store: ClusterStore;
  readonly #kept: Kept;
  /** by node, by what they may be used for */
  readonly #reserved = new Map<string, Map<string, Reserved>>();
  /** by the league's role that it is for, nodes that have any of it free */
  readonly #free = new Map<string, Set<string>>();
  /** null: it is otherwise than when it was last looked at */
  #report: FrameworkReport | null = null;

  constructor(store: ClusterStore, kept: Kept) {
    this.#store = store;
    this.#kept = kept;
    for (const row of store.reservations()) this.#put({ ...row, inUse: [] });
  }

  get isEmpty(): boolean {
    return this.#reserved.size === 0;
  }

  on(node: string): Iterable<Reserved> {
    return this.#reserved.get(node)?.values() ?? [];
  }

  *#all(): Generator<Reserved> {
    for (const there of this.#reserved.values()) yield* there.values();
  }

  /** Nodes with something that is set aside for that role, or one that it is under, and in nobody's offer or task. */
  freeNodesFor(role: string): ReadonlySet<string> {
    const found = new Set<string>();
    for (const [of, nodes] of this.#free) if (isWithin(role, of)) for (const node of nodes) found.add(node);
    return found;
  }

  /** Where it was when the first of it was set aside. */
  partitionOf(node: string): string {
    const [first] = this.on(node);
    return first?.partition ?? "";
  }

  /** What of the node is set aside for that role of the league, or one that it is under, and free. */
  freeFor(node: string, role: string): Piece[] {
    const pieces: Piece[] = [];
    for (const reserved of this.on(node)) if (isWithin(role, reserved.role)) pieces.push(...restOf(reserved));
    return pieces;
  }

  /** As if a framework of no name used it; the same object as long as it is the same. */
  get report(): FrameworkReport {
    this.#report ??= reservedReport(this.#all());
    return this.#report;
  }

  /** For whom else the same is set aside there: what is offered would not tell them apart. */
  otherRoleOf(node: string, piece: Piece, role: string): string | null {
    const known = this.#reserved.get(node)?.get(reservationKey(piece.reservation));
    return known && known.role !== role ? known.role : null;
  }

  /** More, or with -1 less, of a node is set aside. */
  change(node: string, partition: string, role: string, piece: Piece, sign: 1 | -1): void {
    const key = reservationKey(piece.reservation);
    const known = this.#reserved.get(node)?.get(key);
    const before = known ? [known.piece] : [];
    const [after] = sign === 1 ? mergePieces([...before, piece]) : (takePieces(before, [piece]) ?? []);
    if (known) this.#drop(known, key);
    if (after === undefined) {
      this.#store.removeReservation(node, key);
      return;
    }
    const row = { node, key, piece: after, role: known?.role ?? role, partition: known?.partition ?? partition };
    this.#store.saveReservation(row);
    this.#put({ ...row, inUse: known?.inUse ?? [] });
  }

  /** Offers and tasks have so much more, or with -1 less, of what is set aside. */
  use(node: string, pieces: readonly Piece[], sign: 1 | -1): void {
    for (const piece of pieces) {
      if (piece.reservation === null) continue;
      const reserved = this.#reserved.get(node)?.get(reservationKey(piece.reservation));
      if (!reserved) continue;
      reserved.inUse =
        sign === 1 ? mergePieces([...reserved.inUse, piece]) : (takePieces(reserved.inUse, [piece]) ?? []);
      this.#keepRest(reserved);
    }
  }

  /** The node has so much now; what is set aside beyond that is there no more. @returns keys of that */
  limit(node: string, capacity: Resources): Set<string> {
    const dropped = new Set<string>();
    let sum: Resources = {};
    for (const [key, reserved] of [...(this.#reserved.get(node) ?? [])]) {
      const next = add(sum, reserved.piece.amounts);
      if (fits(next, capacity) && hasDevices(capacity, [reserved.piece])) {
        sum = next;
        continue;
      }
      this.#drop(reserved, key);
      this.#store.removeReservation(node, key);
      dropped.add(key);
    }
    return dropped;
  }

  #put({ key, ...reserved }: ReservationRow & Pick<Reserved, "inUse">): void {
    const there = this.#reserved.get(reserved.node) ?? new Map<string, Reserved>();
    this.#reserved.set(reserved.node, there.set(key, reserved));
    this.#report = null;
    this.#keepRest(reserved);
  }

  #drop(reserved: Reserved, key: string): void {
    this.#kept.letGo(reserved.node, reserved);
    const there = this.#reserved.get(reserved.node);
    there?.delete(key);
    if (there?.size === 0) this.#reserved.delete(reserved.node);
    this.#report = null;
    this.#noteFree(reserved);
  }

  /** What of it is in no offer and no task is kept from everyone. */
  #keepRest(reserved: Reserved): void {
    const { node, partition } = reserved;
    this.#kept.letGo(node, reserved);
    const rest = restOf(reserved);
    if (rest.length > 0)
      this.#kept.keep(node, reserved, {
        partition,
        asked: askedFor(amountsOf(rest)),
        devices: devicesIn(rest),
        ports: [],
        portRanges: portsIn(rest),
      });
    this.#noteFree(reserved);
  }

  #noteFree({ node, role }: Pick<Reserved, "node" | "role">): void {
    const nodes = this.#free.get(role) ?? new Set();
    this.#free.set(role, nodes);
    if ([...this.on(node)].some((reserved) => reserved.role === role && restOf(reserved).length > 0)) nodes.add(node);
    else nodes.delete(node);
    if (nodes.size === 0) this.#free.delete(role);
  }
}

const restOf = ({ piece, inUse }: Reserved): Piece[] => takePieces([piece], inUse) ?? [];

function reservedReport(reservations: Iterable<Reserved>): FrameworkReport {
  const uses = new Map<string, FrameworkUse>();
  for (const { role, partition, piece } of reservations) {
    const key = `${role} ${partition}`;
    const use = uses.get(key) ?? { role, partition, used: {}, offered: {}, takes: null };
    use.used = add(use.used, piece.amounts);
    uses.set(key, use);
  }
  return { framework: RESERVED, genApplied: 0, uses: [...uses.values()], isGone: uses.size === 0 };
}
