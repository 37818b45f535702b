/**
 * A framework's scheduler in a simulated world: subscribes, takes offers or not, launches, acknowledges, kills, loses its
 * stream and comes back. What it was told is held against what ran.
 */

import type { CallAnswer, FrameworkCall, FrameworkEvent } from "../../../src/framework/methods.ts";
import {
  isFinal,
  type LaunchTask,
  type Offer,
  type Operation,
  type Piece,
  type TaskStatus,
} from "../../../src/model/framework.ts";
import { jobSpecSchema, templateOf } from "../../../src/model/job.ts";
import { firstPorts, portsIn, takePieces } from "../../../src/model/pieces.ts";
import type { SocketId } from "../../../src/platform/seam.ts";
import type { Chance } from "../world/random.ts";
import type { SimObject } from "../world/simObject.ts";
import { WORKER } from "../world/wire.ts";
import type { World } from "../world/world.ts";

export interface SchedulerPlan {
  id: string;
  role: string;
  subscribeAtMs: number;
  /** launches so many tasks in all */
  tasks: number;
  cpus: number;
  /** `deaf`: never answers an offer · `picky`: declines all · `eager`: launches whatever it can */
  mood: "eager" | "deaf" | "picky";
  isAware: boolean;
  /** starts at most so many tasks anew that have ended, each under another id */
  replacements: number;
  /** of each task */
  ports: number;
  /** whether what it launches on an offer is one group */
  inGroups: boolean;
  /** kills about so many of its tasks */
  kills: number;
  /** its stream is cut now and then */
  flaky: boolean;
}

const RETRY_MS = 2_000;
const STOP_AFTER_S = 30;
const FAILOVER_MS = 24 * 3_600_000;
/** The time that an offer is held, and until the clock of a Cluster that goes slow has passed it and its objects say so. */
const LAPSED_MS = 45_000;
const ASK_AGAIN_MS = 60_000;

interface Told {
  /** uuids in the order that they came, once each */
  uuids: string[];
  acked: Set<string>;
  last: TaskStatus["state"] | null;
  isOver: boolean;
}
/** What it was told of its tasks until some time. */
export type SchedulerMemory = ReadonlyMap<string, Told>;

export class Scheduler {
  readonly plan: SchedulerPlan;
  readonly tasks = new Map<string, Told>();
  wantsTearDown = false;
  isTornDown = false;
  readonly #world: World;
  readonly object: SimObject;
  readonly #chance: Chance;
  readonly #offers = new Map<string, Offer>();
  /** of those and of earlier ones */
  readonly #offeredAt = new Map<string, number>();
  #streamId = "";
  #socket: SocketId | null = null;
  #streams = 0;
  #left: number;
  #replacements: number;
  #groups = 0;
  #isAnswering = false;
  #isOver = false;

  constructor(world: World, object: SimObject, plan: SchedulerPlan) {
    this.#world = world;
    this.object = object;
    this.plan = plan;
    this.#chance = world.chanceOf(plan.id);
    this.#left = plan.tasks;
    this.#replacements = plan.replacements;
    world.timeline.at(plan.subscribeAtMs, () => this.#subscribe());
    this.#askAgain();
  }

  /** Nothing more is launched, and every task has ended and is acknowledged. */
  get isDone(): boolean {
    return [...this.tasks.values()].every((told) => told.isOver || this.#isGivenUp(told));
  }

  memory(): SchedulerMemory {
    const copies = [...this.tasks].map(([id, told]): [string, Told] => [id, copyOf(told)]);
    return new Map(copies);
  }
  /** Its Framework object woke on a backup: of what it told since it may tell again. */
  restored(heard: SchedulerMemory): void {
    for (const id of this.tasks.keys()) this.tasks.set(id, copyOf(heard.get(id) ?? UNTOLD));
  }

  /** As far as anyone can tell it never was, or is lost: what the league says of it when it is asked. */
  #isGivenUp({ last }: Told): boolean {
    return !this.#world.faulty && last !== null && MAY_RETURN.has(last);
  }

  #subscribe(): void {
    if (this.#isOver) return;
    const { id, role, isAware } = this.plan;
    const streamId = `${id}-stream-${++this.#streams}`;
    this.#offers.clear();
    const subscribe = {
      streamId,
      info: {
        user: "root",
        name: id,
        failoverTimeoutMs: FAILOVER_MS,
        checkpoint: true,
        roles: [{ name: role, role }],
        hostname: null,
        principal: null,
        webuiUrl: null,
        capabilities: ["MULTI_ROLE" as const, ...(isAware ? ["PARTITION_AWARE" as const] : [])],
        labels: [],
        minAllocatable: {},
      },
      suppressedRoles: [],
      constraints: { roles: {} },
      optionsError: null,
    };
    this.#world.trace(() => `scheduler of ${id} subscribes: ${JSON.stringify(this.plan)}`);
    const { wire } = this.#world;
    const { name } = this.object;
    const first = wire.pass("socket.subscribe", WORKER, name, { subscribe });
    const socket = this.object.openSocket(first, (event) => {
      if (this.#streamId !== streamId) return;
      if (event.type === "closed") this.#lost();
      else this.#hear(wire.pass("socket.subscribe.answer", name, WORKER, event.message as FrameworkEvent));
    });
    this.#streamId = streamId;
    this.#socket = socket;
    if (socket === null) this.#lost();
    else if (this.plan.flaky && this.#world.faulty && !this.#world.mood.calm) {
      this.#world.timeline.after(this.#chance.spread(2_000, 120_000), () => this.#cut(streamId));
    }
  }

  #cut(streamId: string): void {
    if (this.#streamId !== streamId || this.#socket === null || !this.#world.faulty) return;
    if (!this.#world.happenings.strikes("stream-cut", this.plan.id)) return;
    this.object.closeSocket(this.#socket);
    this.#lost();
  }

  #lost(): void {
    this.#streamId = "";
    this.#socket = null;
    this.#world.timeline.after(this.#chance.int(RETRY_MS / 2, RETRY_MS), () => {
      if (this.#streamId === "") this.#subscribe();
    });
  }

  /** Whatever it does not answer is others' after a while. */
  look(): void {
    const { checks, timeline, isCalm, calmAtMs } = this.#world;
    if (!isCalm || this.plan.mood !== "deaf" || this.#streamId === "" || this.wantsTearDown) return;
    for (const id of this.#offers.keys()) {
      const heldForMs = timeline.nowMs - Math.max(calmAtMs, this.#offeredAt.get(id) ?? 0);
      checks.hold(
        "offers-let-go",
        heldForMs <= LAPSED_MS,
        () => `${this.plan.id} is offered ${id} for ${heldForMs} ms`,
      );
    }
  }

  /** A call may be lost on its way there or back: nothing of it is repeated but what is safe to. */
  #call(call: FrameworkCall, done: (answer: CallAnswer) => void = () => {}): void {
    const { network, wire } = this.#world;
    const { name } = this.object;
    const args = wire.pass("framework.call", WORKER, name, { streamId: this.#streamId, principal: null, call });
    const lost = () => {};
    network.send(
      "people",
      () =>
        this.object.call("call", args, (answer) => {
          if (!answer.ok) return;
          const told = wire.pass("framework.call.answer", name, WORKER, answer.value as CallAnswer);
          network.send("people", () => done(told), lost);
        }),
      lost,
    );
  }

  #hear(event: FrameworkEvent): void {
    const { checks } = this.#world;
    switch (event.type) {
      case "SUBSCRIBED":
        checks.hold(
          "framework-kept",
          event.frameworkId === this.plan.id,
          () => `${this.plan.id}: ${event.frameworkId}`,
        );
        this.#call({ type: "RECONCILE", tasks: [] });
        return;
      case "OFFERS":
        for (const offer of event.offers) {
          this.#offers.set(offer.id, offer);
          this.#offeredAt.set(offer.id, this.#world.timeline.nowMs);
        }
        this.#answerLater();
        return;
      case "RESCIND":
        this.#offers.delete(event.offerId);
        return;
      case "UPDATE":
        this.#update(event.status);
        return;
      case "ERROR":
        checks.hold("framework-kept", false, () => `${this.plan.id} is told ${event.message}`);
    }
  }

  /** Whatever has come by then. */
  #answerLater(): void {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    this.#world.timeline.after(this.#chance.spread(1, 5_000), () => {
      this.#isAnswering = false;
      this.#answerOffers();
    });
  }

  #answerOffers(): void {
    const { mood } = this.plan;
    if (mood === "deaf" || this.#streamId === "") return;
    const unwanted: string[] = [];
    for (const offers of this.#takeTogether()) {
      const offerIds = offers.map(({ id }) => id);
      const offer = { ...(offers[0] as Offer), pieces: offers.flatMap(({ pieces }) => pieces) };
      const operations = mood === "eager" ? this.#operationsFor(offer) : [];
      const refuseMs = this.#chance.pick([0, 1_000, 5_000, 60_000]);
      if (operations.length === 0) unwanted.push(...offerIds);
      else {
        this.#call({ type: "ACCEPT", offerIds, operations, refuseMs });
        if (this.#chance.of(0.1)) this.#acceptAgain(offer);
      }
    }
    const refuseMs = this.#chance.pick([0, 1_000, 5_000, 60_000]);
    if (unwanted.length > 0) this.#call({ type: "DECLINE", offerIds: unwanted, refuseMs });
    // What it has refused it asks for again.
    if (this.#left > 0 && this.#chance.of(0.05)) this.#call({ type: "REVIVE", roles: [] });
    if (this.plan.kills > 0 && this.#chance.of(0.3)) this.#killOne();
    if (this.#world.faulty && this.#chance.of(0.03)) this.#rest();
  }

  /** What is offered of one node to one role may be taken at once. */
  #takeTogether(): Offer[][] {
    const offers = [...this.#offers.values()];
    this.#offers.clear();
    if (this.#chance.of(0.5)) return offers.map((offer) => [offer]);
    return [...Map.groupBy(offers, ({ agent, role }) => `${agent.id} ${role}`).values()];
  }

  /** It has forgotten that it did, or thinks that it was not heard; nothing of it may be launched. */
  #acceptAgain(offer: Offer): void {
    this.#world.timeline.after(this.#chance.spread(1, 3_000), () => {
      const tasks = this.#world.faulty && this.#streamId !== "" ? this.#tasksFor(offer) : [];
      if (tasks.length === 0) return;
      this.#call({ type: "ACCEPT", offerIds: [offer.id], operations: [this.#launchOf(tasks)], refuseMs: 0 });
    });
  }

  /** Wants no offers for a while. */
  #rest(): void {
    this.#call({ type: "SUPPRESS", roles: [] });
    this.#world.timeline.after(this.#chance.spread(1_000, 60_000), () => this.#call({ type: "REVIVE", roles: [] }));
  }

  #operationsFor(offer: Offer): Operation[] {
    const tasks = this.#world.faulty ? this.#tasksFor(offer) : [];
    if (tasks.length > 0)
      this.#world.trace(() => `scheduler of ${this.plan.id} launches ${tasks.map((t) => t.taskId)} on ${offer.id}`);
    const launch: Operation[] = tasks.length > 0 ? [this.#launchOf(tasks)] : [];
    return [...launch, ...this.#asideOf(offer, tasks)];
  }

  #launchOf(tasks: readonly LaunchTask[]): Operation {
    if (!this.plan.inGroups) return { id: null, type: "LAUNCH", tasks };
    const executorId = `${this.plan.id}-group-${++this.#groups}`;
    const inGroup = tasks.map((task) => ({ ...task, executorId }));
    return { id: null, type: "LAUNCH_GROUP", executorId, pieces: [], tasks: inGroup, error: null };
  }

  /** What was set aside before is freed, of the rest a little is set aside now and then. */
  #asideOf(offer: Offer, tasks: readonly LaunchTask[]): Operation[] {
    const reserved = offer.pieces.filter(({ reservation }) => reservation !== null);
    if (reserved.length > 0) return [{ id: null, type: "UNRESERVE", pieces: reserved, error: null }];
    const piece = {
      reservation: { role: offer.role, principal: null, labels: [] },
      amounts: { cpus: 100, mem: 16_000 },
      ports: [],
    };
    const rest = takePieces(
      offer.pieces,
      tasks.flatMap(({ pieces }) => pieces),
    );
    const fits = rest !== null && takePieces(rest, [{ ...piece, reservation: null }]) !== null;
    return fits && this.#world.faulty && this.#chance.of(0.3)
      ? [{ id: null, type: "RESERVE", pieces: [piece], error: null }]
      : [];
  }

  #tasksFor(offer: Offer): LaunchTask[] {
    const tasks: LaunchTask[] = [];
    let pool = [...offer.pieces];
    while (this.#left > 0) {
      const piece = this.#pieceOf(pool);
      const rest = takePieces(pool, [piece]);
      if (rest === null) break;
      pool = rest;
      const taskId = `${this.plan.id}-${this.tasks.size}`;
      this.#left -= 1;
      this.tasks.set(taskId, copyOf(UNTOLD));
      tasks.push({
        taskId,
        name: taskId,
        agentId: offer.agent.id,
        pieces: [piece],
        template: { ...TEMPLATE, name: taskId, env: { MESOS_FRAMEWORK_ID: this.plan.id, MESOS_TASK_ID: taskId } },
        executorId: null,
        error: null,
        told: { labels: [], discovery: null, container: null },
      });
    }
    return tasks;
  }

  #pieceOf(pool: readonly Piece[]): Piece {
    const { cpus, ports: count } = this.plan;
    const ports = firstPorts(portsIn(pool.filter(({ reservation }) => reservation === null)), count);
    return { reservation: null, amounts: { cpus, mem: 64_000, ...(count > 0 && { ports: count * 1000 }) }, ports };
  }

  #killOne(): void {
    const [taskId] = [...this.tasks].find(([, { last }]) => last === "TASK_RUNNING") ?? [];
    if (taskId === undefined) return;
    this.plan.kills -= 1;
    this.#call({ type: "KILL", taskId, agentId: null, graceMs: null });
  }

  #update(status: TaskStatus): void {
    const { taskId, uuid, state, agentId } = status;
    const told = this.tasks.get(taskId);
    const { checks } = this.#world;
    checks.hold(
      "updates-told",
      told !== undefined,
      () => `${this.plan.id} is told of ${taskId}: ${JSON.stringify(status)}`,
    );
    if (!told) return;
    this.#world.trace(
      () => `scheduler of ${this.plan.id} hears ${taskId} ${state} ${status.reason ?? ""} ${uuid ?? ""}`,
    );
    if (isFinal(state) && !(told.last && isFinal(told.last))) this.#replace();
    const before = told.last;
    told.last = state;
    if (isForGood(status)) this.#world.launches.toldOver(this.plan.id, status);
    if (uuid === null) {
      if (isForGood(status)) told.isOver = true;
      return;
    }
    if (!told.uuids.includes(uuid)) {
      checks.hold(
        "updates-told",
        told.uuids.length === 0 || told.acked.has(told.uuids.at(-1) ?? ""),
        () => `${taskId}: ${state} comes before the one before it was acknowledged`,
      );
      // Asked for its state, it may hear of the end before the end itself is told.
      const isNews = !told.isOver || state === before;
      checks.hold("updates-told", isNews, () => `${taskId} is over, ${before}, and is told to be ${state}`);
      told.uuids.push(uuid);
    }
    if (this.#chance.of(this.#world.faulty ? 0.8 : 1)) {
      // Sent is all that it knows; what is lost comes again.
      told.acked.add(uuid);
      if (isFinal(state)) told.isOver = true;
      const acknowledge = () => this.#call({ type: "ACKNOWLEDGE", agentId: agentId ?? "", taskId, uuid });
      acknowledge();
      if (this.#chance.of(0.1)) this.#world.timeline.after(this.#chance.spread(1, 20_000), acknowledge);
    }
  }

  #replace(): void {
    if (this.#replacements === 0) return;
    this.#replacements -= 1;
    this.#left += 1;
  }

  /** As Mesos tells frameworks to: of what is not known to be over it asks now and then. */
  #askAgain(): void {
    this.#world.timeline.after(ASK_AGAIN_MS, () => {
      const open = [...this.tasks].filter(([, { isOver }]) => !isOver).map(([taskId]) => ({ taskId, agentId: null }));
      if (this.#streamId !== "" && open.length > 0) this.#call({ type: "RECONCILE", tasks: open });
      this.#askAgain();
    });
  }

  /** What ran is over, and it was told so. */
  checkEnd(): void {
    const { checks, launches } = this.#world;
    for (const [taskId, told] of this.tasks) {
      const runs = launches.isAlive(this.plan.id, taskId);
      checks.hold(
        "updates-told",
        (told.isOver || this.#isGivenUp(told)) && !runs,
        () => `${taskId} is told to be ${told.last}, runs: ${runs}`,
      );
    }
  }

  /** Its people are done with it; asked again until it is answered. */
  tearDown(): void {
    this.wantsTearDown = true;
    if (this.isTornDown) return;
    if (this.#streamId !== "")
      this.#call({ type: "TEARDOWN" }, ({ status }) => {
        this.isTornDown ||= status === 202;
        this.#isOver = this.isTornDown;
      });
    this.#world.timeline.after(RETRY_MS, () => this.tearDown());
  }
}

const UNTOLD: Told = { uuids: [], acked: new Set(), last: null, isOver: false };
const copyOf = (told: Told): Told => ({ ...told, uuids: [...told.uuids], acked: new Set(told.acked) });

/** What is told so may still run, and is told otherwise then. */
const MAY_RETURN = new Set<TaskStatus["state"]>(["TASK_LOST", "TASK_UNKNOWN"]);
/** What is to be acknowledged is never taken back. */
const isForGood = ({ state, uuid }: TaskStatus): boolean => isFinal(state) && (uuid !== null || !MAY_RETURN.has(state));

const {
  resources: _,
  role: __,
  ports: ___,
  ...TEMPLATE
} = templateOf(
  jobSpecSchema.parse({ command: "work", stopGrace: "3s", disconnect: { stopAfter: `${STOP_AFTER_S}s` } }),
);

/** Some leagues have frameworks beside their jobs. */
export function drawSchedulers(chance: Chance, roles: readonly string[], faultsEndMs: number): SchedulerPlan[] {
  if (!chance.of(0.5)) return [];
  return Array.from({ length: chance.int(1, 3) }, (_, n) => ({
    id: `framework-${n}-${chance.int(1000, 9999)}`,
    role: chance.pick(roles),
    subscribeAtMs: chance.int(500, faultsEndMs * 0.4),
    tasks: chance.int(1, 12),
    cpus: chance.pick([200, 500, 1000, 2000]),
    mood: chance.pick(["eager", "eager", "eager", "picky", "deaf"]),
    isAware: chance.of(0.5),
    replacements: chance.pick([0, 2, 6]),
    ports: chance.pick([0, 0, 1, 2]),
    inGroups: chance.of(0.3),
    kills: chance.of(0.3) ? chance.int(1, 3) : 0,
    flaky: chance.of(0.5),
  }));
}
