/** Holds plans to what they say: they write and send nothing, and who is taken at a plan's word gets just that. */
import { type Decision, decisionIn } from "../../../src/model/decision.ts";
import type { JobSpec } from "../../../src/model/job.ts";
import type { PlanView } from "../../../src/model/planView.ts";
import type { JobView } from "../../../src/model/views.ts";
import type { World } from "../world/world.ts";

export interface PlannedSpec {
  digest: string;
  spec: JobSpec;
}

export class Plans {
  readonly #world: World;
  /** jobs whose submission was answered once: what is answered later is told of the job as it is then */
  readonly #taken = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A person plans, and waits a while before the submission. */
  ask(id: string, job: PlannedSpec, then: (told: Decision | null) => void): void {
    const { edge, broker, checks } = this.#world;
    edge.request(broker, "plan", { job, whatIf: null }, (answer) => {
      const told = answer.ok ? decisionIn((answer.value as PlanView).token ?? "") : null;
      checks.hold("plans-kept", told !== null, () => `the plan of ${id} is answered ${JSON.stringify(answer)}`);
      this.#world.trace(() => `a person plans ${id}: ${JSON.stringify(told?.places)}`);
      then(told);
    });
  }

  /** The first answer to a submission, in the very turn that decided it. */
  submitted({ id, plan }: { id: string; plan?: Decision }, view: JobView): void {
    if (this.#taken.has(id)) return;
    this.#taken.add(id);
    if (!plan) return;
    this.#world.happenings.note("submit-as-planned");
    const told = Object.fromEntries(plan.places.map(({ partition, tasks }) => [partition, tasks]));
    const given = Object.entries(view.partitions).filter(([, { limit }]) => limit > 0);
    this.#world.checks.hold(
      "plans-kept",
      given.length === plan.places.length && given.every(([partition, { limit }]) => told[partition] === limit),
      () => `${id} was told ${JSON.stringify(told)} and got ${JSON.stringify(view.partitions)}`,
    );
  }
}
