/**
 * After the faults: why a job waits is not told for long against what the world is like. Only what is plain: a reason that
 * no node is there for it beside one that is, a limit that nobody comes up to, what is not there as the cause.
 */
import { parseConstraint, satisfies } from "../../../src/model/constraints.ts";
import { jobSpecSchema, type Template, templateOf } from "../../../src/model/job.ts";
import type { Reason } from "../../../src/model/reasons.ts";
import { add, fits, formatResources, type Resources } from "../../../src/model/resources.ts";
import { isWithin, lineage } from "../../../src/model/role.ts";
import type { JobView } from "../../../src/model/views.ts";
import type { Plan } from "../people/person.ts";
import type { World } from "../world/world.ts";
import { Promised } from "./promised.ts";
import { Spare } from "./spare.ts";

/** Everybody knows what nodes there are. */
const SETTLED_MS = 120_000;
/** News on its way, and the look that found it. */
const WRONG_FOR_MS = 60_000;

/** They say that no node could run it, were it empty. */
const NO_NODE = new Set<Reason>(["misconfigured", "no-nodes", "constraint", "not-accepted", "never-fits"]);

export class Reasons {
  readonly #world: World;
  readonly #wrongSince = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** @param told of the jobs that wait */
  look(told: readonly { plan: Plan; reason: Reason; sentence: string }[]): void {
    const { timeline, mood, checks } = this.#world;
    const isSettled = timeline.nowMs >= mood.faultsEndMs + SETTLED_MS;
    const seen = isSettled && told.length > 0 ? new Sight(this.#world) : null;
    const wrong = new Set<string>();
    for (const { plan, reason, sentence } of seen === null ? [] : told) {
      const key = `${plan.id} ${reason}`;
      const against = seen?.against(plan, reason) ?? null;
      if (against !== null) wrong.add(key);
      const since = against === null ? timeline.nowMs : (this.#wrongSince.get(key) ?? timeline.nowMs);
      if (against !== null) this.#wrongSince.set(key, since);
      const forMs = timeline.nowMs - since;
      checks.hold(
        "reasons-true",
        forMs <= WRONG_FOR_MS,
        () => `${plan.id} is told ${reason} for ${forMs} ms: ${sentence} But ${against}`,
      );
    }
    for (const key of this.#wrongSince.keys()) if (!wrong.has(key)) this.#wrongSince.delete(key);
  }
}

/** The world as it is now. */
class Sight {
  readonly #world: World;
  readonly #promised: Promised;
  readonly #spare: Spare;

  constructor(world: World) {
    this.#world = world;
    this.#promised = new Promised(world);
    this.#spare = new Spare(world, this.#promised);
  }

  /** @returns what speaks against it; null: nothing plain does */
  against(plan: Plan, reason: Reason): string | null {
    const spec = jobSpecSchema.parse(plan.spec);
    const template = templateOf(spec);
    const clusters = spec.clusters ?? null;
    if (reason === "gang") return template.gang === null ? "it has no gangs" : null;
    if (NO_NODE.has(reason)) return this.#nodeFor(template, clusters);
    if (reason === "over-limit") return this.#limitsLeave(template);
    if (reason === "offers") return this.#hasOffers() ? null : "nothing is offered or reserved";
    if (reason === "space" || reason === "share") return this.#roomFor(plan, template, clusters);
    return null;
  }

  #nodeFor({ resources, constraints, gang }: Template, clusters: readonly string[] | null): string | null {
    if (gang !== null) return null;
    const all = constraints.map(parseConstraint);
    const node = this.#spare
      .nodesIn(clusters)
      .find(
        ({ capacity, attributes }) =>
          fits(resources, capacity) && all.every((one) => one !== null && satisfies(attributes, one)),
      );
    return node ? `${node.name} has ${formatResources(node.capacity)} and is ${JSON.stringify(node.attributes)}` : null;
  }

  /** All that is wanted under each role above it stays within that one's limit. */
  #limitsLeave({ role }: Template): string | null {
    const { clusters, schedulers } = this.#world;
    const areLent = clusters.every(({ name }) => this.#spare.isOpen(name)) && this.#promised.areOpen;
    const top = lineage(role).at(-1) ?? role;
    if (!areLent || schedulers.some(({ plan, isTornDown }) => !isTornDown && isWithin(plan.role, top))) return null;
    const isNear = lineage(role).some((above) => {
      const wanted = this.#wantedIn(above);
      return Object.entries(this.#promised.limitOf(above)).some(([name, limit]) => (wanted[name] ?? 0) > limit);
    });
    return isNear ? null : `role ${role} wants ${formatResources(this.#wantedIn(role))} in all, within all limits`;
  }

  /** By all that is not over; gangs are wanted whole until the last of each has ended. */
  #wantedIn(role: string): Resources {
    let wanted: Resources = {};
    for (const { plan, acknowledged, done } of this.#world.people) {
      if (!acknowledged || done || !isWithin(String(plan.spec.role), role)) continue;
      const { counts } = this.#world.broker.ask("job", { id: plan.id }) as JobView;
      const { resources, gang } = templateOf(jobSpecSchema.parse(plan.spec));
      wanted = add(wanted, resources, gang === null ? counts.waiting + counts.live : plan.count);
    }
    return wanted;
  }

  #hasOffers(): boolean {
    return this.#world.clusters.some(
      ({ home }) => home.query("SELECT 1 FROM offer UNION ALL SELECT 1 FROM reservation").length > 0,
    );
  }

  /** A node has room, and nobody else waits for anything, or is offered it. */
  #roomFor({ id }: Plan, { resources, constraints, apart, gang }: Template, clusters: readonly string[] | null) {
    const { people, schedulers, broker } = this.#world;
    if (gang !== null || constraints.length + apart.length > 0) return null;
    const isAlone = people.every(
      ({ plan, acknowledged, done }) =>
        plan.id === id || !acknowledged || done || (broker.ask("job", { id: plan.id }) as JobView).counts.waiting === 0,
    );
    if (!isAlone || schedulers.some(({ isTornDown }) => !isTornDown)) return null;
    const node = this.#spare.nodesIn(clusters).find(({ free }) => fits(resources, free));
    return node ? `${node.name} has ${formatResources(node.free)} free, and nobody else waits` : null;
  }
}
