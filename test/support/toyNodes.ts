/**
 * A Cluster with nodes that hold their polls, run what they are given until a test ends it, and stop what they are told
 * to; and with time that passes by the alarms that the object sets.
 */

import { Cluster } from "../../src/cluster/cluster.ts";
import type { Held } from "../../src/cluster/methods.ts";
import { type JobSpecInput, jobSpecSchema, templateOf } from "../../src/model/job.ts";
import type { Resources } from "../../src/model/resources.ts";
import type { Inventory, PollReply, PollRequest, Update } from "../../src/protocol/agent.ts";
import type { Grant, JobReport, Report } from "../../src/protocol/levels.ts";
import { ObjectHome } from "../sim/nodeSqlite.ts";
import { activeLevel } from "./playedFramework.ts";

/** A node speaks at least this often. */
const POLL_MS = 20_000;
const HOLD_MS = 25_000;
const TOLD_TO_STOP_POLL_MS = 1_000;
const STEP_MS = 500;
/** The platform lets an object sleep after so long. */
const SLEEP_AFTER_MS = 10_000;

interface ToyNode {
  name: string;
  serial: number;
  seq: number;
  inventory: Inventory;
  socket: string | null;
  polledAt: number;
  isSilent: boolean;
  /** what it is told to stop lives on */
  clings: boolean;
  /** by task */
  running: Map<string, number>;
  updates: Update[];
}

export class ToyNodes {
  readonly home: ObjectHome<Cluster>;
  readonly nodes = new Map<string, ToyNode>();
  /** assignments as nodes heard them, in order */
  readonly started: { node: string; task: string; atMs: number }[] = [];
  /** what was said last of each job */
  readonly reports = new Map<string, JobReport>();
  #gen = 0;

  constructor() {
    this.home = new ObjectHome((platform) => new Cluster(platform), {
      self: { kind: "cluster", league: "acme", name: "north" },
    });
  }

  node(name: string, cpus: number, rest: Partial<Inventory> = {}): void {
    const { serial } = this.home.call("join", { name, key: `key-of-${name}` }) as { serial: number };
    const capacity = { cpus: cpus * 1000, mem: 64_000_000 };
    const inventory = { capacity, attributes: {}, drivers: ["process"], version: "test", ...rest };
    const node = {
      name,
      serial,
      seq: 0,
      inventory,
      socket: null,
      polledAt: 0,
      isSilent: false,
      clings: false,
      updates: [],
    };
    this.nodes.set(name, { ...node, running: new Map() });
    this.#poll(this.#named(name));
    this.settle();
  }

  /** Nothing comes from it any more; who holds its poll closes the socket when its time is over. */
  silence(name: string): void {
    this.#named(name).isSilent = true;
  }

  /** It is there again, with all that ran on it. */
  speak(name: string): void {
    this.#named(name).isSilent = false;
    this.#poll(this.#named(name));
    this.settle();
  }

  /** It tells of an attempt that nobody here knows, and does not stop it. */
  haunt(name: string, task: string): void {
    const node = this.#named(name);
    node.clings = true;
    node.running.set(task, 1);
    this.#poll(node);
    this.settle();
  }

  #named(name: string): ToyNode {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`no node ${name}`);
    return node;
  }

  grant(job: string, spec: Partial<JobSpecInput>, level: Partial<Grant> = {}): void {
    const template = templateOf(jobSpecSchema.parse({ command: "true", disconnect: { stopAfter: "30s" }, ...spec }));
    this.#gen += 1;
    const count = spec.count ?? 1;
    const grant: Grant = {
      job,
      gen: this.#gen,
      action: "run",
      limits: { default: count },
      supply: [{ from: 0, to: count, handout: 1, attemptsUsed: 0 }],
      template,
      ...level,
    };
    const { incarnation } = this.home.object.inspect();
    this.home.call("grant", { incarnation: 1, clusterIncarnation: incarnation, grants: [grant] });
    this.settle();
  }

  /** A framework of a role wants offers, and may have so much of the default partition. */
  framework(id: string, role: string, limit: Resources): void {
    const { incarnation } = this.home.object.inspect();
    const limits = { [role]: { default: limit } };
    const frameworks = [{ gen: 1, level: activeLevel(id, [role]), limits }];
    this.home.call("grant", { incarnation: 1, clusterIncarnation: incarnation, grants: [], frameworks });
  }

  /** The task ends where it runs. */
  end(task: string, rest: Partial<Update> = {}): void {
    for (const node of this.nodes.values()) {
      const epoch = node.running.get(task);
      if (epoch !== undefined) this.#end(node, task, epoch, rest);
    }
    this.settle();
  }

  #end(node: ToyNode, task: string, epoch: number, rest: Partial<Update>): void {
    node.running.delete(task);
    const noBytes = { size: 0, crc32: 0, dropped: 0 };
    const how = { state: "succeeded", reason: "exit", code: 0, ranMs: 5 } as const;
    node.updates.push({ uuid: `${task}@${epoch}`, task, epoch, ...how, stdout: noBytes, stderr: noBytes, ...rest });
    this.#poll(node);
  }

  #poll(node: ToyNode): void {
    if (node.isSilent) return;
    node.polledAt = this.home.nowMs;
    node.socket = this.home.openSocket();
    const request: PollRequest = {
      session: 1,
      nonce: "nonce-01",
      seq: ++node.seq,
      boot: "boot-1",
      running: [...node.running],
      updates: node.updates,
      pressure: [],
      inventory: node.inventory,
    };
    const claims = { league: "acme", cluster: "north", node: node.name, serial: node.serial };
    this.home.message(node.socket, { poll: { claims, request, waitS: HOLD_MS / 1000 } });
  }

  /** Until nobody has anything new to say. */
  settle(): void {
    for (let turns = 0; turns < 500; turns++) {
      this.#report();
      const sent = this.home.take("send");
      if (sent.length === 0) return;
      for (const { socket, message } of sent) {
        const node = [...this.nodes.values()].find((one) => one.socket === socket);
        const { final, reply } = message as Held;
        if (!node || !reply || node.isSilent) continue;
        this.#hear(node, reply, final);
      }
    }
    throw new Error("they talk without end");
  }

  #hear(node: ToyNode, reply: PollReply, final: boolean): void {
    node.updates = node.updates.filter(({ uuid }) => !reply.acked.includes(uuid));
    for (const { task, epoch } of reply.assignments) {
      node.running.set(task, epoch);
      this.started.push({ node: node.name, task, atMs: this.home.nowMs });
    }
    for (const { task, epoch } of node.clings ? [] : reply.stops)
      if (node.running.get(task) === epoch) this.#end(node, task, epoch, { state: "cancelled", reason: "cancelled" });
    if (final && !node.clings) this.#poll(node);
  }

  #report(): void {
    for (const { to, method, args } of this.home.take("call")) {
      if (method !== "report") continue;
      for (const job of (args as Report).jobs) this.reports.set(job.job, job);
      const value = { nextReportMs: 0, rev: 0, ended: [], incarnation: 1, grants: [] };
      this.home.result(to, method, args, { ok: true, value });
    }
  }

  pass(ms: number): void {
    const end = this.home.nowMs + ms;
    while (this.home.nowMs < end) {
      const next = Math.min(end, this.home.nowMs + STEP_MS);
      this.home.nowMs = Math.min(next, Math.max(this.home.nowMs, this.home.alarmAt ?? next));
      if (this.home.alarmAt !== null && this.home.alarmAt <= this.home.nowMs) this.home.fireAlarm();
      for (const node of this.nodes.values()) {
        const pollMs = this.home.nowMs - node.polledAt;
        if (pollMs >= (node.clings ? TOLD_TO_STOP_POLL_MS : POLL_MS)) this.#poll(node);
        if (node.isSilent && node.socket && pollMs >= HOLD_MS) this.home.closeSocket(node.socket);
      }
      this.settle();
      if (this.home.nowMs < next && (this.home.alarmAt ?? next) <= this.home.nowMs) this.home.nowMs += 1;
    }
  }

  /** Time passes for an object that sleeps between: each life is so long, and knows its rows and sockets alone. */
  sleep(lives: number, lifeMs: number): void {
    for (let i = 0; i < lives; i++) {
      this.pass(lifeMs);
      this.home.crash();
      this.settle();
    }
  }

  /** The object sleeps whenever nothing happens for long enough, and its own alarm wakes it. */
  nap(ms: number): void {
    const end = this.home.nowMs + ms;
    let { turns } = this.home;
    let turnAt = this.home.nowMs;
    while (this.home.nowMs < end) {
      const { alarmAt, nowMs } = this.home;
      if (alarmAt !== null && alarmAt <= nowMs + STEP_MS && alarmAt - turnAt >= SLEEP_AFTER_MS) {
        this.home.nowMs = Math.max(nowMs, alarmAt);
        this.home.crash();
        this.home.fireAlarm();
        this.settle();
      } else this.pass(STEP_MS);
      if (this.home.turns !== turns) turnAt = this.home.nowMs;
      turns = this.home.turns;
    }
  }

  /** Tasks that run, and where. */
  running(job = ""): Record<string, string> {
    const all: Record<string, string> = {};
    for (const { name, running } of this.nodes.values())
      for (const task of running.keys()) if (task.startsWith(job)) all[task] = name;
    return all;
  }

  /** Places that are kept. */
  kept(): string[] {
    return [...this.home.object.inspect().holds].flatMap(([, { places }]) => places.map(({ node }) => node)).sort();
  }

  report(job: string): JobReport | undefined {
    return this.reports.get(job);
  }
}
