/** A job's units in words: tasks, or gangs of them. */
import { formatResources } from "../../model/resources.ts";
import type { RoundJob } from "../input.ts";
import { taskDemand } from "../slots.ts";

/** What one unit needs. */
export const wantedText = (job: Pick<RoundJob, "unit" | "demand">): string =>
  job.unit === 1 ? formatResources(job.demand) : `${job.unit} tasks of ${formatResources(taskDemand(job))} each`;

/** `one task more`, `3 gangs more`. */
export function moreText({ unit }: Pick<RoundJob, "unit">, units: number): string {
  const one = unit === 1 ? "task" : `gang of ${unit}`;
  return units === 1 ? `one ${one} more is` : `${units} ${unit === 1 ? "tasks" : `gangs of ${unit}`} more are`;
}
