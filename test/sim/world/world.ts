/**
 * One world of a seed: a Broker, Clusters, nodes with the real agent core, people with jobs, and a time of faults after
 * which everything must come to an end.
 */
import { AGENT_RULES, type AgentRules } from "../../../agent/core/rules.ts";
import { Broker } from "../../../src/broker/broker.ts";
import { Cluster } from "../../../src/cluster/cluster.ts";
import type { NodeClaims } from "../../../src/cluster/methods.ts";
import { CLUSTER_RULES, type ClusterRules } from "../../../src/cluster/rules.ts";
import { Framework } from "../../../src/framework/framework.ts";
import type { ObjectRef, Platform, Turns } from "../../../src/platform/seam.ts";
import { drawMood, drawWideMood, type Mood, scheduleFaults } from "../faults/faults.ts";
import { MassCuts } from "../faults/massCuts.ts";
import { scheduleSleeps } from "../faults/sleeps.ts";
import { checkAmounts } from "../invariants/amounts.ts";
import { checkIndices } from "../invariants/brokerRows.ts";
import { Checks } from "../invariants/checks.ts";
import { checkEnd } from "../invariants/final.ts";
import { Launches } from "../invariants/launches.ts";
import { LedgerWatch } from "../invariants/ledgerWatch.ts";
import { Limits } from "../invariants/limits.ts";
import { ReclaimWatch } from "../invariants/reclaimWatch.ts";
import { RoundWatch } from "../invariants/roundWatch.ts";
import { Watch } from "../invariants/watch.ts";
import { HEARING, type Hearing, hearing } from "../mutations/mishear.ts";
import { Drains } from "../people/drains.ts";
import { drawGangs } from "../people/gangs.ts";
import { drawAttributes, drawPatience, drawPriority } from "../people/league.ts";
import { drawBacklog, drawContest, drawPlans, Person, underRole, withPlanning } from "../people/person.ts";
import { Plans } from "../people/plans.ts";
import { drawSchedulers, Scheduler } from "../people/scheduler.ts";
import { Stewards } from "../people/stewards.ts";
import { AgentHost } from "./agentHost.ts";
import { Edge } from "./edge.ts";
import { Machine } from "./machine.ts";
import { Network } from "./network.ts";
import { Chance } from "./random.ts";
import { SimObject } from "./simObject.ts";
import { Timeline } from "./timeline.ts";

export interface Rules {
  agent: AgentRules;
  cluster: ClusterRules;
  guardWorks: boolean;
  /** how objects hear each other */
  hearing: Hearing;
}
export const RULES: Rules = { agent: AGENT_RULES, cluster: CLUSTER_RULES, guardWorks: true, hearing: HEARING };

export interface WorldOptions {
  seed: number;
  rules?: Rules;
  trace?: (line: string) => void;
}

const LEAGUE = "league";
/** What a league decides is drawn beside all else of a seed, and shifts none of it. */
const LEAGUE_SALT = 0x5eed_1ea6;
const PLANS_SALT = 0x5eed_91a2;
const GANG_SALT = 0x6a_96_5a_17;
const DRAIN_SALT = 0xd7a1_4ed0;
const FRAMEWORK_SALT = 0xf4a3_e013;
const SLEEP_SALT = 0x51_ee_b5_0f;
/** Priorities and how things are taken back, too. */
const RECLAIM_SALT = 0x7ac_ba0c;
const CLUSTERS = ["north", "south", "west"];
/** mostly few: small worlds get into as much trouble, sooner */
const NODES = [2, 2, 3, 3, 4, 6];
/** of the first cluster of a few worlds, drawn beside all else */
const WIDE_SALT = 0x5eed_1de5;
const WIDE = 0.08;
const WIDE_NODES = [10, 12, 15];
const WIDE_LONG_WORK = 0.5;
const LONG_WORK = 0.1;
const LONG_SERVICE = 0.7;
const REFIT = 0.4;
const LOOK_EVERY_MS = 30_000;
/** Long enough for every retry of every task on what is left of the nodes. */
const PATIENCE_MS = 60 * 60_000;
const SETTLE_MS = 45_000;
/** A story has some ten thousand; more is a loop without rest. */
const MAX_STEPS = 200_000;

export class World {
  readonly chance: Chance;
  readonly timeline = new Timeline();
  readonly checks = new Checks();
  readonly faults = new Map<string, number>();
  /** what people changed of the league, by method */
  readonly changes = new Map<string, number>();
  readonly rules: Rules;
  readonly network: Network;
  readonly watch: Watch;
  readonly massCuts = new MassCuts(this);
  readonly limits = new Limits(this);
  readonly launches = new Launches(this);
  readonly ledger = new LedgerWatch(this);
  readonly rounds = new RoundWatch(this);
  readonly plans = new Plans(this);
  readonly reclaims = new ReclaimWatch(this);
  readonly stewards: Stewards;
  readonly drains: Drains;
  readonly edge: Edge;
  readonly broker: SimObject;
  readonly clusters: SimObject[];
  readonly machines: Machine[] = [];
  readonly agents: AgentHost[] = [];
  readonly people: Person[];
  readonly schedulers: Scheduler[];
  readonly mood: Mood;
  faulty = true;

  readonly #trace: ((line: string) => void) | null;
  readonly #objects = new Map<string, SimObject>();
  readonly #work = new Map<string, { ranMs: number; code: number }>();
  readonly #workChance: Chance;
  readonly #leagueChance: Chance;

  constructor(options: WorldOptions) {
    this.chance = new Chance(options.seed);
    this.rules = options.rules ?? RULES;
    this.#trace = options.trace ?? null;
    this.drains = new Drains(this, new Chance(options.seed ^ DRAIN_SALT));
    this.#workChance = this.chance.fork();
    this.#leagueChance = new Chance(options.seed ^ LEAGUE_SALT);
    this.network = new Network(this.timeline, this.chance.fork(), (fault) => this.count(fault));
    this.watch = new Watch(this);
    this.edge = new Edge(this);
    const wide = new Chance(options.seed ^ WIDE_SALT);
    const mood = drawMood(this.chance.fork());
    this.mood = wide.of(WIDE) ? drawWideMood(wide) : mood;
    const names = CLUSTERS.slice(0, this.chance.of(0.3) ? 3 : 2);
    this.broker = this.#object({ kind: "broker", league: LEAGUE, name: "" });
    this.clusters = names.map((name) => this.#object({ kind: "cluster", league: LEAGUE, name }));
    this.stewards = new Stewards(this, this.#leagueChance.fork());
    for (const { name } of this.clusters) this.broker.ask("createCluster", { name, labels: {}, idempotency: null });
    const reclaim = new Chance(options.seed ^ RECLAIM_SALT);
    this.stewards.setUp();
    this.broker.ask("changeLeague", drawPatience(reclaim));
    for (const [i, cluster] of this.clusters.entries()) {
      const nodes = this.chance.pick(NODES);
      this.#populate(cluster, this.mood.wide && i === 0 ? wide.pick(WIDE_NODES) : nodes);
    }
    const plans = drawPlans(this.chance.fork(), names, this.mood.faultsEndMs);
    plans.push(...drawBacklog(this.#leagueChance.fork(), names, this.mood.faultsEndMs));
    plans.push(...this.drains.services(names));
    plans.push(...drawContest(reclaim, names, this.mood.faultsEndMs));
    const roles = this.#leagueChance.fork();
    const planned = withPlanning(new Chance(options.seed ^ PLANS_SALT), plans);
    this.people = planned.map(
      (plan) => new Person(this, underRole(plan, roles.pick(this.stewards.league.names), drawPriority(reclaim))),
    );
    const gangs = new Chance(options.seed ^ GANG_SALT);
    for (const plan of withPlanning(gangs.fork(), drawGangs(gangs.fork(), names, this.mood.faultsEndMs)))
      this.people.push(
        new Person(this, underRole(plan, gangs.pick(this.stewards.league.names), drawPriority(reclaim))),
      );
    const frameworks = new Chance(options.seed ^ FRAMEWORK_SALT);
    this.schedulers = drawSchedulers(frameworks, this.stewards.league.names, this.mood.faultsEndMs).map(
      (plan) =>
        new Scheduler(
          this,
          this.#object({ kind: "framework", league: LEAGUE, name: plan.id }),
          plan,
          frameworks.fork(),
        ),
    );
    scheduleFaults(this, this.chance.fork());
    this.stewards.schedule(this.mood.faultsEndMs);
    this.drains.schedule(this.mood.faultsEndMs);
    scheduleSleeps(this, new Chance(options.seed ^ SLEEP_SALT));
    this.#lookAround(this.chance.fork());
  }

  #object(ref: ObjectRef): SimObject {
    const object = new SimObject(this, ref, (platform) => hearing(this.#build(ref, platform), this.rules.hearing));
    this.#objects.set(`${ref.kind}/${ref.name}`, object);
    return object;
  }

  #build({ kind }: ObjectRef, platform: Platform): Turns {
    if (kind === "framework") return new Framework(platform);
    return kind === "broker" ? new Broker(platform) : new Cluster(platform, this.rules.cluster);
  }

  #populate(cluster: SimObject, nodes: number): void {
    for (let i = 0; i < nodes; i++) {
      const name = `${cluster.name}-n${i}`;
      const capacity = { cpus: this.chance.pick([2000, 4000]), mem: 4_000_000, ports: 10_000 };
      const machine = new Machine(this, name, capacity, drawAttributes(this.#leagueChance));
      this.machines.push(machine);
      this.addAgent(cluster, machine);
    }
  }

  /** Its disk was copied to another machine, and the same agent runs there too. */
  cloneAgent(agent: AgentHost): void {
    const machine = agent.machine.copyOf();
    this.machines.push(machine);
    this.#start(new AgentHost(this, machine, agent.claims));
  }

  /** A person joins a machine: what ran there before is over. */
  addAgent(cluster: SimObject, machine: Machine): void {
    const key = `join-key-of-${machine.name}-${this.agents.length}`;
    const { node, serial } = cluster.ask("join", { name: machine.name, key }) as { node: string; serial: number };
    const claims: NodeClaims = { league: LEAGUE, cluster: cluster.name, node, serial };
    this.#start(new AgentHost(this, machine, claims));
  }

  #start(agent: AgentHost): void {
    this.agents.push(agent);
    this.timeline.after(this.chance.int(0, 3_000), () => agent.start());
  }

  objectOf(ref: ObjectRef): SimObject | undefined {
    return this.#objects.get(`${ref.kind}/${ref.name}`);
  }
  clusterOf(agent: AgentHost): SimObject {
    const cluster = this.#objects.get(`cluster/${agent.claims.cluster}`);
    if (!cluster) throw new Error(`no cluster ${agent.claims.cluster}`);
    return cluster;
  }
  clusterOfMachine({ name }: Machine): SimObject {
    const cluster = this.clusters.find((one) => name.startsWith(`${one.name}-`));
    if (!cluster) throw new Error(`no cluster of machine ${name}`);
    return cluster;
  }
  /** Between two boots somebody takes parts out, puts others in, or moves it. */
  refit(machine: Machine): void {
    const chance = this.#leagueChance;
    if (!chance.of(REFIT)) return;
    this.count("machine-refitted");
    machine.capacity = { ...machine.capacity, cpus: chance.pick([2000, 4000]) };
    machine.attributes = drawAttributes(chance);
  }
  planOf(task: string): Person | undefined {
    const job = task.slice(0, task.lastIndexOf("."));
    return this.people.find((person) => person.plan.id === job);
  }
  isAtMostOne(task: string): boolean {
    return this.planOf(task)?.plan.atMostOne ?? true;
  }

  /** How long a process of this attempt runs if nobody stops it, and how it ends. */
  workOf(task: string, epoch: number): { ranMs: number; code: number } {
    const key = `${task}@${epoch}`;
    let work = this.#work.get(key);
    if (!work) {
      const chance = this.#workChance;
      // Some outlast every deadline, silence limit and cut link.
      const { serves } = this.planOf(task)?.plan ?? {};
      const long = serves ? LONG_SERVICE : this.mood.wide ? WIDE_LONG_WORK : LONG_WORK;
      const isLong = chance.of(long) || task.startsWith("long");
      const ranMs = isLong ? chance.int(60_000, 200_000) : chance.spread(20, 60_000);
      const fails = (this.planOf(task)?.plan.pinned ?? null) === null ? 0.15 : 0.6;
      work = { ranMs, code: chance.of(fails) ? chance.int(1, 3) : 0 };
      this.#work.set(key, work);
    }
    return work;
  }

  count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }
  countChange(method: string): void {
    this.changes.set(method, (this.changes.get(method) ?? 0) + 1);
  }
  trace(line: () => string): void {
    if (this.#trace) this.#trace(`${String(this.timeline.nowMs).padStart(8)} ${line()}`);
  }

  #lookAround(chance: Chance): void {
    this.timeline.after(LOOK_EVERY_MS, () => {
      checkIndices(this);
      for (const cluster of this.clusters) checkAmounts(this, cluster);
      this.ledger.look();
      this.rounds.look();
      this.drains.look();
      this.reclaims.look();
      const { plan } = chance.pick(this.people);
      this.watch.checkTasks(chance.pick(this.clusters), plan.id);
      this.#lookAround(chance);
    });
  }

  /** @throws Violation */
  run(): void {
    const { faultsEndMs } = this.mood;
    this.timeline.run(faultsEndMs, () => this.#isStuck());
    this.timeline.run(faultsEndMs + PATIENCE_MS, () => this.#isStuck() || this.#isOver());
    for (const { plan, last } of this.people) {
      this.checks.hold(
        "all-end",
        last !== null && last.endedAt !== null,
        () => `${plan.id} has not ended: ${JSON.stringify(last)}`,
      );
    }
    this.timeline.run(this.timeline.nowMs + SETTLE_MS);
    checkEnd(this);
  }

  #isOver(): boolean {
    return this.people.every(({ done }) => done) && this.schedulers.every(({ isDone }) => isDone);
  }

  /** @throws Violation */
  #isStuck(): boolean {
    const { steps } = this.timeline;
    if (steps >= MAX_STEPS) this.checks.hold("all-end", false, () => `${steps} steps and no end`);
    return false;
  }

  close(): void {
    for (const object of this.#objects.values()) object.home.close();
  }
}
