/**
 * Which jobs run where, for rules that ask for it: tasks of a job on nodes with the same value of an attribute. Counted
 * by value when it is first asked for.
 */
import { SELF } from "../../model/placing.ts";
import type { Asked } from "./asked.ts";

type Facts = Asked["job"];

interface Running {
  facts: Facts;
  tasks: number;
  byNode: Map<string, number>;
  /** by attribute and value */
  byValue: Map<string, Map<string, number>>;
}

export class Neighbours {
  private readonly jobs = new Map<string, Running>();
  private readonly named = new Map<string, Set<Running>>();
  /** those that must be apart from a job of that name */
  private readonly shunning = new Map<string, Set<Running>>();
  private readonly valueAt: (node: string, attribute: string) => string;

  /** @param valueAt "" where the node has no such attribute */
  constructor(valueAt: (node: string, attribute: string) => string) {
    this.valueAt = valueAt;
  }

  /** @param times -1: one that ended */
  count(facts: Facts, node: string, times: 1 | -1): void {
    const running = this.jobs.get(facts.id) ?? { facts, tasks: 0, byNode: new Map(), byValue: new Map() };
    if (running.tasks === 0) this.enter(running);
    running.tasks += times;
    bump(running.byNode, node, times);
    for (const [attribute, counts] of running.byValue) bump(counts, this.valueAt(node, attribute), times);
    if (running.tasks === 0) this.leave(running);
  }

  private enter(running: Running): void {
    const { id, name, apart } = running.facts;
    this.jobs.set(id, running);
    put(this.named, name, running);
    for (const { job } of apart) if (job !== SELF) put(this.shunning, job, running);
  }

  private leave(running: Running): void {
    const { id, name, apart } = running.facts;
    this.jobs.delete(id);
    drop(this.named, name, running);
    for (const { job } of apart) drop(this.shunning, job, running);
  }

  /** A node's attributes are others: what was counted by value is counted anew. */
  recount(): void {
    for (const { byValue } of this.jobs.values()) byValue.clear();
  }

  private byValue(running: Running, attribute: string): ReadonlyMap<string, number> {
    if (attribute === "node") return running.byNode;
    const known = running.byValue.get(attribute);
    if (known) return known;
    const counts = new Map<string, number>();
    for (const [node, tasks] of running.byNode) bump(counts, this.valueAt(node, attribute), tasks);
    running.byValue.set(attribute, counts);
    return counts;
  }

  /** How many tasks of the job run at each value of the attribute. */
  own(facts: Facts, attribute: string): ReadonlyMap<string, number> {
    const running = this.jobs.get(facts.id);
    return running ? this.byValue(running, attribute) : NONE;
  }

  /** Whether a task of the named job runs where the attribute has this value; `self`: of the job itself. */
  has(facts: Facts, job: string, attribute: string, value: string): boolean {
    if (job === SELF) return (this.own(facts, attribute).get(value) ?? 0) > 0;
    for (const running of this.named.get(job) ?? [])
      if ((this.byValue(running, attribute).get(value) ?? 0) > 0) return true;
    return false;
  }

  /** Nodes where tasks of the named job run; `self`: of the job itself. */
  *nodesOf(facts: Facts, job: string): Generator<string> {
    const own = this.jobs.get(facts.id);
    const all = job === SELF ? (own ? [own] : []) : (this.named.get(job) ?? []);
    for (const { byNode } of all) yield* byNode.keys();
  }

  /** Whether the job has to do with others here, or others with it. */
  isFree(facts: Facts): boolean {
    return facts.apart.length === 0 && !(facts.name !== "" && this.shunning.has(facts.name));
  }

  /** Whether a task of the job may not be on the node: for its own sake, or for that of one that runs there. */
  isApart(facts: Facts, node: string): boolean {
    for (const { job, over } of facts.apart) if (this.has(facts, job, over, this.valueAt(node, over))) return true;
    if (facts.name === "") return false;
    for (const running of this.shunning.get(facts.name) ?? []) {
      for (const { job, over } of running.facts.apart) {
        if (job === facts.name && (this.byValue(running, over).get(this.valueAt(node, over)) ?? 0) > 0) return true;
      }
    }
    return false;
  }
}

const NONE: ReadonlyMap<string, number> = new Map();

function bump(counts: Map<string, number>, key: string, times: number): void {
  const now = (counts.get(key) ?? 0) + times;
  if (now === 0) counts.delete(key);
  else counts.set(key, now);
}

function put<T>(sets: Map<string, Set<T>>, key: string, one: T): void {
  sets.set(key, (sets.get(key) ?? new Set()).add(one));
}

function drop<T>(sets: Map<string, Set<T>>, key: string, one: T): void {
  const set = sets.get(key);
  if (set?.delete(one) && set.size === 0) sets.delete(key);
}
