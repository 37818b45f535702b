/** What a Framework object knows: its rows, and beside them what a rebuild may forget. */
import { type InverseOffer, type Offer, parseAgentId } from "../model/framework.ts";
import type { ObjectRef, Platform, SocketId } from "../platform/seam.ts";
import type { FrameworkEvent } from "./methods.ts";
import type { Completed, Request, Self, Task, TaskBody } from "./state.ts";
import { FrameworkStore, type Heard, hasTables } from "./store.ts";

/** Completed tasks kept, as in Mesos. */
const MAX_COMPLETED = 1_000;
/** Ids of offers that were answered or rescinded: one that is told of again is not new. */
const MAX_ANSWERED = 10_000;
/** Revs that an older copy of these rows may have given away before it was lost. */
const RESTORE_LEAP = 2 ** 20;

export class FrameworkMemory {
  readonly platform: Platform;
  /** null: nobody ever subscribed */
  #store: FrameworkStore | null;
  #self: Self | null = null;
  readonly tasks = new Map<string, Task>();
  readonly completed = new Map<number, Completed>();
  readonly #completedBy = new Map<string, number>();
  readonly offers = new Map<string, Offer>();
  readonly inverseOffers = new Map<string, InverseOffer>();
  readonly heard = new Map<string, Heard>();
  readonly requests = new Map<string, Request>();
  readonly #answered = new Set<string>();
  /** of tasks that are to be killed */
  readonly killing = new Set<string>();
  /** of tasks that their Cluster began anew without */
  readonly missing = new Set<string>();
  /** of the stream; null: there is none */
  socket: SocketId | null = null;
  /** rises with each row written */
  writes = 0;
  #nextOrdinal = 1;
  readonly counts = { offersSent: 0, offersAccepted: 0, offersDeclined: 0, offersRescinded: 0 };

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
    for (const { name, incarnation, rev } of store.clusters()) this.heard.set(name, { incarnation, rev });
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
  #list({ taskId, kill, isAssumed, isEnded }: Task): void {
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
    this.killing.delete(taskId);
    this.missing.delete(taskId);
  }
  complete(task: Task): void {
    this.#unlist(task);
    this.#rows().saveTask(task, true);
    this.#noteCompleted(task);
    for (const [ordinal, { task: oldest }] of this.completed) {
      if (this.completed.size <= MAX_COMPLETED) break;
      this.#dropCompleted(ordinal, oldest);
    }
  }
  #noteCompleted({ ordinal, taskId, level, isAssumed }: Task): void {
    this.completed.set(ordinal, { taskId, task: level.task, isAssumed });
    if (level.task !== "") this.#completedBy.set(level.task, ordinal);
  }
  #dropCompleted(ordinal: number, task: string): void {
    this.completed.delete(ordinal);
    if (this.#completedBy.get(task) === ordinal) this.#completedBy.delete(task);
    this.#rows().removeTask(ordinal);
  }
  /** By the name that its Cluster gave it. */
  completedOf(task: string): Completed | null {
    const ordinal = this.#completedBy.get(task);
    return (ordinal !== undefined && this.completed.get(ordinal)) || null;
  }
  /** It was taken for lost, and is not. */
  takeBack(task: string): void {
    const ordinal = this.#completedBy.get(task);
    if (ordinal !== undefined) this.#dropCompleted(ordinal, task);
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
    for (const oldest of this.#answered) {
      if (this.#answered.size <= MAX_ANSWERED) break;
      this.#answered.delete(oldest);
    }
  }

  // Clusters.

  hear(cluster: string, heard: Heard): void {
    this.heard.set(cluster, heard);
  }
  saveHeard(cluster: string): void {
    const heard = this.heard.get(cluster);
    if (heard) this.#rows().saveCluster(cluster, heard);
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

function keep<T>(set: Set<T>, item: T, isIn: boolean): void {
  if (isIn) set.add(item);
  else set.delete(item);
}

/** Offers are answered once, so that the first of them names the answer. */
export const keyOf = (method: Request["method"], first: string): string => `${method}:${first}`;

export const clusterOf = (agentId: string): string => parseAgentId(agentId)?.cluster ?? agentId.split(".")[0] ?? "";
