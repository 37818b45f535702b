/** People: they submit jobs under a key until that is acknowledged, look at them, cancel some, and remember what they saw. */
import { createHash } from "node:crypto";
import type { Decision } from "../../../src/model/decision.ts";
import { type JobSpecInput, jobSpecSchema, taskCount } from "../../../src/model/job.ts";
import { isNever } from "../../../src/model/reasons.ts";
import { isTerminal } from "../../../src/model/states.ts";
import type { ExplainView, JobView } from "../../../src/model/views.ts";
import { holdReason } from "../invariants/roundWatch.ts";
import type { Chance } from "../world/random.ts";
import type { World } from "../world/world.ts";
import type { PlannedSpec } from "./plans.ts";

export interface Plan {
  id: string;
  spec: JobSpecInput;
  count: number;
  submitAtMs: number;
  cancelAtMs: number | null;
  atMostOne: boolean;
  keep: boolean;
  /** its tasks run long, and shall go on elsewhere before they stop */
  serves: boolean;
  /** the one node it may run on, which may never come back; null: any */
  pinned: string | null;
  /** plans it first, thinks so long, and submits it with the plan's token; null: submits it as it comes */
  pondersMs: number | null;
  /** no node can ever run it: it is told so, and given up then; null: some might */
  givesUpAtMs: number | null;
}

const LOOK_EVERY_MS = 20_000;
const PLANS_FIRST = 0.4;
const MOST_PONDERED_MS = 20_000;
const SENT_AGAIN = 0.15;

/** How far along a state is; it never falls. */
const RANK: Record<JobView["state"], number> = {
  waiting: 0,
  running: 1,
  cancelling: 2,
  succeeded: 3,
  failed: 3,
  cancelled: 3,
};

export class Person {
  readonly plan: Plan;
  acknowledged = false;
  last: JobView | null = null;
  readonly #world: World;
  #hasBegun = false;
  /** false: it has cancelled it */
  #wantsIt = true;
  /** rises when what is on its way to the Broker is for nothing */
  #turn = 0;

  constructor(world: World, plan: Plan) {
    this.#world = world;
    this.plan = plan;
    world.timeline.at(plan.submitAtMs, () => this.#submit());
  }

  get done(): boolean {
    return this.last !== null && isTerminal(this.last.state);
  }

  #submit(): void {
    const { id, spec, pondersMs } = this.plan;
    const digest = createHash("sha256").update(JSON.stringify(spec)).digest("hex");
    const job = { digest, spec: jobSpecSchema.parse(spec) };
    this.#hasBegun = true;
    const turn = this.#turn;
    if (pondersMs === null) this.#send(job, null);
    else {
      const submit = (told: Decision | null) =>
        this.#world.timeline.after(pondersMs, () => {
          if (turn === this.#turn) this.#send(job, told);
        });
      this.#world.plans.ask(id, job, submit);
    }
  }

  #send(job: PlannedSpec, told: Decision | null): void {
    const { id, spec, cancelAtMs, givesUpAtMs } = this.plan;
    const args = { id, ...job, ...(told && { plan: told }) };
    this.#world.trace(() => `a person submits ${id}${told ? " as planned" : ""}: ${JSON.stringify(spec)}`);
    this.#world.edge.request(this.#world.broker, "submit", args, (answer) => {
      // As it was planned or not at all: then as it comes.
      if (!answer.ok && answer.code === "plan-changed") {
        this.#world.happenings.note("plan-changed");
        this.#send(job, null);
        return;
      }
      this.#world.checks.hold(
        "acknowledged-kept",
        answer.ok,
        () => `submission of ${id} is answered ${JSON.stringify(answer)}`,
      );
      this.acknowledged = true;
      this.#world.jobWaits.acknowledged(id);
      if (answer.ok) this.#holdOwn(answer.value as JobView);
      if (answer.ok) this.look(answer.value as JobView);
      this.#lookLater();
      if (cancelAtMs !== null) this.#world.timeline.at(cancelAtMs, () => this.cancel());
      if (givesUpAtMs !== null) this.#world.timeline.at(givesUpAtMs, () => this.#giveUp());
      this.#sendAgain(job);
    });
  }

  /** The same key once more, for the same job or another. */
  #sendAgain(job: PlannedSpec): void {
    const { id } = this.plan;
    const { timeline, edge, broker, checks, happenings } = this.#world;
    const chance = this.#world.chanceOf(`again ${id}`);
    if (!chance.of(SENT_AGAIN) || !happenings.isWanted("submit-again", id)) return;
    const isOther = chance.of(0.5);
    const args = { id, ...job, ...(isOther && { digest: `${job.digest}-of-another` }) };
    timeline.after(chance.spread(1, MOST_PONDERED_MS), () =>
      edge.request(broker, "submit", args, (answer) => {
        checks.hold(
          "submitted-once",
          isOther ? !answer.ok && answer.code === "idempotency-key-reused" : answer.ok,
          () => `${isOther ? "another job under the key of" : "again"} ${id} is answered ${JSON.stringify(answer)}`,
        );
        if (answer.ok) this.#holdOwn(answer.value as JobView);
      }),
    );
  }

  /** However often it was sent until it was answered. */
  #holdOwn(view: JobView): void {
    const { id } = this.plan;
    this.#world.checks.hold("submitted-once", view.id === id, () => `${id} is answered with job ${view.id}`);
  }

  #giveUp(): void {
    // It asks for it again first.
    if (!this.acknowledged) return;
    const { edge, broker, checks } = this.#world;
    const { id } = this.plan;
    edge.request(broker, "explain", { id }, (answer) => {
      const reason = answer.ok ? (answer.value as ExplainView).reason : null;
      checks.hold(
        "reasons-told",
        reason !== null && isNever(reason),
        () => `${id} can never run and is answered ${JSON.stringify(answer)}`,
      );
      this.cancel();
    });
  }

  cancel(): void {
    this.#wantsIt = false;
    this.#world.trace(() => `a person cancels ${this.plan.id}`);
    this.#world.edge.request(this.#world.broker, "cancel", { id: this.plan.id }, () => {});
  }

  /** What it was told of came after the backup that the Broker woke on. What is unknown there it submits again, soon or late. */
  brokerRestored(): void {
    const { timeline, broker } = this.#world;
    const { id } = this.plan;
    this.#turn += 1;
    this.last = null;
    this.acknowledged = broker.home.query("SELECT 1 FROM job WHERE id = ?", id).length > 0;
    if (this.acknowledged) {
      this.#lookLater();
      if (!this.#wantsIt) this.cancel();
    } else if (this.#hasBegun) {
      const turn = this.#turn;
      const forMs = this.#world.chanceOf(`again ${id} after restore ${turn}`).spread(100, MOST_PONDERED_MS);
      timeline.after(forMs, () => {
        if (turn === this.#turn) this.#submit();
      });
    }
  }

  #lookLater(): void {
    if (this.done && !this.#world.faulty) return;
    const turn = this.#turn;
    this.#world.timeline.after(LOOK_EVERY_MS, () => {
      if (turn !== this.#turn) return;
      this.#world.edge.request(this.#world.broker, "job", { id: this.plan.id }, (answer) => {
        this.#world.checks.hold(
          "acknowledged-kept",
          answer.ok,
          () => `${this.plan.id} was acknowledged and is answered ${JSON.stringify(answer)}`,
        );
        if (answer.ok) this.look(answer.value as JobView);
        this.#lookLater();
      });
    });
  }

  /** A view asked for after `last` was seen. */
  look(view: JobView): void {
    const { last } = this;
    const { counts } = view;
    const over = counts.succeeded + counts.failed + counts.cancelled;
    const { checks } = this.#world;
    if (last !== null) {
      checks.hold(
        "terminal-final",
        RANK[view.state] >= RANK[last.state] &&
          (!isTerminal(last.state) || view.state === last.state) &&
          counts.succeeded >= last.counts.succeeded &&
          counts.failed >= last.counts.failed &&
          counts.cancelled >= last.counts.cancelled,
        () => `${view.id} went from ${summary(last)} to ${summary(view)}`,
      );
    }
    checks.hold(
      "indices-conserved",
      over + counts.waiting + counts.live === view.count && isTerminal(view.state) === (over === view.count),
      () => `${view.id}: ${summary(view)} of ${view.count}`,
    );
    this.#holdOver(view);
    if (counts.waiting > 0 && !isTerminal(view.state))
      holdReason(checks, view.waits?.reason, view.waits?.detail, () => `${view.id} ${summary(view)}`);
    this.last = view;
  }

  /** It is over only when nothing of it can run any more. */
  #holdOver({ id, state }: JobView): void {
    if (!isTerminal(state) || !this.plan.atMostOne) return;
    const { watch, checks } = this.#world;
    for (let index = 0; index < this.plan.count; index++) {
      const process = [...watch.story(`${id}.${index}`).alive].find((one) => !watch.mayBeDoubled(one));
      checks.hold(
        "terminal-final",
        process === undefined,
        () => `${id} is ${state} while ${process?.key} lives on ${process?.machine}`,
      );
    }
  }
}

const summary = ({ state, counts }: JobView): string => `${state} ${JSON.stringify(counts)}`;

/** The same job under another role, with another priority. */
export const underRole = (plan: Plan, role: string, priority: number): Plan => ({
  ...plan,
  spec: { ...plan.spec, role, priority },
});

/** Some leagues get more at once than they can run: then roles compete. Nothing of it is kept, for that spares nodes. */
export function drawBacklog(chance: Chance, clusters: readonly string[], faultsEndMs: number): Plan[] {
  if (!chance.of(0.4)) return [];
  const submitAtMs = chance.int(1_000, faultsEndMs * 0.4);
  return drawPlans(chance, clusters, faultsEndMs, BACKLOG)
    .filter(({ keep }) => !keep)
    .map((plan) => ({ ...plan, submitAtMs: submitAtMs + chance.int(0, 5_000) }));
}

/** Some leagues are full of long tasks when others come, who may have a right to their places. */
export function drawContest(chance: Chance, clusters: readonly string[], faultsEndMs: number): Plan[] {
  if (!chance.of(0.5)) return [];
  const long = drawPlans(chance, clusters, faultsEndMs, LONG).map((plan) => ({
    ...many(plan, 12),
    submitAtMs: chance.int(1_000, 5_000),
  }));
  const later = drawPlans(chance, clusters, faultsEndMs, LATER).map((plan) => ({
    ...plan,
    submitAtMs: chance.int(8_000, 90_000),
  }));
  return [...long.slice(0, 2), ...later].filter(({ keep }) => !keep).map((plan) => ({ ...plan, cancelAtMs: null }));
}

function many(plan: Plan, count: number): Plan {
  const { each: _, ...spec } = plan.spec;
  // One after the other they still end in time.
  return { ...plan, count, spec: { ...spec, command: "work", count, retry: { max: 0 } } };
}

/** How jobs are named, how many of them may have more than one copy, and how many must run on one node. */
const USUAL = { name: "job", copies: 0.1, pinned: 0, serves: false };
const LONG = { name: "long", copies: 0.1, pinned: 0, serves: false };
const LATER = { name: "later", copies: 0.1, pinned: 0, serves: false };
const BACKLOG = { name: "more", copies: 0.4, pinned: 0.3, serves: false };
const SERVICES = { name: "serve", copies: 1, pinned: 0, serves: true };

/** Its tasks fail often, and come back to the same node with the very reply that takes note of their end. */
const AGAIN_AND_AGAIN = { max: 8, backoff: "0s" };

/** Services are drained most; what is kept is none. */
export const drawServices = (chance: Chance, clusters: readonly string[], faultsEndMs: number): Plan[] =>
  drawPlans(chance, clusters, faultsEndMs, SERVICES)
    .filter(({ keep }) => !keep)
    .map((plan) => ({ ...plan, submitAtMs: chance.int(1_000, 20_000) }));

/** The jobs of a world, drawn from its seed. */
export function drawPlans(chance: Chance, clusters: readonly string[], faultsEndMs: number, draws = USUAL): Plan[] {
  const jobs = chance.int(1, 4);
  return Array.from({ length: jobs }, (_, i): Plan => {
    const keep = chance.of(0.1);
    const copies = !keep && chance.of(draws.copies);
    const stopAfterS = chance.int(30, 60);
    const graceS = chance.int(0, Math.floor(stopAfterS / 2) - 6);
    const count = chance.int(1, 10);
    const items = chance.of(0.3);
    const pinned = draws.pinned > 0 && chance.of(draws.pinned) ? `${chance.pick(clusters)}-n0` : null;
    const spec: JobSpecInput = {
      command: "work {}",
      ...(items ? { each: Array.from({ length: count }, (_, n) => `item ${n}`) } : { count }),
      resources: { cpus: chance.pick([0.5, 1, 1, 2]), mem: "64MiB" },
      retry: pinned === null ? { max: chance.int(0, 3), backoff: `${chance.int(0, 5)}s` } : AGAIN_AND_AGAIN,
      stopGrace: `${graceS}s`,
      ...(chance.of(0.25) && { timeout: `${chance.int(10, 120)}s` }),
      ...(pinned === null && chance.of(0.2) && { clusters: [chance.pick(clusters)] }),
      ...(pinned !== null && { constraints: [`node = ${pinned}`] }),
      ...(copies && { copies: "at-least-one" as const }),
      disconnect: keep ? "keep" : { stopAfter: `${stopAfterS}s`, ...(copies && { lostAfter: "10s" }) },
    };
    const submitAtMs = chance.int(1_000, faultsEndMs * 0.6);
    return {
      id: `${draws.name}${i}${chance.int(1000, 9999)}`,
      spec,
      count: taskCount(jobSpecSchema.parse(spec)),
      submitAtMs,
      cancelAtMs: chance.of(0.15) ? submitAtMs + chance.spread(50, 120_000) : null,
      atMostOne: !copies,
      keep,
      serves: draws.serves,
      pinned,
      pondersMs: null,
      givesUpAtMs: null,
    };
  });
}

/** Some people ask first. Drawn beside all else, so that it shifts none of it. */
export const withPlanning = (chance: Chance, plans: readonly Plan[]): Plan[] =>
  plans.map((plan) => ({ ...plan, pondersMs: chance.of(PLANS_FIRST) ? chance.spread(1, MOST_PONDERED_MS) : null }));
