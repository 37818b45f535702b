/**
 * The frameworks that a Cluster knows, and what is held on its nodes for them: offers, tasks on their way to a node, and
 * parts that are set aside for a role. A cache of rows: nothing of it is lost with the memory.
 */
import { agentId, type Piece } from "../../model/framework.ts";
import { amountsOf, mergePieces, reservationKey, takePieces } from "../../model/pieces.ts";
import { add, type Resources, resourcesKey } from "../../model/resources.ts";
import { isWithin } from "../../model/role.ts";
import type { FrameworkLevel, FrameworkReport } from "../../protocol/frameworks.ts";
import { type Asked, askedOf } from "../../scheduling/place/asked.ts";
import type { Placer } from "../../scheduling/place/placer.ts";
import { isOver, type JobState, type NodeState } from "../state.ts";
import type { ClusterStore, ReservationRow } from "../store.ts";
import { isSuitable } from "./constraints.ts";
import { NodeSet } from "./nodeSet.ts";
import { freeFor, Offerable } from "./offerable.ts";
import { type FrameworkHere, frameworkHere, type HeldOffer, type Reserved, RoleHere } from "./state.ts";
import { frameworkReport, RESERVED, reservedReport } from "./uses.ts";
import { OFFER_INTERVAL_MS } from "./waits.ts";

/** What it needs to know of its cluster. */
export interface Surroundings {
  cluster: string;
  store: ClusterStore;
  placer: Placer;
  nodes: ReadonlyMap<string, NodeState>;
  touch(node: string): void;
  isUp(node: NodeState, now: number): boolean;
  attributesOf(node: NodeState): Record<string, string>;
  homesOf(node: string): readonly string[];
}

/** What is kept of a node, for whatever reason. */
interface Kept {
  readonly partition: string;
  readonly asked: Asked;
  /** null: any of the node's */
  readonly devices: readonly number[] | null;
  readonly ports: readonly number[];
}

export class Frameworks {
  readonly #around: Surroundings;
  readonly byId = new Map<string, FrameworkHere>();
  readonly offers = new Map<string, HeldOffer>();
  readonly #offersOn = new Map<string, Set<HeldOffer>>();
  /** tasks that were accepted and are not handed to their node yet */
  readonly launching = new Set<JobState>();
  readonly #reserved = new Map<string, Map<string, Reserved>>();
  /** by node: what the placer is told to be in use there */
  readonly #kept = new Map<string, Map<unknown, Kept>>();
  readonly offerable = new Offerable();
  /** by framework and role: nodes that it can't be offered */
  readonly #unsuitable = new Map<RoleHere, { level: FrameworkLevel; nodes: NodeSet }>();
  readonly #changed: Set<string>;
  #refusalSeq = 0;

  /** @param changed names of nodes that are otherwise; emptied here */
  constructor(around: Surroundings, changed: Set<string>) {
    this.#around = around;
    this.#changed = changed;
    const { store } = around;
    for (const { id, gen, level, limits, toldWhole } of store.frameworks()) {
      const here = frameworkHere(level);
      Object.assign(here, { gen, limits, toldWhole });
      this.byId.set(id, here);
      this.#setRoles(here, level, 0);
    }
    for (const row of store.reservations()) this.#putReserved(row);
    for (const row of store.offers()) {
      const { heldUntil, ...offer } = row;
      this.#hold({ ...offer, heldUntilMs: heldUntil, asked: askedFor(amountsOf(row.pieces)) });
    }
    for (const { framework, role, seq, until, refused, nodes } of store.refusals()) {
      this.#refusalSeq = Math.max(this.#refusalSeq, seq);
      const there = this.byId.get(framework)?.roles.get(role);
      for (const node of nodes) there?.refusals.put(this.offerable.numberOf(node), refused, until);
    }
  }

  get isEmpty(): boolean {
    return this.byId.size === 0;
  }

  // Levels.

  apply(level: FrameworkLevel, told: Pick<FrameworkHere, "gen" | "limits">, now: number): FrameworkHere {
    const here = this.byId.get(level.id) ?? frameworkHere(level);
    this.byId.set(level.id, here);
    here.gen = told.gen;
    here.limits = told.limits;
    here.level = level;
    here.isDirty = true;
    this.#setRoles(here, level, now);
    this.save(here);
    return here;
  }

  #setRoles(here: FrameworkHere, level: FrameworkLevel, now: number): void {
    for (const name of [...here.roles.keys()])
      if (!level.roles.some((wish) => wish.name === name)) {
        here.roles.delete(name);
        this.#around.store.forgetRefusals(here.id, name);
      }
    for (const wish of level.roles) {
      const role = here.roles.get(wish.name);
      if (!role) {
        here.roles.set(wish.name, new RoleHere(wish));
        continue;
      }
      if (wish.revived > role.wish.revived) this.#revive(here, wish.name, now);
      role.wish = wish;
    }
  }

  save({ id, gen, level, limits, toldWhole }: FrameworkHere): void {
    this.#around.store.saveFramework({ id, gen, level, limits, toldWhole });
  }

  remove(here: FrameworkHere): void {
    this.byId.delete(here.id);
    this.#around.store.removeFramework(here.id);
  }

  // What it refused.

  refuse(
    here: FrameworkHere,
    role: string,
    refused: readonly { node: string; amounts: Resources }[],
    forMs: number,
    now: number,
  ): void {
    const there = here.roles.get(role);
    if (!there || refused.length === 0) return;
    const alike = new Map<string, { amounts: Resources; nodes: string[] }>();
    for (const { node, amounts } of refused) {
      const key = resourcesKey(amounts);
      const group = alike.get(key) ?? { amounts, nodes: [] };
      alike.set(key, group);
      group.nodes.push(node);
    }
    for (const { amounts, nodes } of alike.values()) {
      let untilMs = now;
      for (const node of nodes) untilMs = there.refusals.add(this.offerable.numberOf(node), amounts, forMs, now);
      this.#refusalSeq += 1;
      this.#around.store.addRefusal({
        framework: here.id,
        role,
        seq: this.#refusalSeq,
        until: untilMs,
        refused: amounts,
        nodes,
      });
    }
    here.isDirty = true;
  }

  #revive(here: FrameworkHere, role: string, now: number): void {
    const there = here.roles.get(role);
    if (!there) return;
    there.unanswered = 0;
    there.rescindedInRow = 0;
    there.refusedInRow = 0;
    here.isDirty = true;
    if (there.refusals.isEmpty) return;
    there.refusals.revive(now);
    this.#around.store.forgetRefusals(here.id, role);
  }

  /**
   * Once an interval at most, as Mesos allocates: whatever ends between is offered together, and the Broker hears of all of
   * it at once. @returns whether this turn is one
   */
  tick(now: number): boolean {
    if (now < this.#nextTickAt && now > this.#tickedAt) return false;
    this.#tickedAt = now;
    return true;
  }

  /** Somebody waits for what was given back: the Broker hears of it at once. */
  hasten(): void {
    this.#tickedAt = Number.NEGATIVE_INFINITY;
  }

  expireRefusals(now: number): void {
    if (!this.tick(now)) return;
    let isAny = false;
    for (const here of this.byId.values())
      for (const { refusals } of here.roles.values()) {
        if (!refusals.expire(now)) continue;
        here.isDirty = true;
        isAny = true;
      }
    if (isAny) this.#around.store.expireRefusals(now);
  }

  get #nextTickAt(): number {
    return this.#tickedAt + OFFER_INTERVAL_MS;
  }
  #tickedAt = Number.NEGATIVE_INFINITY;

  /** When offers lapse, or may be made again of what was refused. */
  nextAt(now: number): number | null {
    let next = this.#nextLapseAt;
    for (const { level, roles, waits } of this.byId.values()) {
      if (level.state !== "active") continue;
      next = Math.min(next, waits.nextAt ?? next);
      for (const { refusals } of roles.values()) next = Math.min(next, refusals.nextEndAt ?? next);
    }
    return Number.isFinite(next) ? Math.max(next, this.tickAt(now)) : null;
  }

  /** When the next interval begins. A clock that went back delays it no longer than one. */
  tickAt(now: number): number {
    return Math.max(now + 1, Math.min(this.#nextTickAt, now + OFFER_INTERVAL_MS));
  }

  // Offers.

  addOffer(offer: HeldOffer): void {
    this.#hold(offer);
    const { id, framework, role, node, partition, pieces, heldUntilMs } = offer;
    this.#around.store.addOffer({ id, framework, role, node, partition, pieces, heldUntil: heldUntilMs });
  }

  #hold(offer: HeldOffer): void {
    const here = this.byId.get(offer.framework);
    this.offers.set(offer.id, offer);
    this.#nextLapseAt = Math.min(this.#nextLapseAt, offer.heldUntilMs);
    here?.offers.add(offer);
    here?.uses.change("offered", offer, 1);
    if (here) here.isDirty = true;
    const there = this.#offersOn.get(offer.node) ?? new Set();
    this.#offersOn.set(offer.node, there.add(offer));
    this.#useReserved(offer.node, offer.pieces, 1);
    this.keep(offer.node, offer, { ...offer, devices: null, ports: [] });
  }

  dropOffer(offer: HeldOffer): void {
    if (!this.offers.delete(offer.id)) return;
    const here = this.byId.get(offer.framework);
    if (here?.offers.delete(offer)) here.uses.change("offered", offer, -1);
    if (here) here.isDirty = true;
    const there = this.#offersOn.get(offer.node);
    if (there?.delete(offer) && there.size === 0) this.#offersOn.delete(offer.node);
    this.letGo(offer.node, offer);
    this.#useReserved(offer.node, offer.pieces, -1);
    this.#around.store.removeOffer(offer.id);
  }

  /** Whether any may have lapsed by now; asked once, all must be looked at. */
  lapsesBy(now: number): boolean {
    if (!this.tick(now)) return false;
    const isBack = now < this.#lapsesAskedAt;
    this.#lapsesAskedAt = now;
    if (now < this.#nextLapseAt && !isBack) return false;
    this.#nextLapseAt = Number.POSITIVE_INFINITY;
    for (const { heldUntilMs } of this.offers.values())
      if (heldUntilMs > now) this.#nextLapseAt = Math.min(this.#nextLapseAt, heldUntilMs);
    return true;
  }
  #nextLapseAt = Number.POSITIVE_INFINITY;
  #lapsesAskedAt = Number.NEGATIVE_INFINITY;

  offersOn(node: string): Iterable<HeldOffer> {
    return this.#offersOn.get(node) ?? [];
  }

  // What is kept of nodes.

  /** @param key of whoever has it */
  keep(node: string, key: unknown, kept: Kept): void {
    const there = this.#kept.get(node) ?? new Map<unknown, Kept>();
    this.#kept.set(node, there.set(key, kept));
    const { asked, devices, ports } = kept;
    this.#around.placer.add(asked, { node, devices, ports });
    this.#around.touch(node);
  }

  letGo(node: string, key: unknown): void {
    const there = this.#kept.get(node);
    const kept = there?.get(key);
    if (!there || !kept) return;
    there.delete(key);
    if (there.size === 0) this.#kept.delete(node);
    const { asked, devices, ports } = kept;
    this.#around.placer.remove(asked, { node, devices, ports });
    this.#around.touch(node);
  }

  /** By partition. */
  amountsOn(node: string): ReadonlyMap<string, Resources> {
    const amounts = new Map<string, Resources>();
    for (const { partition, asked } of this.#kept.get(node)?.values() ?? [])
      amounts.set(partition, add(amounts.get(partition) ?? {}, asked.demand));
    return amounts;
  }

  // What is set aside.

  reservationsOn(node: string): Iterable<Reserved> {
    return this.#reserved.get(node)?.values() ?? [];
  }

  *reservations(): Generator<Reserved> {
    for (const there of this.#reserved.values()) yield* there.values();
  }

  /** What of the node is set aside for that role, or one that it is under, and free. */
  reservedFor(node: string, name: string): Piece[] {
    const pieces: Piece[] = [];
    for (const { piece, inUse } of this.reservationsOn(node))
      if (piece.reservation && isWithin(name, piece.reservation.role)) pieces.push(...restOf(piece, inUse));
    return pieces;
  }

  /** More, or with -1 less, of a node is set aside. */
  reserve(node: string, partition: string, role: string, pieces: readonly Piece[], sign: 1 | -1): void {
    for (const piece of mergePieces(pieces)) {
      const key = reservationKey(piece.reservation);
      const known = this.#reserved.get(node)?.get(key);
      const before = known ? [known.piece] : [];
      const [after] = sign === 1 ? mergePieces([...before, piece]) : (takePieces(before, [piece]) ?? []);
      if (known) this.#keepRest(known, () => this.#dropReserved(node, key));
      if (after === undefined) {
        this.#around.store.removeReservation(node, key);
        continue;
      }
      const row = { node, key, piece: after, role: known?.role ?? role, partition: known?.partition ?? partition };
      this.#around.store.saveReservation(row);
      this.#putReserved(row, known?.inUse);
    }
  }

  #putReserved({ node, key, piece, role, partition }: ReservationRow, inUse: Piece[] = []): void {
    const there = this.#reserved.get(node) ?? new Map<string, Reserved>();
    const reserved: Reserved = { node, partition, role, piece, inUse };
    this.#reserved.set(node, there.set(key, reserved));
    this.#keepRest(reserved);
  }

  #dropReserved(node: string, key: string): void {
    const there = this.#reserved.get(node);
    there?.delete(key);
    if (there?.size === 0) this.#reserved.delete(node);
  }

  /** What of it is in no offer and no task is kept from everyone. */
  #keepRest(reserved: Reserved, end?: () => void): void {
    const { node, partition, piece, inUse } = reserved;
    this.letGo(node, reserved);
    if (end) {
      end();
      return;
    }
    const rest = amountsOf(restOf(piece, inUse));
    if (Object.values(rest).some((amount) => amount > 0))
      this.keep(node, reserved, { partition, asked: askedFor(rest), devices: null, ports: [] });
  }

  /** Offers and tasks have so much more, or with -1 less, of what is set aside. */
  #useReserved(node: string, pieces: readonly Piece[], sign: 1 | -1): void {
    for (const piece of pieces) {
      if (piece.reservation === null) continue;
      const reserved = this.#reserved.get(node)?.get(reservationKey(piece.reservation));
      if (!reserved) continue;
      reserved.inUse =
        sign === 1 ? mergePieces([...reserved.inUse, piece]) : (takePieces(reserved.inUse, [piece]) ?? []);
      this.#keepRest(reserved);
    }
  }

  // Tasks.

  /** It was accepted, or is found again; a task of it may run, or is on its way to its node. */
  addTask(job: JobState): void {
    const { launched } = job;
    if (launched === null) return;
    const here = this.byId.get(launched.framework);
    here?.tasks.set(launched.taskId, job);
    if (here) here.isDirty = true;
    if (isOver(job)) {
      this.#over.add(job);
      return;
    }
    here?.uses.change("used", launched, 1);
    this.#useReserved(launched.node, launched.pieces, 1);
    if (job.fresh.length + job.retry.size > 0) this.launch(job);
  }

  /** It waits for its node to listen; its room is kept. */
  launch(job: JobState): void {
    const { launched } = job;
    if (launched === null || this.launching.has(job)) return;
    this.launching.add(job);
    const { node, partition, devices, ports } = launched;
    this.keep(node, job, { partition, asked: job.asked, devices, ports });
  }

  /** It is handed to its node, or shall not be. */
  launchedNow(job: JobState): void {
    if (job.launched === null || !this.launching.delete(job)) return;
    this.letGo(job.launched.node, job);
  }

  /** What it used is free again. */
  ended(job: JobState): void {
    const { launched } = job;
    if (launched === null || this.#over.has(job)) return;
    this.#over.add(job);
    this.launchedNow(job);
    this.byId.get(launched.framework)?.uses.change("used", launched, -1);
    this.#useReserved(launched.node, launched.pieces, -1);
    this.touched(job);
  }
  readonly #over = new WeakSet<JobState>();

  forgetTask(job: JobState): void {
    const { launched } = job;
    if (launched === null) return;
    const here = this.byId.get(launched.framework);
    if (here?.tasks.get(launched.taskId) === job) here.tasks.delete(launched.taskId);
  }

  touched({ launched }: JobState): void {
    const here = launched && this.byId.get(launched.framework);
    if (here) here.isDirty = true;
  }

  // What the Broker is told.

  /** As they are, of those of which it does not know what they have or would take. */
  untold(): FrameworkReport[] {
    return this.#unlike(
      (report, reported) =>
        JSON.stringify([report.uses, report.idle]) !== JSON.stringify([reported?.uses, reported?.idle]),
    );
  }

  /** The same and those of which it only does not know that they are as it said: that goes with the next report. */
  allUntold(): FrameworkReport[] {
    return this.#unlike((report, reported) => JSON.stringify(report) !== JSON.stringify(reported));
  }

  #unlike(isNews: (report: FrameworkReport, reported: FrameworkReport | null) => boolean): FrameworkReport[] {
    const version = this.offerable.version;
    const isSame = version === this.#reportedAt;
    const reports: FrameworkReport[] = [];
    let isAllKnown = true;
    for (const here of this.byId.values()) {
      if (!here.isDirty && isSame) continue;
      const report = frameworkReport(this, here);
      if (isNews(report, here.reported)) reports.push(report);
      if (JSON.stringify(report) === JSON.stringify(here.reported)) here.isDirty = false;
      else isAllKnown = false;
    }
    if (isAllKnown) this.#reportedAt = version;
    const reserved = reservedReport(this.reservations());
    if (JSON.stringify(reserved) !== this.#reservedReported) reports.push(reserved);
    return reports;
  }
  #reportedAt = -1;
  #reservedReported = JSON.stringify(reservedReport([]));

  /** The Broker is yet to hear that what it said last holds here. */
  get isAnyDirty(): boolean {
    for (const { isDirty } of this.byId.values()) if (isDirty) return true;
    return false;
  }

  told(reports: readonly FrameworkReport[]): void {
    for (const report of reports) {
      const here = this.byId.get(report.framework);
      if (here) Object.assign(here, { isDirty: false, reported: report });
      else if (report.framework === RESERVED) this.#reservedReported = JSON.stringify(report);
    }
    this.#reportedAt = this.offerable.version;
  }

  notTold(reports: readonly FrameworkReport[]): void {
    for (const { framework } of reports) {
      const here = this.byId.get(framework);
      if (here) Object.assign(here, { isDirty: true, reported: null });
      else if (framework === RESERVED) this.#reservedReported = "";
    }
  }

  tellAgain(): void {
    for (const here of this.byId.values()) Object.assign(here, { isDirty: true, reported: null });
    if (!this.isEmpty) this.#reservedReported = "";
  }

  // What is free.

  /** Looks at all nodes that changed since. */
  look(now: number): void {
    const { nodes, placer, homesOf, isUp } = this.#around;
    for (const name of this.#changed) {
      const node = nodes.get(name);
      if (!node) continue;
      const takesNew = node.inventory !== null && isUp(node, now);
      const free = takesNew
        ? freeFor(placer.freeOn(name), placer.wholeDevicesOn(name).length, placer.freePortsOn(name))
        : {};
      this.offerable.set(name, free, takesNew ? homesOf(name) : []);
    }
    this.#changed.clear();
  }

  /** It has other amounts or attributes, or is another machine: who refused it may want it now. */
  nodeChanged(name: string): void {
    const number = this.offerable.numberOf(name);
    for (const here of this.byId.values()) for (const { refusals } of here.roles.values()) refusals.forget(number);
    this.#unsuitable.clear();
  }

  /** Nodes that the role can't be offered, whatever is free there. */
  unsuitableFor(here: FrameworkHere, role: RoleHere): NodeSet {
    const known = this.#unsuitable.get(role);
    if (known?.level === here.level) return known.nodes;
    const nodes = new NodeSet();
    for (const node of this.#around.nodes.values()) {
      if (node.inventory === null) continue;
      if (!isSuitable(node.inventory, this.attributesOf(node), here.level, role.wish))
        nodes.add(this.offerable.numberOf(node.name));
    }
    this.#unsuitable.set(role, { level: here.level, nodes });
    return nodes;
  }

  attributesOf(node: NodeState): Record<string, string> {
    return this.#around.attributesOf(node);
  }

  agentOf({ name, serial }: Pick<NodeState, "name" | "serial">): string {
    return agentId(this.#around.cluster, name, serial);
  }
}

const restOf = (piece: Piece, inUse: readonly Piece[]): Piece[] => takePieces([piece], inUse) ?? [];

/** What is kept asks nothing of a node. */
export const askedFor = (resources: Resources): Asked =>
  askedOf("", {
    name: "",
    resources,
    constraints: [],
    preferences: [],
    apart: [],
    spread: [],
    ports: [],
    role: "",
    driver: "process",
  });
