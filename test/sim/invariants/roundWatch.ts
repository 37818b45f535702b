/** Holds what the Broker says of its rounds: nobody starves, all that wait are told why; and counts the optimised ones. */
import { REASONS, type Reason } from "../../../src/model/reasons.ts";
import { isTerminal } from "../../../src/model/states.ts";
import type { ExplainView, JobView } from "../../../src/model/views.ts";
import type { Plan } from "../people/person.ts";
import type { World } from "../world/world.ts";
import type { Checks } from "./checks.ts";
import { Reasons } from "./reasons.ts";

export class RoundWatch {
  readonly #world: World;
  readonly #reasons: Reasons;
  #life = 0;
  #inLife = 0;
  #before = 0;

  constructor(world: World) {
    this.#world = world;
    this.#reasons = new Reasons(world);
  }

  /** Optimised rounds; those between the last look and a crash are not counted. */
  get optimisations(): number {
    return this.#before + this.#inLife;
  }

  look(): void {
    const { broker, checks } = this.#world;
    const metrics = broker.ask("metrics", {}) as Record<string, number>;
    checks.hold("nobody-starves", metrics.starved_jobs === 0, () => `${metrics.starved_jobs} jobs starve`);
    if (broker.life !== this.#life) this.#before += this.#inLife;
    this.#life = broker.life;
    this.#inLife = metrics.optimisations_total ?? 0;
    const told = this.#world.people.flatMap((person) =>
      person.acknowledged && !person.done ? (this.#explain(person.plan) ?? []) : [],
    );
    this.#reasons.look(told);
  }

  /** @returns null: it does not wait */
  #explain(plan: Plan): { plan: Plan; reason: Reason; sentence: string } | null {
    const { id } = plan;
    const { broker, checks } = this.#world;
    const view = broker.ask("job", { id }) as JobView;
    if (isTerminal(view.state)) return null;
    const { reason, sentence } = broker.ask("explain", { id }) as ExplainView;
    if (view.counts.waiting === 0) return null;
    holdReason(checks, reason, sentence, () => `explain ${id}`);
    return reason === null ? null : { plan, reason, sentence };
  }
}

const KNOWN = new Set<string>(REASONS);

export function holdReason(
  checks: Checks,
  reason: string | null | undefined,
  sentence: string | undefined,
  of: () => string,
): void {
  const isTold = reason !== null && reason !== undefined && KNOWN.has(reason) && (sentence ?? "").length > 0;
  checks.hold("reasons-told", isTold, () => `${of()}: ${reason}: ${sentence}`);
}
