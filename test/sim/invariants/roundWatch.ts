/** Holds what the Broker says of its rounds: nobody starves, all that wait are told why; and counts the optimised ones. */
import { REASONS } from "../../../src/model/reasons.ts";
import { isTerminal } from "../../../src/model/states.ts";
import type { ExplainView, JobView } from "../../../src/model/views.ts";
import type { World } from "../world/world.ts";
import type { Checks } from "./checks.ts";

export class RoundWatch {
  readonly #world: World;
  #life = 0;
  #inLife = 0;
  #before = 0;

  constructor(world: World) {
    this.#world = world;
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
    for (const person of this.#world.people) if (person.acknowledged && !person.done) this.#explain(person.plan.id);
  }

  #explain(id: string): void {
    const { broker, checks } = this.#world;
    const view = broker.ask("job", { id }) as JobView;
    if (isTerminal(view.state)) return;
    const { reason, sentence } = broker.ask("explain", { id }) as ExplainView;
    if (view.counts.waiting > 0) holdReason(checks, reason, sentence, () => `explain ${id}`);
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
