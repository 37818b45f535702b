/**
 * As Mesos' MultiFrameworkAllocations: 80 nodes, 554 frameworks of three kinds and 19,500 tasks, from the first offer until
 * all have ended. The league's clock leaps from step to step, so that what is measured is what Broker and Cluster do.
 */
import type { Offer } from "../../src/model/framework.ts";
import { amountsOf } from "../../src/model/pieces.ts";
import { type Resources, timesFits } from "../../src/model/resources.ts";
import type { Update } from "../../src/protocol/agent.ts";
import type { FrameworkLevel, Tell } from "../../src/protocol/frameworks.ts";
import { launch, launchTask, wish } from "../../test/support/playedFramework.ts";
import { progress } from "../line.ts";
import { BenchLeague } from "./league.ts";

const START_MS = 1_800_000_000_000;
const STEP_MS = 500;
const NODES = 80;
const CAPACITY = { cpus: 64_000, mem: 488_000_000 };
/** of each task, on the league's clock */
const RUN_MS = 5_000;
/** Mesos' default, for what of an offer is not used and for whole offers */
const REFUSE_MS = 5_000;
const MAX_STEPS = 7_200;

interface Kind {
  name: string;
  frameworks: number;
  /** of the nth framework */
  role: (n: number) => string;
  tasks: number;
  each: Resources;
  /** tasks that it launches on an offer at most */
  perOffer: number;
}

const KINDS: readonly Kind[] = [
  {
    name: "marathon",
    frameworks: 4,
    role: () => "marathon",
    tasks: 4_000,
    each: { cpus: 70, mem: 400_000 },
    perOffer: 100,
  },
  {
    name: "jenkins",
    frameworks: 500,
    role: () => "jenkins",
    tasks: 5,
    each: { cpus: 100, mem: 4_000_000 },
    perOffer: 1,
  },
  {
    name: "spark",
    frameworks: 50,
    role: (n) => `spark-${n}`,
    tasks: 20,
    each: { cpus: 1_000, mem: 1_000_000 },
    perOffer: 5,
  },
];

/** `leagueMs`: on the league's clock */
export interface Multi {
  tasks: number;
  finished: number;
  offers: number;
  declined: number;
  leagueMs: number;
}

export function multi(): Multi {
  let nowMs = START_MS;
  const frameworks = new Map<string, Scheduler>();
  const league = new BenchLeague(
    () => nowMs,
    ({ to, method, args }) => {
      if (method === "tell") frameworks.get(to.name)?.hear(args as Tell);
      return { isKnown: true, isActive: true };
    },
  );
  const nodes = Array.from({ length: NODES }, (_, n) => new Node(league, `n${n}`));
  for (const kind of KINDS)
    for (let n = 0; n < kind.frameworks; n++) {
      const scheduler = new Scheduler(league, kind, n);
      frameworks.set(scheduler.id, scheduler);
      scheduler.say();
    }
  league.deliver();
  const all = [...frameworks.values()];
  const sum = (of: (one: Scheduler) => number): number => all.reduce((total, one) => total + of(one), 0);
  const tasks = sum(({ kind }) => kind.tasks);
  for (let step = 0; step < MAX_STEPS && sum((one) => one.finished) < tasks; step++) {
    nowMs += STEP_MS;
    for (const home of [league.broker, league.cluster])
      if (home.alarmAt !== null && home.alarmAt <= nowMs) home.fireAlarm();
    league.deliver();
    for (const node of nodes) node.poll(nowMs);
    league.deliver();
    for (const one of all) one.answer();
    league.deliver();
    if (step % 20 === 0) progress(`${sum((one) => one.finished)} of ${tasks} tasks have ended`);
  }
  return {
    tasks,
    finished: sum((one) => one.finished),
    offers: sum((one) => one.offered),
    declined: sum((one) => one.declined),
    leagueMs: nowMs - START_MS,
  };
}

/** A framework that launches what it has on what it is offered, and wants no more offers when all is launched. */
class Scheduler {
  readonly kind: Kind;
  finished = 0;
  offered = 0;
  declined = 0;
  #level: FrameworkLevel;
  #launched = 0;
  #offers: Offer[] = [];
  readonly #league: BenchLeague;

  constructor(league: BenchLeague, kind: Kind, n: number) {
    this.#league = league;
    this.kind = kind;
    this.#level = {
      id: `${kind.name}-${n}`,
      rev: 1,
      state: "active",
      name: kind.name,
      user: "bench",
      principal: null,
      checkpoint: false,
      capabilities: ["MULTI_ROLE"],
      roles: [wish(kind.role(n))],
    };
  }

  get id(): string {
    return this.#level.id;
  }

  say(): void {
    this.#league.broker.call("framework", this.#level);
  }

  hear({ offers, rescinded, tasks }: Tell): void {
    this.offered += offers.length;
    this.#offers = [...this.#offers, ...offers].filter(({ id }) => !rescinded.includes(id));
    this.finished += tasks.filter(({ state }) => state === "succeeded").length;
  }

  answer(): void {
    for (const offer of this.#offers.splice(0)) {
      const { each, perOffer, tasks } = this.kind;
      const most = Math.min(perOffer, tasks - this.#launched, timesFits(each, amountsOf(offer.pieces)));
      if (most <= 0) {
        this.declined += 1;
        this.#league.cluster.call("decline", { framework: this.id, offers: [offer.id], refuseMs: REFUSE_MS });
        continue;
      }
      const launches = Array.from({ length: most }, (_, n) => launchTask(offer, `t${this.#launched + n}`, each));
      this.#launched += most;
      const accept = { framework: this.id, id: offer.id, offers: [offer.id], refuseMs: REFUSE_MS };
      const { rejected } = this.#league.cluster.call("accept", { ...accept, operations: [launch(...launches)] }) as {
        rejected: unknown[];
      };
      if (rejected.length > 0) throw new Error(`refused: ${JSON.stringify(rejected[0])}`);
      if (this.#launched < tasks) continue;
      this.#level = { ...this.#level, rev: 2, roles: this.#level.roles.map((one) => ({ ...one, suppressed: true })) };
      this.say();
    }
  }
}

/** A node that runs what it is given for a while. */
class Node {
  readonly #league: BenchLeague;
  readonly #name: string;
  readonly #runs = new Map<string, { task: string; epoch: number; endsAt: number }>();
  #updates: Update[] = [];

  constructor(league: BenchLeague, name: string) {
    this.#league = league;
    this.#name = name;
    league.join(name, CAPACITY);
  }

  poll(nowMs: number): void {
    for (const [key, { task, epoch, endsAt }] of this.#runs) {
      if (endsAt > nowMs) continue;
      this.#runs.delete(key);
      this.#updates.push({
        uuid: `${key}:end`,
        task,
        epoch,
        state: "succeeded",
        reason: "exit",
        code: 0,
        ranMs: RUN_MS,
      });
    }
    const running = [...this.#runs.values()].map(({ task, epoch }) => [task, epoch]);
    const { acked, assignments } = this.#league.poll(this.#name, { running, updates: this.#updates });
    const known = new Set(acked);
    this.#updates = this.#updates.filter(({ uuid }) => !known.has(uuid));
    for (const { task, epoch } of assignments)
      this.#runs.set(`${task}@${epoch}`, { task, epoch, endsAt: nowMs + RUN_MS });
  }
}
