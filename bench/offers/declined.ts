/**
 * As Mesos' DeclineOffers: something of every agent is in use, every framework holds a refuse filter on the rest of every
 * agent, and one round finds that there is nothing to offer. The round is both halves: the Cluster looks what each
 * framework would take and reports it, the Broker decides.
 */
import type { Offer } from "../../src/model/framework.ts";
import { type Resources, subtract } from "../../src/model/resources.ts";
import type { FrameworkLevel, Tell } from "../../src/protocol/frameworks.ts";
import type { Report } from "../../src/protocol/levels.ts";
import { launch, launchTask, piece, wish } from "../../test/support/playedFramework.ts";
import { progress } from "../line.ts";
import { BenchLeague, CLUSTER } from "./league.ts";

const CAPACITY = { cpus: 24_000, mem: 4_096_000, disk: 4_096_000 };
const PORTS: [number, number] = [31_000, 32_000];
const USED = { cpus: 16_000, mem: 2_014_000, disk: 1_024_000 };
/** in use, none beside another */
const USED_PORTS = Array.from({ length: 16 }, (_, n): [number, number] => [PORTS[0] + 2 * n, PORTS[0] + 2 * n]);
const REFUSE_MS = 30 * 24 * 3_600_000;
const START_MS = 1_800_000_000_000;
/** Agents that join at once. */
const BATCH = 1_000;
const MAX_INTERVALS = 20;

export interface Declined {
  roundMs: number[];
  /** made in those rounds: there must be none */
  offers: number;
  /** that one framework is made once it asks again */
  afterRevive: number;
}

/** @param kinds of agents, each with a little more memory than the one before */
export function declined(agents: number, frameworks: number, roles: number, kinds: number, runs: number): Declined {
  const scene = new Scene(frameworks, roles);
  for (let first = 0; first < agents; first += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, agents - first) }, (_, n) => first + n);
    scene.add(batch.map((n): [string, Resources] => [`n${n}`, capacityOf(n % kinds)]));
    progress(`${first + batch.length} agents in use, the rest refused by all`);
  }
  scene.rest();
  scene.offers = [];
  const roundMs = Array.from({ length: runs }, (_, run) => scene.round(run));
  const offers = scene.offers.length;
  scene.revive(agents);
  return { roundMs, offers, afterRevive: scene.offers.length - offers };
}

const portsOf = (ranges: readonly [number, number][]): number =>
  1_000 * ranges.reduce((n, [from, to]) => n + to - from + 1, 0);
const capacityOf = (kind: number): Resources => ({
  ...CAPACITY,
  mem: CAPACITY.mem + 1_000 * kind,
  ports: portsOf([PORTS]),
});
const IN_USE: Resources = { ...USED, ports: portsOf(USED_PORTS) };

class Scene {
  nowMs = START_MS;
  offers: { framework: string; offer: Offer }[] = [];
  readonly league: BenchLeague;
  readonly #levels: FrameworkLevel[];
  /** by agent, what each is and what runs there */
  readonly #agents = new Map<string, { capacity: Resources; running: [string, number][] }>();

  constructor(frameworks: number, roles: number) {
    this.league = new BenchLeague(
      () => this.nowMs,
      ({ to, method, args }) => {
        if (method === "tell") this.#hear(to.name, args as Tell);
        return { isKnown: true, isActive: true };
      },
    );
    this.#levels = Array.from({ length: frameworks }, (_, n) => levelOf(n, `role-${n % roles}`));
    for (const level of this.#levels) this.league.broker.call("framework", level);
    this.league.deliver();
    progress(`${frameworks} frameworks`);
  }

  #hear(framework: string, { offers, rescinded }: Tell): void {
    if (rescinded.length > 0) this.offers = this.offers.filter(({ offer }) => !rescinded.includes(offer.id));
    for (const offer of offers) this.offers.push({ framework, offer });
  }

  /** Agents join, whoever is offered one of them uses a part of it, and all refuse the rest. */
  add(batch: readonly [string, Resources][]): void {
    for (const [name, capacity] of batch) {
      this.#agents.set(name, { capacity, running: [] });
      this.league.join(name, capacity, [PORTS]);
    }
    const isFresh = ({ offer }: { offer: Offer }): boolean => this.#runningOn(offer).length === 0;
    for (let interval = 0; this.offers.filter(isFresh).length < batch.length; interval++) {
      if (interval === MAX_INTERVALS) throw new Error(`not all of ${batch.length} agents were offered`);
      this.#pass(1_000);
    }
    // In an interval: nothing is offered before all have refused what is left.
    this.nowMs += 1;
    for (const { framework, offer } of this.offers.splice(0)) this.#use(framework, offer);
    for (const [name] of batch) this.#start(name);
    this.#refuse(batch);
    this.league.deliver();
  }

  #runningOn({ agent }: Offer): readonly [string, number][] {
    return this.#agents.get(agent.hostname)?.running ?? [];
  }

  #use(framework: string, offer: Offer): void {
    const pieces = [piece(IN_USE, { ports: USED_PORTS })];
    const task = launchTask(offer, `on-${offer.agent.hostname}`, {}, { pieces });
    const accept = { framework, id: offer.id, offers: [offer.id], refuseMs: REFUSE_MS, operations: [launch(task)] };
    const { rejected } = this.league.cluster.call("accept", accept) as { rejected: unknown[] };
    if (rejected.length > 0) throw new Error(`refused: ${JSON.stringify(rejected[0])}`);
  }

  #start(name: string): void {
    const agent = this.#agents.get(name);
    const { assignments } = this.league.poll(name);
    for (const { task, epoch } of assignments) agent?.running.push([task, epoch]);
    if (agent?.running.length !== 1) throw new Error(`on ${name} ${agent?.running.length} tasks run`);
    this.#poll(name);
  }

  #poll(name: string): void {
    this.league.poll(name, { running: this.#agents.get(name)?.running ?? [] });
  }

  #refuse(batch: readonly [string, Resources][]): void {
    const here = this.league.cluster.object.inspect().frameworks;
    const refused = batch.map(([node, capacity]) => ({ node, amounts: subtract(capacity, IN_USE) }));
    for (const framework of here.byId.values())
      for (const role of framework.roles.keys()) here.refuse(framework, role, refused, REFUSE_MS, this.nowMs);
  }

  /** So much time goes by. */
  #pass(ms: number): void {
    this.nowMs += ms;
    for (const home of [this.league.cluster, this.league.broker])
      if (home.alarmAt !== null && home.alarmAt <= this.nowMs) home.fireAlarm();
    this.league.deliver();
  }

  /** All agents are heard, and everybody knows everything. */
  rest(): void {
    for (const name of this.#agents.keys()) this.#poll(name);
    for (let interval = 0; interval < 3; interval++) this.#pass(1_000);
  }

  /** @returns how long the round took, ms */
  round(run: number): number {
    const { cluster, broker } = this.league;
    this.#pass(1_000);
    // Another agent more or less takes tasks, and the Broker has not heard: the round is decided for that.
    cluster.call("pauseNode", { name: "n0", paused: run % 2 === 0 });
    for (const { to, method, args } of cluster.take("call"))
      cluster.result(to, method, args, { ok: false, error: "lost" });
    this.nowMs += 1_000;
    const before = this.#rounds;
    const incarnation = cluster.object.inspect().incarnation;
    const startedAtMs = performance.now();
    cluster.call("grant", { incarnation: 0, clusterIncarnation: incarnation, grants: [] });
    const [report] = cluster.take("call");
    if (report?.method !== "report") throw new Error("the Cluster did not report");
    const answer = broker.call("report", report.args);
    const tookMs = performance.now() - startedAtMs;
    if (this.#rounds === before) throw new Error("no round was decided");
    check(report.args as Report, this.#levels.length);
    cluster.result(report.to, report.method, report.args, { ok: true, value: answer });
    this.league.deliver();
    return tookMs;
  }

  get #rounds(): number {
    return (this.league.broker.call("metrics", {}) as Record<string, number>).rounds_total ?? 0;
  }

  /** One framework wants to see again what it has refused. */
  revive(agents: number): void {
    this.league.cluster.call("pauseNode", { name: "n0", paused: false });
    this.rest();
    const [first] = this.#levels;
    const roles = first?.roles.map((one) => ({ ...one, revived: 1 }));
    if (first) this.league.broker.call("framework", { ...first, rev: 2, roles });
    this.league.deliver();
    for (let turn = 0; turn < 4 + agents / 500; turn++) this.#pass(500);
  }
}

/** The Cluster looked at all of them, and none would take anything. */
function check({ frameworks = [], partitions }: Report, expected: number): void {
  const none = frameworks.filter(({ uses }) => uses.length > 0 && uses.every(({ takes }) => takes?.nodes === 0));
  if (none.length !== expected) throw new Error(`${none.length} of ${expected} frameworks would take nothing`);
  if ((partitions[0]?.rooms ?? []).length === 0) throw new Error(`nothing is free in ${CLUSTER}`);
}

const levelOf = (n: number, role: string): FrameworkLevel => ({
  id: `framework-${n}`,
  rev: 1,
  state: "active",
  name: `framework ${n}`,
  user: "bench",
  principal: null,
  checkpoint: false,
  capabilities: ["MULTI_ROLE"],
  roles: [wish(role)],
});
