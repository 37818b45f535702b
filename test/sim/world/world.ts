/**
 * One world of a seed: a Broker, Clusters, nodes with the real agent core, people with jobs, and a time of faults after
 * which everything must come to an end.
 */
import { Broker } from "../../../src/broker/broker.ts";
import { Cluster } from "../../../src/cluster/cluster.ts";
import type { NodeClaims } from "../../../src/cluster/methods.ts";
import { Framework } from "../../../src/framework/framework.ts";
import type { ObjectRef, Platform, Turns } from "../../../src/platform/seam.ts";
import { Shelf } from "../../../src/shelf/shelf.ts";
import { scheduleTimeSet } from "../faults/clocks.ts";
import { drawPatient, PATIENT_UNTIL_MS, scheduleLongSilences } from "../faults/drifts.ts";
import { drawMood, type Mood, scheduleFaults } from "../faults/faults.ts";
import { Happenings } from "../faults/happenings.ts";
import { scheduleMachineFaults } from "../faults/machines.ts";
import { MassCuts } from "../faults/massCuts.ts";
import { scheduleObjectFaults } from "../faults/objectFaults.ts";
import { scheduleRebuilds } from "../faults/rebuilds.ts";
import { Restores } from "../faults/restores.ts";
import type { Season } from "../faults/season.ts";
import { scheduleSleeps } from "../faults/sleeps.ts";
import { checkAmounts } from "../invariants/amounts.ts";
import { checkIndices } from "../invariants/brokerRows.ts";
import { Checks } from "../invariants/checks.ts";
import { checkEnd } from "../invariants/final.ts";
import { Guarantees } from "../invariants/guarantees.ts";
import { Launches } from "../invariants/launches.ts";
import { LedgerWatch } from "../invariants/ledgerWatch.ts";
import { Limits } from "../invariants/limits.ts";
import { checkOffers } from "../invariants/offers.ts";
import { OutputWatch } from "../invariants/outputWatch.ts";
import { ReclaimWatch } from "../invariants/reclaimWatch.ts";
import { Rest } from "../invariants/rest.ts";
import { RoundWatch } from "../invariants/roundWatch.ts";
import { Scans } from "../invariants/scan.ts";
import { Times } from "../invariants/times.ts";
import { Watch } from "../invariants/watch.ts";
import { Drains } from "../people/drains.ts";
import { Drills } from "../people/drills.ts";
import { coresOf, drawFleet, drawShape, drawSize, type MachineDraw } from "../people/fleet.ts";
import { drawGangs } from "../people/gangs.ts";
import { JobWaits } from "../people/jobWaits.ts";
import { drawBurst, drawKinds, drawTiny, withPreferences } from "../people/kinds.ts";
import { drawAttributes, drawPatience, drawPriority } from "../people/league.ts";
import { drawBacklog, drawContest, drawPlans, Person, type Plan, underRole, withPlanning } from "../people/person.ts";
import { Plans } from "../people/plans.ts";
import { Reader } from "../people/reader.ts";
import { drawRivalry } from "../people/rivals.ts";
import { drawSchedulers, Scheduler } from "../people/scheduler.ts";
import { Stewards } from "../people/stewards.ts";
import { AgentHost } from "./agentHost.ts";
import { Edge } from "./edge.ts";
import { Machine } from "./machine.ts";
import { Network } from "./network.ts";
import { Chance } from "./random.ts";
import { SimObject } from "./simObject.ts";
import { Timeline } from "./timeline.ts";
import { type Recorder, Wire } from "./wire.ts";

export interface WorldOptions {
  seed: number;
  /** the only happenings that there are; without it all that are drawn */
  only?: ReadonlySet<string>;
  season?: Season;
  trace?: (line: string) => void;
  /** hears each message between parts that are updated at different times; then all are of this version */
  record?: Recorder;
}

const LEAGUE = "league";
/** A machine whose join was answered in vain. */
const JOINED_AGAIN = 0.1;
const WIDE_LONG_WORK = 0.5;
const LONG_WORK = 0.1;
const LONG_SERVICE = 0.7;
const REFIT = 0.4;
const LOOK_EVERY_MS = 30_000;
/** Beyond the time of all that runs, one after the other: the last wish of a person, silences, tries that come late. */
const PATIENCE_MS = 25 * 60_000;
const MOST_PATIENCE_MS = 24 * 3_600_000;
const SETTLE_MS = 45_000;
/** The faults are over so long that nothing which was asked for during them is still waited for. */
const CALM_AFTER_MS = 30_000;
/** A story has some ten thousand; more is a loop without rest. */
const MAX_STEPS = 200_000;
/** For each machine: its polls, the looks at it. */
const MORE_STEPS = 4_000;

export class World {
  readonly timeline = new Timeline();
  readonly checks = new Checks();
  readonly happenings: Happenings;
  readonly network: Network;
  readonly watch: Watch;
  readonly massCuts = new MassCuts(this);
  readonly restores = new Restores(this);
  readonly limits = new Limits(this);
  readonly launches = new Launches(this);
  readonly ledger = new LedgerWatch(this);
  readonly times = new Times(this);
  readonly rounds = new RoundWatch(this);
  readonly plans = new Plans(this);
  readonly jobWaits: JobWaits;
  readonly reclaims = new ReclaimWatch(this);
  readonly scans = new Scans(this);
  readonly guarantees = new Guarantees(this);
  readonly rest: Rest;
  readonly reader: Reader;
  /** after the faults, when the last job and all that frameworks launched were over */
  overAfterMs: number | null = null;
  readonly stewards: Stewards;
  readonly drains: Drains;
  readonly drills: Drills;
  readonly edge: Edge;
  readonly broker: SimObject;
  readonly clusters: SimObject[];
  readonly shelves: SimObject[] = [];
  readonly outputs = new OutputWatch(this);
  readonly machines: Machine[] = [];
  readonly agents: AgentHost[] = [];
  readonly people: Person[];
  readonly schedulers: Scheduler[];
  readonly season: Season | null;
  readonly mood: Mood;
  readonly wire: Wire;
  faulty = true;

  readonly #trace: ((line: string) => void) | null;
  readonly #byName = new Map<string, SimObject>();
  readonly #clusterOf = new Map<Machine, SimObject>();
  readonly #work = new Map<string, { ranMs: number; code: number }>();
  #workMs = 0;
  readonly #chance: Chance;
  readonly #leagueChance: Chance;

  constructor(options: WorldOptions) {
    this.#chance = new Chance(options.seed);
    this.happenings = new Happenings(options.only ?? null);
    this.#trace = options.trace ?? null;
    this.#leagueChance = this.chanceOf("league");
    this.reader = new Reader(this, this.chanceOf("reader"));
    this.rest = new Rest(this, this.chanceOf("rest"));
    this.drains = new Drains(this, this.chanceOf("drains"));
    this.drills = new Drills(this, this.chanceOf("drills"));
    this.network = new Network(this.timeline, this.chanceOf("network"), this.happenings);
    this.watch = new Watch(this);
    this.edge = new Edge(this);
    this.jobWaits = new JobWaits(this, this.chanceOf("waits"));
    this.season = options.season ?? null;
    const size = this.season === null ? drawSize(this.chanceOf("size")) : "small";
    this.mood = drawMood(this.chanceOf("mood"), size, this.season);
    this.wire = new Wire(this, this.chanceOf("versions"), options.record ?? null);
    const fleet = drawFleet(this.chanceOf("fleet"), size);
    const names = fleet.map(({ name }) => name);
    this.broker = this.#object({ kind: "broker", league: LEAGUE, name: "" });
    this.clusters = names.map((name) => this.#object({ kind: "cluster", league: LEAGUE, name }));
    this.stewards = new Stewards(this, this.chanceOf("stewards"));
    for (const { name, labels } of fleet) this.broker.ask("createCluster", { name, labels, idempotency: null });
    this.stewards.setUp();
    const patience = drawPatience(this.chanceOf("patience"));
    this.broker.ask("changeLeague", patience);
    for (const [i, { machines }] of fleet.entries()) this.#populate(this.clusters[i] as SimObject, machines);
    const schedulers = drawSchedulers(this.chanceOf("frameworks"), this.stewards.league.names, this.mood.faultsEndMs);
    const busy = schedulers.map(({ role }) => role);
    const { league } = this.stewards;
    const rivalry = drawRivalry(this.chanceOf("rivals"), league, fleet, this.mood.faultsEndMs, patience, busy);
    this.people = [...this.#plans(names), ...rivalry.jobs]
      .filter(({ id }) => this.happenings.isWanted("job", id))
      .map((plan) => new Person(this, plan));
    this.schedulers = schedulers
      .filter(({ id }) => this.happenings.isWanted("framework", id))
      .map((plan) => new Scheduler(this, this.#object({ kind: "framework", league: LEAGUE, name: plan.id }), plan));
    scheduleFaults(this, this.chanceOf("faults"));
    scheduleMachineFaults(this, this.chanceOf("machines' faults"));
    this.stewards.schedule(this.mood.faultsEndMs);
    this.stewards.promise(rivalry);
    this.drains.schedule(this.mood.faultsEndMs);
    this.drills.schedule(this.mood.faultsEndMs);
    scheduleSleeps(this, this.chanceOf("sleeps"));
    scheduleObjectFaults(this, this.chanceOf("object faults"));
    scheduleTimeSet(this, this.chanceOf("time set"));
    scheduleRebuilds(this, this.chanceOf("rebuilds"));
    scheduleLongSilences(this, this.chanceOf("long silences"));
    this.restores.schedule(this.chanceOf("restores"));
    this.guarantees.schedule();
    this.#lookAround(this.chanceOf("looks"));
  }

  #plans(clusters: readonly string[]): Plan[] {
    const { faultsEndMs } = this.mood;
    const { names } = this.stewards.league;
    const chance = this.chanceOf("jobs");
    const plans = [
      ...drawPlans(chance.named("usual"), clusters, faultsEndMs),
      ...drawBacklog(chance.named("backlog"), clusters, faultsEndMs),
      ...this.drains.services(clusters),
      ...drawContest(chance.named("contest"), clusters, faultsEndMs),
      ...drawGangs(chance.named("gangs"), clusters, faultsEndMs),
      ...drawKinds(chance.named("kinds"), clusters, faultsEndMs),
      ...drawBurst(chance.named("burst"), clusters, faultsEndMs),
      ...drawTiny(chance.named("tiny"), clusters, faultsEndMs),
      ...(this.season === "drifts" ? drawPatient(chance.named("patient"), clusters) : []),
    ];
    return withPlanning(chance.named("planning"), plans).map((plan) => {
      const own = chance.named(plan.id);
      const wished = withPreferences(plan, own.named("preferences"));
      return underRole(wished, own.pick(names), drawPriority(own));
    });
  }

  get calmAtMs(): number {
    return this.mood.faultsEndMs + CALM_AFTER_MS;
  }
  get isCalm(): boolean {
    return this.timeline.nowMs >= this.calmAtMs;
  }

  /** All but Shelves, which come into being when they are asked. */
  get objects(): SimObject[] {
    return [this.broker, ...this.clusters, ...this.schedulers.map(({ object }) => object)];
  }

  /** Of one part of the world: what others draw shifts nothing of it. */
  chanceOf(part: string): Chance {
    return this.#chance.named(part);
  }

  #object(ref: ObjectRef): SimObject {
    const object = new SimObject(this, ref, (platform) => this.#build(ref, platform));
    this.#byName.set(`${ref.kind}/${ref.name}`, object);
    return object;
  }

  #build({ kind }: ObjectRef, platform: Platform): Turns {
    if (kind === "framework") return new Framework(platform);
    if (kind === "shelf") return new Shelf(platform);
    return kind === "broker" ? new Broker(platform) : new Cluster(platform);
  }

  #populate(cluster: SimObject, machines: readonly MachineDraw[]): void {
    for (const [i, { capacity, attributes }] of machines.entries()) {
      const name = `${cluster.name}-n${i}`;
      if (!this.happenings.isWanted("node", name)) continue;
      const machine = new Machine(this, name, capacity, attributes);
      this.#addMachine(machine, cluster);
      this.addAgent(cluster, machine);
    }
  }

  #addMachine(machine: Machine, cluster: SimObject): void {
    this.machines.push(machine);
    this.#clusterOf.set(machine, cluster);
  }

  /** Its disk was copied to another machine, and the same agent runs there too. */
  cloneAgent(agent: AgentHost): void {
    const machine = agent.machine.copyOf();
    this.#addMachine(machine, this.clusterOf(agent));
    this.#start(new AgentHost(this, machine, agent.claims));
  }

  /** Another machine is the same node: its disk is a copy of this one's, or this one's of it. */
  hasCopy(machine: Machine): boolean {
    const own = new Set(this.agents.filter((one) => one.machine === machine).map(({ claims }) => claims));
    return this.agents.some((one) => one.machine !== machine && own.has(one.claims));
  }

  /** A person joins a machine: what ran there before is over. */
  addAgent(cluster: SimObject, machine: Machine): void {
    const key = `join-key-of-${machine.name}-${this.agents.length}`;
    const join = () => cluster.ask("join", { name: machine.name, key }) as { node: string; serial: number };
    const { node, serial } = join();
    const again = this.chanceOf(key).of(JOINED_AGAIN) ? join() : { node, serial };
    const claims: NodeClaims = { league: LEAGUE, cluster: cluster.name, node, serial };
    this.#start(new AgentHost(this, machine, claims), () =>
      this.checks.hold(
        "joined-once",
        again.node === node && again.serial === serial,
        () => `${node} ${serial} asks again and is ${JSON.stringify(again)}`,
      ),
    );
  }

  /** @param hold what must be so then */
  #start(agent: AgentHost, hold = () => {}): void {
    this.agents.push(agent);
    this.timeline.after(this.chanceOf(`start of ${agent.link}`).int(0, 3_000), () => {
      hold();
      agent.start();
    });
  }

  /** A Shelf comes into being when it is first asked. */
  objectOf(ref: ObjectRef): SimObject | undefined {
    const object = this.#byName.get(`${ref.kind}/${ref.name}`);
    if (object || ref.kind !== "shelf") return object;
    const shelf = this.#object(ref);
    this.shelves.push(shelf);
    if (this.faulty) shelf.crashAfterTurn = this.mood.objectCrash;
    return shelf;
  }
  clusterOf(agent: AgentHost): SimObject {
    const cluster = this.#byName.get(`cluster/${agent.claims.cluster}`);
    if (!cluster) throw new Error(`no cluster ${agent.claims.cluster}`);
    return cluster;
  }
  clusterOfMachine(machine: Machine): SimObject {
    const cluster = this.#clusterOf.get(machine);
    if (!cluster) throw new Error(`no cluster of machine ${machine.name}`);
    return cluster;
  }
  /** Between two boots somebody takes parts out, puts others in, or moves it. */
  refit(machine: Machine): void {
    const chance = this.#leagueChance;
    if (!this.faulty || !chance.of(REFIT) || !this.happenings.strikes("machine-refitted", machine.name)) return;
    machine.isRefitted = true;
    machine.capacity = drawShape(chance);
    const { region = "" } = machine.attributes;
    machine.attributes = { ...drawAttributes(chance), region, cores: coresOf(machine.capacity) };
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
      const chance = this.chanceOf(`work of ${key}`);
      // Some outlast every deadline, silence limit and cut link.
      const { serves } = this.planOf(task)?.plan ?? {};
      const long = serves ? LONG_SERVICE : this.mood.wide ? WIDE_LONG_WORK : LONG_WORK;
      const isLong = chance.of(long) || task.startsWith("long");
      const isTiny = task.startsWith("tiny");
      const ranMs = task.startsWith("patient")
        ? Math.max(1_000, PATIENT_UNTIL_MS - this.timeline.nowMs)
        : task.startsWith("rival")
          ? chance.int(300_000, 600_000)
          : isTiny
            ? chance.spread(5, 100)
            : isLong
              ? chance.int(60_000, 200_000)
              : chance.spread(20, 60_000);
      const fails = (this.planOf(task)?.plan.pinned ?? null) === null ? 0.15 : 0.6;
      work = { ranMs, code: chance.of(fails) ? chance.int(1, 3) : 0 };
      this.#work.set(key, work);
      this.#workMs += ranMs;
    }
    return work;
  }

  trace(line: () => string): void {
    if (this.#trace) this.#trace(`${String(this.timeline.nowMs).padStart(8)} ${line()}`);
  }

  #lookAround(chance: Chance): void {
    this.timeline.after(LOOK_EVERY_MS, () => {
      checkIndices(this);
      this.watch.look();
      for (const cluster of this.clusters) {
        checkAmounts(this, cluster);
        checkOffers(this, cluster);
      }
      for (const scheduler of this.schedulers) scheduler.look();
      this.ledger.look();
      this.rounds.look();
      this.drains.look();
      this.drills.look();
      this.edge.look();
      this.reclaims.look();
      const { plan } = chance.pick(this.people);
      this.watch.checkTasks(chance.pick(this.clusters), plan.id);
      this.#lookAround(chance);
    });
  }

  /** @throws Violation */
  async run(): Promise<void> {
    const { faultsEndMs } = this.mood;
    await this.timeline.run(faultsEndMs, () => this.#stepped());
    const isLate = () => this.timeline.nowMs > faultsEndMs + PATIENCE_MS + this.#workMs;
    await this.timeline.run(faultsEndMs + MOST_PATIENCE_MS, () => this.#stepped() || this.#isOver() || isLate());
    for (const { plan, last } of this.people) {
      this.checks.hold(
        "all-end",
        last !== null && last.endedAt !== null,
        () => `${plan.id} has not ended: ${JSON.stringify(last)}`,
      );
    }
    this.overAfterMs = Math.max(0, this.timeline.nowMs - faultsEndMs);
    const pass = (forMs: number) => this.timeline.run(this.timeline.nowMs + forMs, () => this.#stepped());
    await pass(SETTLE_MS);
    checkEnd(this);
    await this.rest.hold(pass);
  }

  #isOver(): boolean {
    return this.people.every(({ done }) => done) && this.schedulers.every(({ isDone }) => isDone);
  }

  /** @throws Violation */
  #stepped(): false {
    this.scans.stepped();
    const { steps } = this.timeline;
    if (steps >= MAX_STEPS + MORE_STEPS * this.machines.length)
      this.checks.hold("all-end", false, () => `${steps} steps and no end`);
    return false;
  }

  close(): void {
    for (const object of this.#byName.values()) object.home.close();
  }
}
