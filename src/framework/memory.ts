/** What a Framework object knows: its rows, and beside them what a rebuild may forget. */
import { type InverseOffer, type Offer, parseAgentId } from "../model/framework.ts";
import type { ObjectRef, Platform, SocketId } from "../platform/seam.ts";
import type { FrameworkEvent } from "./methods.ts";
import { Newest } from "./newest.ts";
import type { ClusterBody, OfferCounts, Request, Self, Task, TaskBody } from "./state.ts";
import { FrameworkStore, hasTables } from "./store.ts";

/** Completed tasks kept, as in Mesos. */
const MAX_COMPLETED = 1_000;
/** Ids of offers that were answered or rescinded: one that is told of again is not new. */
const MAX_ANSWERED = 10_000;
/** Names of tasks whose end is known: a Cluster tells of it until it hears that it was heard. */
const MAX_ENDED = 50_000;
/** Revs that an older copy of these rows may have given away before it was lost. */
const RESTORE_LEAP = 2 ** 20;

export class FrameworkMemory {
  readonly platform: Platform;
  /** null: nobody ever subscribed */
  #store: FrameworkStore | null;
  #self: Self | null = null;
  readonly tasks = new Map<string, Task>();
  /** ordinals, oldest first */
  readonly completed = new Set<number>();
  /** by the names that Clusters gave them */
  readonly #ended = new Newest(MAX_ENDED);
  readonly offers = new Map<string, Offer>();
  readonly inverseOffers = new Map<string, InverseOffer>();
  readonly heard = new Map<string, ClusterBody>();
  /** of Clusters whose offers were counted since their row was written */
  readonly #counted = new Set<string>();
  readonly requests = new Map<string, Request>();
  readonly #answered = new Newest(MAX_ANSWERED);
  /** of tasks with updates that were not acknowledged */
  readonly queued = new Set<string>();
  /** of tasks that are to be killed */
  readonly killing = new Set<string>();
  /** of tasks that their Cluster knows nothing of any more */
  readonly missing = new Set<string>();
  /** of the stream; null: there is none */
  socket: SocketId | null = null;
  /** it is of an earlier life, of which the last things said may not have left */
  isStreamOfBefore = false;
  /** rises with each row written */
  writes = 0;
  #nextOrdinal = 1;

  constructor(platform: Platform) {
    this.platform = platform;
    this.#store = hasTables(platform.sql) ? new FrameworkStore(platform.sql) : null;
    if (this.#store) this.#load(this.#store);
  }

  #load(store: FrameworkStore): void {
    const row = store.self();
    if (!row) return;
    this.#self = row.self;
    if (row.generation !== this.platform.generation) this.saveSelf({ ...row.self, rev: row.self.rev + RESTORE_LEAP });
    for (const { task, isCompleted } of store.tasks()) {
      this.#nextOrdinal = task.ordinal + 1;
      if (isCompleted) this.#noteCompleted(task);
      else this.#noteTask(task);
    }
    for (const body of store.offers()) {
      if ("offer" in body) this.offers.set(body.offer.id, body.offer);
      else this.inverseOffers.set(body.inverse.id, body.inverse);
    }
    for (const { name, body } of store.clusters()) this.heard.set(name, body);
    for (const { key, request } of store.requests()) {
      this.requests.set(key, request);
      if (request.method !== "answerInverse") for (const id of request.args.offers) this.noteAnswered(id);
    }
  }

  #rows(): FrameworkStore {
    this.writes++;
    this.#store ??= new FrameworkStore(this.platform.sql);
    return this.#store;
  }

  /** null: nobody ever subscribed */
  get self(): Self | null {
    return this.#self;
  }
  /** @throws Error when nobody ever subscribed */
  get known(): Self {
    if (!this.#self) throw new Error(`framework ${this.id} has never subscribed`);
    return this.#self;
  }
  get id(): string {
    return this.platform.self.name;
  }
  saveSelf(self: Self): void {
    this.#self = self;
    this.#rows().saveSelf(self, this.platform.generation);
  }

  // Its scheduler.

  get isConnected(): boolean {
    return this.socket !== null;
  }
  /** Without a stream nobody hears it. */
  emit(event: FrameworkEvent): void {
    if (this.socket !== null) this.platform.sockets.send(this.socket, event);
  }

  // Tasks.

  addTask(body: TaskBody): Task {
    const task: Task = { ordinal: this.#nextOrdinal++, ...body };
    this.#noteTask(task);
    return task;
  }
  #noteTask(task: Task): void {
    this.tasks.set(task.taskId, task);
    this.#list(task);
  }
  #list({ taskId, kill, isAssumed, isEnded, queue }: Task): void {
    keep(this.queued, taskId, queue.length > 0);
    keep(this.killing, taskId, kill !== null && !isEnded);
    keep(this.missing, taskId, isAssumed && !isEnded);
  }
  saveTask(task: Task): void {
    this.#list(task);
    this.#rows().saveTask(task, false);
  }
  forgetTask(task: Task): void {
    this.#unlist(task);
    this.#rows().removeTask(task.ordinal);
  }
  #unlist({ taskId }: Task): void {
    this.tasks.delete(taskId);
    this.queued.delete(taskId);
    this.killing.delete(taskId);
    this.missing.delete(taskId);
  }
  complete(task: Task): void {
    this.#unlist(task);
    this.#rows().saveTask(task, true);
    this.#noteCompleted(task);
    for (const oldest of this.completed) {
      if (this.completed.size <= MAX_COMPLETED) break;
      this.completed.delete(oldest);
      this.#rows().removeTask(oldest);
    }
  }
  #noteCompleted({ ordinal, level }: Task): void {
    this.completed.add(ordinal);
    if (level.task !== "") this.#ended.add(level.task);
  }
  /** @param task by the name that its Cluster gave it */
  isCompleted(task: string): boolean {
    return this.#ended.has(task);
  }
  /** Its ACCEPT was not answered yet. */
  isPending({ accept }: TaskBody): boolean {
    return accept !== null && this.requests.has(keyOf("accept", accept));
  }
  tasksBefore(ordinal: number, limit: number): { task: Task; isCompleted: boolean }[] {
    return this.#store?.tasksBefore(ordinal, limit) ?? [];
  }

  // Offers.

  addOffer(offer: Offer): void {
    this.offers.set(offer.id, offer);
    this.#rows().saveOffer(offer.id, { offer });
  }
  /** It is not outstanding any more. */
  dropOffer(id: string): void {
    if (!this.offers.delete(id)) return;
    this.noteAnswered(id);
    this.#rows().removeOffer(id);
  }
  addInverse(inverse: InverseOffer): void {
    this.inverseOffers.set(inverse.id, inverse);
    this.#rows().saveOffer(inverse.id, { inverse });
  }
  dropInverse(id: string): void {
    if (!this.inverseOffers.delete(id)) return;
    this.noteAnswered(id);
    this.#rows().removeOffer(id);
  }
  isAnswered(id: string): boolean {
    return this.#answered.has(id);
  }
  noteAnswered(id: string): void {
    this.#answered.add(id);
  }

  // Clusters.

  hear(cluster: string, heard: Partial<ClusterBody>): void {
    this.heard.set(cluster, { ...(this.heard.get(cluster) ?? UNHEARD), ...heard });
  }
  saveHeard(cluster: string): void {
    const heard = this.heard.get(cluster);
    if (heard) this.#rows().saveCluster(cluster, heard);
    this.#counted.delete(cluster);
  }
  count(how: keyof OfferCounts, offers: Iterable<Offer>): void {
    for (const { agent } of offers) {
      const cluster = clusterOf(agent.id);
      const { offers: counts } = this.heard.get(cluster) ?? UNHEARD;
      this.hear(cluster, { offers: { ...counts, [how]: counts[how] + 1 } });
      this.#counted.add(cluster);
    }
  }
  saveCounts(): void {
    for (const cluster of this.#counted) this.saveHeard(cluster);
  }
  /** Asking any other would bring it into being. */
  get clusters(): Set<string> {
    return new Set([...this.heard.keys(), ...this.known.clusters]);
  }
  clusterRef(name: string): ObjectRef {
    return { kind: "cluster", league: this.platform.self.league, name };
  }
  ask(first: string, request: Request): void {
    const key = keyOf(request.method, first);
    this.requests.set(key, request);
    this.#rows().saveRequest(key, request);
  }
  answered(key: string): void {
    if (this.requests.delete(key)) this.#rows().removeRequest(key);
  }
  /** Offers go back as if they had never been made. */
  giveBack(offers: Iterable<Offer>): void {
    this.decline(offers, null);
  }
  decline(offers: Iterable<Offer>, refuseMs: number | null): void {
    const byCluster = new Map<string, string[]>();
    for (const offer of offers) {
      this.dropOffer(offer.id);
      // One that was told while nobody wanted it is told again until this is heard.
      this.noteAnswered(offer.id);
      const cluster = clusterOf(offer.agent.id);
      const ids = byCluster.get(cluster) ?? [];
      byCluster.set(cluster, ids);
      ids.push(offer.id);
    }
    for (const [cluster, ids] of byCluster) {
      const args = { framework: this.id, offers: ids, refuseMs };
      this.ask(ids[0] ?? "", { cluster, method: "decline", args });
    }
  }
}

const UNHEARD: ClusterBody = {
  incarnation: 0,
  rev: 0,
  offers: { sent: 0, accepted: 0, declined: 0, rescinded: 0 },
  missingMs: 0,
  countedAtMs: 0,
};

function keep<T>(set: Set<T>, item: T, isIn: boolean): void {
  if (isIn) set.add(item);
  else set.delete(item);
}

/** Offers are answered once, so that the first of them names the answer. */
export const keyOf = (method: Request["method"], first: string): string => `${method}:${first}`;

export const clusterOf = (agentId: string): string => parseAgentId(agentId)?.cluster ?? agentId.split(".")[0] ?? "";
