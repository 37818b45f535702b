/** Everything a Cluster knows at hand: its rows loaded, and the look-ups that the steps beside this file share. */
import { add, type Resources } from "../model/resources.ts";
import type { NodeEvent, Shape } from "../protocol/levels.ts";
import type { PlaceNode } from "../scheduling/place.ts";
import { CLUSTER_RULES, type ClusterRules } from "./rules.ts";
import { type JobState, jobState, type Live, type NodeState, type Silence } from "./state.ts";
import type { ClusterStore, SelfRow } from "./store.ts";

/** Silence after which nothing new is placed on a node. */
export const SUSPECT_MS = 60_000;

/** `recoverMs` of an object that has lost nothing. */
export const NOT_RECOVERING = -1;

/** Attributes that no two nodes share: the Broker need not know them. */
const OWN_ATTRIBUTES = new Set(["node", "hostname"]);

export class ClusterMemory {
  readonly store: ClusterStore;
  readonly rules: ClusterRules;
  readonly nodes = new Map<string, NodeState>();
  readonly jobs = new Map<string, JobState>();
  /** by `node/session` */
  readonly silences = new Map<string, Silence>();
  /** what happened to nodes and the Broker does not know yet */
  events: NodeEvent[] = [];
  readonly cluster: string;
  self: Omit<SelfRow, "id">;
  /** the Broker answered a report of this life: it has told what it knows */
  brokerAnswered = false;

  constructor(
    store: ClusterStore,
    cluster: string,
    generation: number,
    now: number,
    rules: ClusterRules = CLUSTER_RULES,
  ) {
    this.store = store;
    this.cluster = cluster;
    this.rules = rules;
    const known = store.self();
    if (known && known.generation === generation) {
      this.self = known;
    } else {
      this.self = {
        incarnation: Math.max(now, (known?.incarnation ?? 0) + 1),
        generation,
        revBlock: 0,
        recoverMs: known ? 0 : NOT_RECOVERING,
        renewsUnknown: false,
        broker: 0,
      };
      store.saveSelf(this.self);
      if (known) store.forgetUnfinished();
    }
    for (const row of store.nodes()) {
      this.nodes.set(row.name, {
        ...row,
        seq: 0,
        seenAt: now,
        expectMs: 0,
        rest: "awake",
        pressure: [],
        ghosts: new Map(),
        silentTold: false,
      });
    }
    for (const row of store.liveGrants()) this.jobs.set(row.job, jobState(row, store.tasksOf(row.job)));
    for (const { node, session, silentMs } of store.silences()) {
      this.silences.set(silenceKey(node, session), { node, session, silentMs, lastTickAt: now });
    }
  }

  *liveOn(node: string): Generator<Live> {
    for (const job of this.jobs.values()) for (const live of job.live.values()) if (live.node === node) yield live;
  }

  /** A removed node's name is given anew only when nothing of it can still run: attempts are told apart by it. */
  isFree(name: string): boolean {
    const node = this.nodes.get(name);
    if (!node) return true;
    const isCounted = [...this.silences.values()].some((mark) => mark.node === name);
    return node.removed && !isCounted && this.liveOn(name).next().done === true;
  }

  saveNode(node: NodeState): void {
    const { name, joinKey, serial, session, nonce, boot, inventory, paused, removed } = node;
    this.store.saveNode({ name, joinKey, serial, session, nonce, boot, inventory, paused, removed });
  }

  saveGrant(job: JobState): void {
    const { id, gen, action, limit, supply, returned, template } = job;
    this.store.saveGrant({ job: id, gen, action, limit, supply, returned, template, ended: false });
  }

  /** Places on it what is new. */
  isUp(node: NodeState, now: number): boolean {
    return (
      !node.removed &&
      !node.paused &&
      node.inventory !== null &&
      node.pressure.length === 0 &&
      !this.isSuspect(node, now)
    );
  }

  isSuspect(node: NodeState, now: number): boolean {
    return now - node.seenAt > Math.max(SUSPECT_MS, node.expectMs + 10_000);
  }

  usedOn(node: NodeState): Resources {
    let used: Resources = {};
    for (const live of this.liveOn(node.name)) used = add(used, live.job.template.resources);
    for (const resources of node.ghosts.values()) used = add(used, resources);
    return used;
  }

  placeNode(node: NodeState, listening = true): PlaceNode | null {
    if (node.inventory === null) return null;
    return {
      name: node.name,
      capacity: node.inventory.capacity,
      used: this.usedOn(node),
      attributes: { ...node.inventory.attributes, node: node.name, cluster: this.cluster },
      roles: node.inventory.roles ?? null,
      drivers: node.inventory.drivers,
      listening,
    };
  }

  upNodes(now: number): NodeState[] {
    return [...this.nodes.values()].filter((node) => this.isUp(node, now));
  }

  /** Nodes that are up, those alike together. */
  shapes(now: number): Shape[] {
    const shapes = new Map<string, Shape>();
    for (const node of this.upNodes(now)) {
      if (node.inventory === null) continue;
      const { capacity, attributes, roles, drivers } = node.inventory;
      const shared = Object.fromEntries(Object.entries(attributes).filter(([name]) => !OWN_ATTRIBUTES.has(name)));
      const key = JSON.stringify([capacity, shared, roles, drivers]);
      const shape = shapes.get(key);
      if (shape) shape.count += 1;
      else shapes.set(key, { count: 1, capacity, attributes: shared, ...(roles && { roles }), drivers });
    }
    return [...shapes.values()];
  }

  /** Rows were lost or are older than what runs: count silence anew. */
  startRecovery(): void {
    if (this.self.recoverMs === 0) return;
    this.self = { ...this.self, recoverMs: 0, renewsUnknown: true };
    this.store.saveSelf(this.self);
  }

  /** An earlier incarnation had a faster clock. */
  outrank(incarnation: number): void {
    this.self = { ...this.self, incarnation: incarnation + 1 };
    this.store.saveSelf(this.self);
    for (const job of this.jobs.values()) job.dirty = "now";
  }

  mark(node: string, session: number, now: number): void {
    const key = silenceKey(node, session);
    if (this.silences.has(key)) return;
    this.silences.set(key, { node, session, silentMs: 0, lastTickAt: now });
    this.store.mark(node, session, 0);
  }

  isMarked(node: string, session: number): boolean {
    return this.silences.has(silenceKey(node, session));
  }

  unmark(node: string, session: number): void {
    if (this.silences.delete(silenceKey(node, session))) this.store.unmark(node, session);
  }
}

const silenceKey = (node: string, session: number): string => `${node}/${session}`;
