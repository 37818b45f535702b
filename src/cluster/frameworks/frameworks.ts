/**
 * The frameworks that a Cluster knows, and what is held on its nodes for them: offers, tasks on their way to a node, and
 * parts that are set aside for a role. A cache of rows: nothing of it is lost with the memory.
 */
import { agentId, type Piece } from "../../model/framework.ts";
import { amountsOf, devicesIn, hasDevices, mergePieces, portsIn, reservationKey } from "../../model/pieces.ts";
import { type Resources, resourcesKey } from "../../model/resources.ts";
import { type FrameworkLevel, type FrameworkReport, RESERVED } from "../../protocol/frameworks.ts";
import type { Placer } from "../../scheduling/place/placer.ts";
import { isOver, type JobState, type NodeState } from "../state.ts";
import type { ClusterStore } from "../store.ts";
import { askedFor, Kept } from "./kept.ts";
import type { NodeSet } from "./nodeSet.ts";
import { freeFor, Offerable } from "./offerable.ts";
import { Reservations } from "./reservations.ts";
import { FrameworkHere, type HeldOffer, OFFER_TIMEOUT_MS, RoleHere } from "./state.ts";
import { Suitability } from "./suitability.ts";
import { frameworkReport } from "./uses.ts";
import { OFFER_INTERVAL_MS } from "./waits.ts";

/** Offers that a Framework object is to hear of one by one that they hold no more. */
const MAX_RESCINDED = 10_000;

/** What it needs to know of its cluster. */
export interface Surroundings {
  cluster: string;
  store: ClusterStore;
  placer: Placer;
  nodes: ReadonlyMap<string, NodeState>;
  touch(node: string): void;
  saveGrant(job: JobState): void;
  isUp(node: NodeState, now: number): boolean;
  attributesOf(node: NodeState): Record<string, string>;
  homesOf(node: string): readonly string[];
}

export class Frameworks {
  readonly #around: Surroundings;
  readonly byId = new Map<string, FrameworkHere>();
  readonly offers = new Map<string, HeldOffer>();
  readonly #askedToLeave = new Map<string, Set<FrameworkHere>>();
  readonly #offersOn = new Map<string, Set<HeldOffer>>();
  /** by node, tasks that were accepted and are not handed to it yet */
  readonly #launching = new Map<string, Set<JobState>>();
  readonly kept: Kept;
  readonly reservations: Reservations;
  readonly offerable = new Offerable();
  readonly #suitability: Suitability<NodeState>;
  readonly #changed: Set<string>;
  #refusalSeq = 0;

  /** @param changed names of nodes that are otherwise; emptied here */
  constructor(around: Surroundings, changed: Set<string>) {
    this.#around = around;
    this.#changed = changed;
    const { store, nodes } = around;
    this.#suitability = new Suitability({
      nodes,
      attributesOf: (node) => around.attributesOf(node),
      numberOf: (node) => this.offerable.numberOf(node),
    });
    this.kept = new Kept(around.placer, around.touch);
    this.reservations = new Reservations(store, this.kept);
    for (const { id, gen, level, limits, toldWhole, notes } of store.frameworks()) {
      const here = new FrameworkHere(level);
      Object.assign(here, { gen, limits, toldWhole });
      this.byId.set(id, here);
      this.#setRoles(here, level, 0);
      here.recall(notes);
      for (const node of here.inverseOffers.keys()) this.askedToLeave(node).add(here);
    }
    for (const row of store.offers()) {
      const { heldUntil, ...offer } = row;
      this.#hold({ ...offer, heldUntilMs: heldUntil, mayBeKnown: true, asked: askedFor(amountsOf(row.pieces)) });
    }
    for (const { framework, role, seq, until, refused, nodes } of store.refusals()) {
      this.#refusalSeq = Math.max(this.#refusalSeq, seq);
      const there = this.byId.get(framework)?.roles.get(role);
      for (const node of nodes) there?.refusals.put(this.offerable.numberOf(node), refused, until);
    }
  }

  get isEmpty(): boolean {
    return this.byId.size === 0 && this.reservations.isEmpty;
  }

  // Levels.

  apply(level: FrameworkLevel, told: Pick<FrameworkHere, "gen" | "limits">, now: number): FrameworkHere {
    const here = this.byId.get(level.id) ?? new FrameworkHere(level);
    this.byId.set(level.id, here);
    here.gen = told.gen;
    here.limits = told.limits;
    here.level = level;
    here.touch();
    this.#setRoles(here, level, now);
    this.save(here);
    return here;
  }

  #setRoles(here: FrameworkHere, level: FrameworkLevel, now: number): void {
    for (const [name, role] of [...here.roles])
      if (!level.roles.some((wish) => wish.name === name)) {
        here.roles.delete(name);
        this.#suitability.forget(role);
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

  save(here: FrameworkHere): void {
    const { id, gen, level, limits, toldWhole } = here;
    const { notes } = here;
    here.noted = JSON.stringify(notes);
    this.#around.store.saveFramework({ id, gen, level, limits, toldWhole, notes });
  }

  /** Something that is noted of it may be otherwise. */
  note(here: FrameworkHere): void {
    this.#unnoted.add(here);
  }
  readonly #unnoted = new Set<FrameworkHere>();

  saveNotes(): void {
    for (const here of this.#unnoted) {
      const { notes } = here;
      const noted = JSON.stringify(notes);
      if (noted === here.noted || this.byId.get(here.id) !== here) continue;
      here.noted = noted;
      this.#around.store.saveNotes(here.id, notes);
    }
    this.#unnoted.clear();
  }

  remove(here: FrameworkHere): void {
    this.byId.delete(here.id);
    for (const role of here.roles.values()) this.#suitability.forget(role);
    for (const asked of this.#askedToLeave.values()) asked.delete(here);
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
    here.touch();
  }

  #revive(here: FrameworkHere, role: string, now: number): void {
    const there = here.roles.get(role);
    if (!there) return;
    there.askAgain();
    this.note(here);
    here.touch();
    if (there.refusals.isEmpty) return;
    there.refusals.revive(now);
    this.#around.store.forgetRefusals(here.id, role);
  }

  /**
   * Once an interval at most, as Mesos allocates: whatever ends between is offered together, and the Broker hears of all of
   * it at once. Asked by each turn when it ends. @returns whether this turn is one
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
    let isAny = false;
    for (const here of this.byId.values())
      for (const { refusals } of here.roles.values()) {
        if (!refusals.expire(now)) continue;
        here.touch();
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
    here?.touch();
    const there = this.#offersOn.get(offer.node) ?? new Set();
    this.#offersOn.set(offer.node, there.add(offer));
    this.reservations.use(offer.node, offer.pieces, 1);
    const { pieces } = offer;
    this.kept.keep(offer.node, offer, { ...offer, devices: devicesIn(pieces), ports: [], portRanges: portsIn(pieces) });
  }

  dropOffer(offer: HeldOffer): void {
    if (!this.offers.delete(offer.id)) return;
    // Nobody looks for those that lapse when there are none.
    if (this.offers.size === 0) this.#nextLapseAt = Number.POSITIVE_INFINITY;
    const here = this.byId.get(offer.framework);
    if (here?.offers.delete(offer)) here.uses.change("offered", offer, -1);
    here?.touch();
    const there = this.#offersOn.get(offer.node);
    if (there?.delete(offer) && there.size === 0) this.#offersOn.delete(offer.node);
    this.kept.letGo(offer.node, offer);
    this.reservations.use(offer.node, offer.pieces, -1);
    this.#around.store.removeOffer(offer.id);
  }

  /** It holds no more, and its Framework object is told so until it has heard that. */
  rescind(offer: HeldOffer): void {
    this.dropOffer(offer);
    const here = this.byId.get(offer.framework);
    if (!here || !offer.mayBeKnown) return;
    here.rescinded.add(offer.id);
    if (here.rescinded.size > MAX_RESCINDED) {
      // It is told all that there is, which says as much.
      here.rescinded.clear();
      here.toldWhole = 0;
      this.save(here);
    }
    this.note(here);
  }

  /** Those that nobody has answered in time: all are looked at only if there may be some. */
  lapsed(now: number): HeldOffer[] {
    const isBack = now < this.#lapsesAskedAt;
    this.#lapsesAskedAt = now;
    if (now < this.#nextLapseAt && !isBack) return [];
    const lapsed: HeldOffer[] = [];
    this.#nextLapseAt = Number.POSITIVE_INFINITY;
    for (const offer of this.offers.values()) {
      // A clock that went back keeps nothing longer than was said.
      if (offer.heldUntilMs <= now || offer.heldUntilMs > now + OFFER_TIMEOUT_MS) lapsed.push(offer);
      else this.#nextLapseAt = Math.min(this.#nextLapseAt, offer.heldUntilMs);
    }
    return lapsed;
  }
  #nextLapseAt = Number.POSITIVE_INFINITY;
  #lapsesAskedAt = Number.NEGATIVE_INFINITY;

  isAnyAskedToLeave(node: string): boolean {
    return (this.#askedToLeave.get(node)?.size ?? 0) > 0;
  }

  /** Who was asked to leave the node; for whoever asks to keep. */
  askedToLeave(node: string): Set<FrameworkHere> {
    const asked = this.#askedToLeave.get(node) ?? new Set();
    this.#askedToLeave.set(node, asked);
    return asked;
  }

  offersOn(node: string): Iterable<HeldOffer> {
    return this.#offersOn.get(node) ?? [];
  }

  // Tasks.

  /** It was accepted, or is found again; a task of it may run, or is on its way to its node. */
  addTask(job: JobState): void {
    const { launched } = job;
    if (launched === null) return;
    const here = this.byId.get(launched.framework);
    here?.addTask(job, launched);
    here?.touch();
    if (isOver(job)) {
      this.#over.add(job);
      return;
    }
    here?.uses.change("used", launched, 1);
    this.reservations.use(launched.node, launched.pieces, 1);
    if (job.fresh.length + job.retry.size > 0) this.launch(job);
  }

  /** It waits for its node to listen; its room is kept. */
  launch(job: JobState): void {
    const { launched } = job;
    if (launched === null) return;
    const { node, partition, devices, ports } = launched;
    const there = this.#launching.get(node) ?? new Set();
    if (there.has(job)) return;
    this.#launching.set(node, there.add(job));
    this.kept.keep(node, job, { partition, asked: job.asked, devices, ports });
  }

  /** It is handed to its node, or shall not be. */
  launchedNow(job: JobState): void {
    const { node = "" } = job.launched ?? {};
    const there = this.#launching.get(node);
    if (!there?.delete(job)) return;
    if (there.size === 0) this.#launching.delete(node);
    this.kept.letGo(node, job);
  }

  launchingOn(node: string): Iterable<JobState> {
    return this.#launching.get(node) ?? [];
  }

  /** Nodes that what was launched waits for. */
  get awaitedNodes(): Iterable<string> {
    return this.#launching.keys();
  }

  /** What it used is free again. */
  ended(job: JobState): void {
    const { launched } = job;
    if (launched === null || this.#over.has(job)) return;
    this.#over.add(job);
    this.launchedNow(job);
    this.byId.get(launched.framework)?.uses.change("used", launched, -1);
    this.reservations.use(launched.node, launched.pieces, -1);
    this.touched(job);
  }
  readonly #over = new WeakSet<JobState>();

  forgetTask(job: JobState): void {
    const { launched } = job;
    if (launched === null) return;
    const here = this.byId.get(launched.framework);
    if (here?.forgetTask(job, launched)) here.touch();
  }

  touched({ launched }: JobState): void {
    const here = launched && this.byId.get(launched.framework);
    here?.touch();
  }

  // What the Broker is told.

  /** Whether there may be something that the Broker decides by and does not know. */
  get mayHaveNews(): boolean {
    for (const here of this.byId.values()) if (here.isNews || this.#isStale(here)) return true;
    return this.#isReservedNews;
  }

  /** Looks at all that changed. @returns whether there is something that the Broker decides by and does not know */
  hasNews(): boolean {
    for (const here of this.byId.values()) this.#look(here);
    return this.mayHaveNews;
  }

  /** Those that are not as they were told, also where it only does not know that they are as it said. */
  untold(): FrameworkReport[] {
    const reports = [...this.byId.values()].flatMap((here) => this.#look(here) ?? []);
    return this.#isReservedNews ? [...reports, this.reservations.report] : reports;
  }

  /** @returns null when it is as it was told */
  #look(here: FrameworkHere): FrameworkReport | null {
    const { reported } = here;
    const report = this.#reportOf(here);
    here.isDirty &&= JSON.stringify(report) !== JSON.stringify(reported);
    here.isNews =
      here.isDirty && JSON.stringify([report.uses, report.idle]) !== JSON.stringify([reported?.uses, reported?.idle]);
    return here.isDirty ? report : null;
  }

  #reportOf(here: FrameworkHere): FrameworkReport {
    if (here.report === null || this.#isStale(here)) {
      here.report = frameworkReport(this, here);
      here.reportOf = this.offerable.version;
      here.isDirty = true;
    }
    return here.report;
  }

  /** Of one that may be offered all that is free the rest does not depend on it. */
  #isStale(here: FrameworkHere): boolean {
    if (here.report === null) return true;
    if (here.reportOf === this.offerable.version) return false;
    for (const role of here.roles.values())
      if (role.isAsking && (!role.refusals.isEmpty || this.unsuitableFor(here, role).size > 0)) return true;
    return false;
  }

  get #isReservedNews(): boolean {
    return this.reservations.report !== this.#reservedReported;
  }
  /** null: the Broker may not know what is set aside, or that nothing is any more */
  #reservedReported: FrameworkReport | null = null;

  /** The Broker is yet to hear that what it said last holds here. */
  get isAnyDirty(): boolean {
    for (const { isDirty } of this.byId.values()) if (isDirty) return true;
    return false;
  }

  told(reports: readonly FrameworkReport[]): void {
    for (const report of reports) {
      const here = this.byId.get(report.framework);
      if (here) Object.assign(here, { isDirty: false, isNews: false, reported: report });
      else if (report.framework === RESERVED) this.#reservedReported = report;
    }
  }

  /** Those that have nothing here are as they were told before this object slept: what changes then is seen from now on. */
  assumeTold(): void {
    for (const here of this.byId.values())
      if (!here.hasAny && here.level.state !== "removed") this.told([this.#reportOf(here)]);
    if (this.reservations.isEmpty) this.told([this.reservations.report]);
  }

  /** What is told of some changes without anyone saying so. */
  get isAnyInUse(): boolean {
    if (!this.reservations.isEmpty) return true;
    for (const here of this.byId.values()) if (here.hasAny || here.isDirty) return true;
    return false;
  }

  notTold(reports: readonly FrameworkReport[]): void {
    for (const { framework } of reports) {
      this.byId.get(framework)?.tellAgain();
      if (framework === RESERVED) this.#reservedReported = null;
    }
  }

  tellAgain(): void {
    for (const here of this.byId.values()) here.tellAgain();
    this.#reservedReported = null;
  }

  // What is set aside.

  /** Not more than so much of the node is; what tasks have of the rest they keep as if it had never been. */
  limitReserved(node: string, capacity: Resources): void {
    const dropped = this.reservations.limit(node, capacity);
    if (dropped.size === 0) return;
    const isDropped = ({ reservation }: Piece): boolean => dropped.has(reservationKey(reservation));
    for (const offer of [...this.offersOn(node)]) if (offer.pieces.some(isDropped)) this.rescind(offer);
    for (const here of this.byId.values())
      for (const job of here.tasks.values()) {
        const { launched } = job;
        if (launched?.node !== node || isOver(job) || !launched.pieces.some(isDropped)) continue;
        const pieces = launched.pieces.map((piece) => (isDropped(piece) ? { ...piece, reservation: null } : piece));
        here.uses.change("used", launched, -1);
        job.launched = { ...launched, pieces: mergePieces(pieces) };
        here.uses.change("used", job.launched, 1);
        here.touch();
        this.#around.saveGrant(job);
      }
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
  nodeChanged(node: NodeState): void {
    const { name, inventory, removed } = node;
    const capacity = removed ? {} : (inventory?.capacity ?? {});
    this.limitReserved(name, capacity);
    for (const offer of [...this.offersOn(name)]) if (!hasDevices(capacity, offer.pieces)) this.rescind(offer);
    const number = this.offerable.numberOf(name);
    for (const here of this.byId.values())
      for (const [role, { refusals }] of here.roles)
        if (refusals.forget(number)) this.#around.store.forgetRefused(here.id, role, name);
    this.#suitability.nodeChanged(node);
  }

  /** Nodes that the role can't be offered, whatever is free there. */
  unsuitableFor({ level }: FrameworkHere, role: RoleHere): NodeSet {
    return this.#suitability.unsuitableFor(level, role);
  }

  attributesOf(node: NodeState): Record<string, string> {
    return this.#around.attributesOf(node);
  }

  agentOf({ name, serial }: Pick<NodeState, "name" | "serial">): string {
    return agentId(this.#around.cluster, name, serial);
  }
}
