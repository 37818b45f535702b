/** What decides where the tasks of a job may go and would rather go, read once a job. */
import { type Constraint, isOwn, parseConstraint } from "../../model/constraints.ts";
import type { Template } from "../../model/job.ts";
import { type Apart, rulesOf } from "../../model/placing.ts";
import type { Resources } from "../../model/resources.ts";
import { type Shape, shapeKey, shapeOf } from "../packing/shape.ts";

export interface Asked {
  /** equal for jobs that may go to the same nodes and prefer the same, as far as no other task has a say */
  readonly key: string;
  /** what a job is called by others' preferences */
  readonly job: { readonly id: string; readonly name: string; readonly apart: readonly Apart[] };
  readonly demand: Resources;
  /** null: no set of devices is that much */
  readonly shape: Shape | null;
  readonly shapeKey: string;
  readonly role: string;
  readonly driver: string;
  readonly rules: readonly { rule: Constraint; weight: number }[];
  readonly beside: readonly { job: string; over: string; weight: number }[];
  readonly spread: readonly string[];
  /** fixed ones */
  readonly ports: readonly number[];
}

type Wanted = Pick<
  Template,
  "name" | "resources" | "constraints" | "preferences" | "apart" | "spread" | "ports" | "role" | "driver"
>;

export function askedOf(id: string, wanted: Wanted): Asked {
  const { resources, preferences, apart, spread, ports, role, driver, name } = wanted;
  const constraints = wanted.constraints.map(parseConstraint).filter((c) => c !== null);
  const shape = shapeOf(resources, constraints);
  const rules = rulesOf(preferences);
  const key = shape === null ? "" : shapeKey(shape);
  return {
    key: JSON.stringify([key, role, driver, rules]),
    job: { id, name, apart },
    demand: resources,
    shape,
    // Names of nodes say nothing of what will come.
    shapeKey: constraints.some(isOwn) ? "" : key,
    role,
    driver,
    rules,
    beside: preferences.flatMap((one) => ("job" in one ? [one] : [])),
    spread,
    ports,
  };
}
