/** Everything a Cluster knows at hand: its rows loaded, and the look-ups that the steps beside this file share. */
import { type PartitionSpec, REST, restSpec } from "../model/partition.ts";
import { add, type Resources } from "../model/resources.ts";
import type { ClusterEvent } from "../protocol/levels.ts";
import { nothingLearned } from "../scheduling/packing/learned.ts";
import { Placer } from "../scheduling/place/placer.ts";
import { Candidates } from "./candidates.ts";
import { Followed } from "./drill/followed.ts";
import { Frameworks } from "./frameworks/frameworks.ts";
import { jobIdOf } from "./frameworks/jobIds.ts";
import { GangTimes } from "./gangTimes.ts";
import { HeldPolls } from "./heldPolls.ts";
import { Holds } from "./holds.ts";
import { Making } from "./making.ts";
import { NodeAccounts } from "./nodeAccounts.ts";
import { partitionsOf } from "./partitions.ts";
import { Revs } from "./revs.ts";
import { OVERDUE_MS } from "./rules.ts";
import type { Waits } from "./schema.ts";
import {
  attemptsOf,
  type DirtWatcher,
  isLeaving,
  isWaiting,
  type JobState,
  jobState,
  type LeavingLive,
  type Live,
  leavingRow,
  type NodeState,
  type Silence,
} from "./state.ts";
import type { ClusterStore, GrantRow, SelfRow } from "./store.ts";
import { UseTally } from "./tally.ts";
import { Tellings } from "./tellings.ts";

/** Silence after which nothing new is placed on a node. */
const SUSPECT_MS = 60_000;

/** What was learned is stored when it has changed by so much: losing a little of it costs nothing. */
const LEARNED_PART = 0.1;

/** `recoverMs` of an object that has lost nothing. */
export const NOT_RECOVERING = -1;

export class ClusterMemory {
  readonly store: ClusterStore;
  readonly nodes = new Map<string, NodeState>();
  readonly jobs = new Map<string, JobState>();
  /** those of them that are the league's own: frameworks' may be very many, and are nobody's to place or to stop for others */
  readonly submitted = new Map<string, JobState>();
  /** nodes that are drained by themselves, whether or not the cluster is */
  readonly drained = new Set<NodeState>();
  /** what may be running, by node */
  readonly #liveByNode = new Map<string, Set<Live>>();
  /** room that is being made for those with a right to it; lost with the memory */
  readonly making = new Making();
  /** what is free on each node */
  readonly placer: Placer;
  /** room that is kept */
  readonly holds: Holds;
  readonly gangTimes = new GangTimes();
  readonly frameworks: Frameworks;
  /** what was live when the last fire drill began */
  readonly followed: Followed;
  readonly revs: Revs;
  /** nodes that fell silent or were removed, and frameworks were not told */
  readonly lostAgents = new Set<string>();
  /** told of what frameworks launched, as `tellings` is of the rest */
  launchedTelling: DirtWatcher = { dirtied: () => {} };
  /** by job, as its row has them */
  readonly waits = new Map<string, Waits>();
  /** rises when there may be room where there was none */
  freed = 0;
  /** nodes that have more room since this was looked at, and not only as what was kept for a gang is let go of */
  readonly vacated = new Set<string>();
  #learnedSaved: number;
  /** what each node adds to the accounts, and the accounts */
  readonly nodeAccounts: NodeAccounts;
  readonly #watched: Set<string>[] = [];
  /** nodes of which the placer does not know whether they are up and listen */
  readonly unstated = this.watchNodes();
  /** nodes that may listen by now for what was launched on them */
  readonly unasked = this.watchNodes();
  /** by node that spoke lately: until when it is taken for one that will soon again */
  readonly spoken = new Map<string, number>();
  statedAt = Number.NEGATIVE_INFINITY;
  /** jobs of which the Broker does not know all */
  readonly tellings = new Tellings();
  /** the Broker's: what a framework launched waits for one node and no other */
  readonly #waiting = new Candidates<JobState>((job) => job.launched === null && isWaiting(job));
  /** jobs whose tasks went for want of room on one node, and may come again */
  readonly fragmented = new Candidates<JobState>(({ lacksIn }) => lacksIn.length > 0);
  /** jobs of which an earlier incarnation may have handed out something */
  readonly unrecovered = new Candidates<JobState>((job) => job.limbo.length > 0 || job.live.hasAdopted);
  /** jobs with earlier attempts that run on */
  readonly leavers = new Candidates<JobState>((job) => job.leaving.size > 0);
  #jobs = 0;
  /** of nodes that wait to be given something */
  readonly heldPolls = new HeldPolls((node) => this.touch(node));
  /** by `node/session` */
  readonly silences = new Map<string, Silence>();
  readonly #sessions = new Map<string, Set<Silence>>();
  /** what happened and the Broker does not know yet */
  events: ClusterEvent[] = [];
  /** in order, `default` last */
  partitions: PartitionSpec[];
  /** of jobs that are over */
  readonly folded: UseTally;
  readonly builtAt: number;
  /** these rows come from a backup, and this is the first life with them */
  isRestored = false;
  readonly cluster: string;
  self: Omit<SelfRow, "id">;
  /** the Broker answered a report of this life: it has told what it knows */
  brokerAnswered = false;

  constructor(store: ClusterStore, cluster: string, generation: number, now: number) {
    this.store = store;
    this.cluster = cluster;
    this.builtAt = now;
    const known = store.self();
    if (known && known.generation === generation) {
      const { noNodesSince } = known;
      this.self = { ...known, noNodesSince: noNodesSince === null ? null : Math.min(noNodesSince, now) };
    } else {
      this.self = {
        incarnation: Math.max(now, (known?.incarnation ?? 0) + 1),
        generation,
        revBlock: 0,
        recoverMs: known ? 0 : NOT_RECOVERING,
        // What a backup does not name the Broker may not know either, if it was restored too, and hand out again.
        renewsUnknown: known === undefined && generation === 0,
        broker: 0,
        drain: known?.drain ?? null,
        noNodesSince: null,
        // One of the time of the backup is not what anybody wants now.
        drill: null,
        requests: known?.requests ?? [],
        usedSince: 0,
      };
      this.self.usedSince = this.self.incarnation;
      this.isRestored = known !== undefined;
      store.saveSelf(this.self);
      if (known) store.forgetUnfinished();
    }
    this.followed = new Followed(store);
    if (this.self.drill !== null) this.followed.recall(this.self.drill.finalAtMs === null);
    for (const row of store.nodes()) {
      this.nodes.set(row.name, {
        ...row,
        seq: 0,
        seenAt: now,
        expectMs: 0,
        rest: "awake",
        pressure: [],
        ghosts: new Map(),
        isSilent: false,
      });
    }
    for (const node of this.nodes.values()) if (node.drain && !node.removed) this.drained.add(node);
    const specs = store.partitions().map(({ spec }) => spec);
    const rest = specs.find(({ name }) => name === REST) ?? restSpec();
    this.partitions = [...specs.filter(({ name }) => name !== REST), rest];
    this.folded = new UseTally(store.uses());
    this.placer = new Placer(store.learned() ?? nothingLearned());
    this.holds = new Holds(this.placer, (node) => this.touch(node));
    this.#learnedSaved = this.placer.learned.seen;
    this.revs = new Revs(this.self.revBlock, (revBlock) => {
      this.self = { ...this.self, revBlock };
      store.saveSelf(this.self);
    });
    this.nodeAccounts = new NodeAccounts(this);
    this.frameworks = new Frameworks(
      {
        cluster,
        store,
        placer: this.placer,
        nodes: this.nodes,
        touch: (node) => this.touch(node),
        saveGrant: (job) => this.saveGrant(job),
        isUp: (node, at) => this.isUp(node, at),
        attributesOf: (node) => this.attributesOf(node),
        homesOf: (node) => this.nodeAccounts.homesOf(node),
      },
      this.watchNodes(),
    );
    for (const node of this.nodes.values()) this.nodeChanged(node);
    // They are as they were.
    this.vacated.clear();
    for (const row of store.liveGrants()) {
      const job = this.jobOf(row);
      this.putJob(job);
      if (row.waits !== null) this.waits.set(row.job, row.waits);
    }
    for (const { node: name, session, silentMs, dueAt, isSilent } of store.silences()) {
      this.#addSilence({ node: name, session, silentMs, lastTickAt: now, isMass: false });
      const node = this.nodes.get(name);
      if (node?.session !== session) continue;
      node.isSilent = isSilent;
      node.seenAt = Math.min(now, dueAt ?? now);
    }
  }

  // What changed.

  /** Something of the node is otherwise: what it has, whether it is up, what runs or is stopped on it, who waits for it. */
  touch(node: string): void {
    this.nodeAccounts.changed(node);
    for (const changed of this.#watched) changed.add(node);
  }

  touchAll(): void {
    this.nodeAccounts.changedAll();
    for (const name of this.nodes.keys()) for (const changed of this.#watched) changed.add(name);
  }

  /** Names of the nodes that were touched, all to begin with; who watches empties it. */
  watchNodes(): Set<string> {
    const changed = new Set(this.nodes.keys());
    this.#watched.push(changed);
    return changed;
  }

  addNode(node: NodeState): void {
    this.nodes.set(node.name, node);
    this.touch(node.name);
  }

  /** As its rows tell. */
  jobOf(row: GrantRow): JobState {
    return jobState(row, this.store.tasksOf(row.job), this.store.attemptsOf(row.job), this.builtAt);
  }

  /** What runs of it counts from now on. */
  putJob(job: JobState): void {
    if (this.jobs.get(job.id) !== job) {
      job.age = this.#jobs++;
      this.jobs.set(job.id, job);
      if (job.launched === null) this.submitted.set(job.id, job);
      for (const live of attemptsOf(job)) this.#index(live);
      this.frameworks.addTask(job);
    } else if (job.action === "cancel") for (const live of attemptsOf(job)) this.touch(live.node);
    job.watch(job.launched === null ? this.tellings : this.launchedTelling);
    this.#waiting.add(job);
    this.unrecovered.add(job);
    this.leavers.add(job);
  }

  /** Those that may want a place for a task: what is to move waits nowhere. */
  placeableJobs(): JobState[] {
    if (this.self.drain === null && this.drained.size === 0) return this.waitingJobs();
    return [...this.submitted.values()];
  }

  /** Those with tasks that wait here, the oldest first. */
  waitingJobs(): JobState[] {
    return [...this.#waiting].sort((a, b) => a.age - b.age);
  }

  /** So many tasks of the job came here for the first time. */
  arrived({ asked }: JobState, tasks: number): void {
    if (tasks === 0) return;
    this.placer.arrive(asked, tasks);
    const { learned } = this.placer;
    if (Math.abs(learned.seen - this.#learnedSaved) < Math.max(20, learned.seen * LEARNED_PART)) return;
    this.#learnedSaved = learned.seen;
    this.store.saveLearned(learned);
  }

  /** What it has, or accepts, is otherwise, or it was removed. */
  nodeChanged(node: NodeState): void {
    const { name, inventory, removed } = node;
    this.touch(name);
    this.holds.releaseOn(name);
    this.vacate(name);
    if (removed || inventory === null) {
      this.placer.removeNode(name);
      return;
    }
    const attributes = this.attributesOf(node);
    const { capacity, roles = null, drivers, ports = [] } = inventory;
    const partitions = partitionsOf(this.partitions, attributes);
    this.placer.setNode({ name, capacity, attributes, roles, drivers, partitions, ports });
  }

  partitionsChanged(): void {
    this.touchAll();
    for (const node of this.nodes.values()) this.nodeChanged(node);
  }

  /** Attempts that it runs and that are not ours to renew: what was kept or offered there, when they were not known, may not fit. */
  setGhosts(node: NodeState, ghosts: Map<string, Resources>): void {
    if (ghosts.size === 0 && node.ghosts.size === 0) return;
    const isLess = [...node.ghosts.keys()].some((one) => !ghosts.has(one));
    const isMore = [...ghosts.keys()].some((one) => !node.ghosts.has(one));
    node.ghosts = ghosts;
    if (isMore) {
      this.holds.releaseOn(node.name);
      for (const offer of [...this.frameworks.offersOn(node.name)]) this.frameworks.rescind(offer);
    }
    this.touch(node.name);
    this.freed += 1;
    if (isLess) this.vacate(node.name);
    this.keepRoom(node.name);
  }

  /** It may have room for what found none. */
  vacate(node: string): void {
    this.vacated.add(node);
    this.freed += 1;
  }

  /** What is in use on a node beside its attempts: what nobody here knows, and what is kept for those it was made for. */
  keepRoom(name: string, kept: Resources = this.making.keptOn(name)): void {
    let extra = kept;
    let hasUnknownPorts = false;
    for (const ghost of this.nodes.get(name)?.ghosts.values() ?? []) {
      extra = add(extra, ghost);
      hasUnknownPorts ||= (ghost.ports ?? 0) > 0;
    }
    this.placer.setExtra(name, extra, hasUnknownPorts);
  }

  /** @param most so many of the places stay */
  release(key: string, most = 0): void {
    if (this.holds.get(key) === undefined) return;
    this.holds.release(key, most);
    this.freed += 1;
  }

  /** Of a job that is over here: nothing of it runs. */
  dropJob(id: string): boolean {
    const job = this.jobs.get(id);
    if (job) this.tellings.delete(job);
    this.submitted.delete(id);
    return this.jobs.delete(id);
  }

  /** No job of this league has it. */
  newJobId(): string {
    const id = jobIdOf(`${this.cluster}/${this.self.incarnation}/${this.revs.next()}`);
    return this.jobs.has(id) ? this.newJobId() : id;
  }

  newOfferId(): string {
    return `${this.cluster}.${this.self.incarnation.toString(36)}.${this.revs.next()}`;
  }

  /** Whether a node is heard changes what is told of all that frameworks run there. */
  dirtyLaunchedOn(node: string): void {
    for (const job of this.launchedOn(node)) job.dirty = "now";
  }

  /** What frameworks launched that runs there, or is on its way there. */
  *launchedOn(node: string): Generator<JobState> {
    for (const { job } of this.liveOn(node)) if (job.launched !== null) yield job;
    yield* this.frameworks.launchingOn(node);
  }

  /** The task's newest hand-out, which may be running. */
  addLive(live: Live): void {
    const { job, index } = live;
    const before = job.live.get(index);
    if (before) this.#unindex(before);
    job.live.set(index, live);
    this.#index(live);
  }

  /** The newest one or one that leaves: nothing of it runs. */
  dropLive(live: Live): void {
    const { job, index } = live;
    if (job.live.get(index) === live) job.live.delete(index);
    if (isLeaving(live) && job.leaving.get(index) === live) {
      job.leaving.delete(index);
      this.store.leave(job.id, index, null);
    }
    this.#unindex(live);
    // It may be tried again here, or be nobody knows where.
    this.#waiting.add(job);
    this.unrecovered.add(job);
  }

  /** Another attempt takes its place; until that runs it runs on where it is. */
  leave(live: Live): void {
    const { job, index } = live;
    job.live.delete(index);
    const leaving: LeavingLive = Object.assign(live, { leavesAtMs: null });
    job.leaving.set(index, leaving);
    this.leavers.add(job);
    this.#liveChanged(live);
    this.saveLeaving(leaving);
  }

  saveLeaving(live: LeavingLive): void {
    this.store.leave(live.job.id, live.index, leavingRow(live));
  }

  #index(live: Live): void {
    const there = this.#liveByNode.get(live.node) ?? new Set();
    if (there.has(live)) return;
    this.#liveByNode.set(live.node, there.add(live));
    this.#liveChanged(live);
    this.placer.add(live.job.asked, live);
  }

  #unindex(live: Live): void {
    const there = this.#liveByNode.get(live.node);
    if (!there?.delete(live)) return;
    if (there.size === 0) this.#liveByNode.delete(live.node);
    this.#liveChanged(live);
    this.placer.remove(live.job.asked, live);
    this.vacate(live.node);
  }

  /** What runs, or how it counts. */
  #liveChanged({ job, node }: Live): void {
    this.touch(node);
    if (job.launched === null) this.tellings.changed(job);
    if (job.live.hasAdopted) this.unrecovered.add(job);
  }

  liveOn(node: string): Iterable<Live> {
    return this.#liveByNode.get(node) ?? [];
  }

  /** A removed node's name is given anew only when nothing of it can still run: attempts are told apart by it. */
  isFree(name: string): boolean {
    const node = this.nodes.get(name);
    if (!node) return true;
    return node.removed && !this.#sessions.has(name) && !this.#liveByNode.has(name);
  }

  saveNode(node: NodeState): void {
    this.touch(node.name);
    const { name, joinKey, serial, session, nonce, boot, inventory, paused, removed, drain } = node;
    this.store.saveNode({ name, joinKey, serial, session, nonce, boot, inventory, paused, removed, drain });
  }

  saveGrant(job: JobState): void {
    const { id, gen, action, limits, supply, returned, template, claim, yields, launched } = job;
    const row = { job: id, gen, action, limits, supply, returned, template, claim, yields, launched };
    this.store.saveGrant({ ...row, ended: false });
  }

  /** Places on it what is new. */
  isUp(node: NodeState, now: number): boolean {
    return (
      !node.removed &&
      !node.paused &&
      !this.isDrained(node) &&
      node.inventory !== null &&
      node.pressure.length === 0 &&
      !this.isSuspect(node, now)
    );
  }

  /** It shall be empty, by itself or with its cluster. */
  isDrained(node: NodeState): boolean {
    return node.drain !== null || this.self.drain !== null;
  }

  isSuspect(node: NodeState, now: number): boolean {
    return node.isSilent || now >= this.suspectAt(node);
  }

  /** When it will be, if it stays silent. */
  suspectAt(node: NodeState): number {
    return node.seenAt + Math.max(SUSPECT_MS, node.expectMs + OVERDUE_MS) + 1;
  }

  usedOn(node: NodeState): Resources {
    let used: Resources = {};
    for (const live of this.liveOn(node.name)) used = add(used, live.job.template.resources);
    for (const resources of node.ghosts.values()) used = add(used, resources);
    return used;
  }

  upNodes(now: number): NodeState[] {
    return [...this.nodes.values()].filter((node) => this.isUp(node, now));
  }

  attributesOf(node: NodeState): Record<string, string> {
    return { ...node.inventory?.attributes, node: node.name, cluster: this.cluster };
  }

  // Partitions.

  spec(name: string): PartitionSpec {
    return this.partitions.find((spec) => spec.name === name) ?? (this.partitions.at(-1) as PartitionSpec);
  }

  /** Where an attempt counts that a node claims and no row tells of: one of its job's partitions if there is one. */
  placeFor(job: JobState, node: string): { partition: string; lender: string | null } {
    const state = this.nodes.get(node);
    const names = state ? partitionsOf(this.partitions, this.attributesOf(state)) : [REST];
    const name = names.find((one) => (job.limits[one] ?? 0) > 0) ?? (names.at(-1) as string);
    return { partition: name, lender: this.spec(name).owner };
  }

  /** Rows were lost or are older than what runs: count silence anew. */
  startRecovery(): void {
    if (this.self.recoverMs === 0) return;
    this.self = { ...this.self, recoverMs: 0 };
    this.store.saveSelf(this.self);
    for (const job of this.jobs.values()) this.unrecovered.add(job);
  }

  /** An earlier incarnation had a faster clock. */
  outrank(incarnation: number): void {
    this.self = { ...this.self, incarnation: incarnation + 1 };
    this.store.saveSelf(this.self);
    for (const job of this.submitted.values()) job.dirty = "now";
  }

  mark(node: string, session: number, now: number): void {
    const key = silenceKey(node, session);
    if (this.silences.has(key)) return;
    this.#addSilence({ node, session, silentMs: 0, lastTickAt: now, isMass: false });
    const state = this.nodes.get(node);
    this.store.mark(node, session, state?.session === session ? state.seenAt + state.expectMs : null);
    this.touch(node);
  }

  #addSilence(silence: Silence): void {
    const { node, session } = silence;
    this.silences.set(silenceKey(node, session), silence);
    const sessions = this.#sessions.get(node) ?? new Set();
    this.#sessions.set(node, sessions.add(silence));
  }

  silencesOf(node: string): Iterable<Silence> {
    return this.#sessions.get(node) ?? [];
  }

  silenceOf(node: string, session: number): Silence | undefined {
    return this.silences.get(silenceKey(node, session));
  }

  isMarked(node: string, session: number): boolean {
    return this.silenceOf(node, session) !== undefined;
  }

  unmark(node: string, session: number): void {
    const silence = this.silenceOf(node, session);
    if (!silence) return;
    this.silences.delete(silenceKey(node, session));
    const sessions = this.#sessions.get(node);
    if (sessions?.delete(silence) && sessions.size === 0) this.#sessions.delete(node);
    this.store.unmark(node, session);
    // From now on it may be overdue.
    this.touch(node);
  }
}

const silenceKey = (node: string, session: number): string => `${node}/${session}`;
