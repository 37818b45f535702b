/** Whether placements keep every rule of an instance: by other code than places. */
import { parseConstraint, satisfies } from "../../src/model/constraints.ts";
import { add, fits, type Resources } from "../../src/model/resources.ts";
import { attributesOf, type PlaceInstance } from "./instance.ts";

export interface Placed {
  job: string;
  index: number;
  node: string;
}

/** A sentence for each rule that is broken. */
export function faultsOf(instance: PlaceInstance, placed: readonly Placed[]): string[] {
  const faults: string[] = [];
  const jobs = new Map(instance.jobs.map((job) => [job.id, job]));
  const nodes = new Map(instance.nodes.map((node) => [node.name, node]));
  const seen = new Set<string>();
  const used = new Map<string, Resources>();
  const running = new Map<string, number>();
  for (const { job: id, index, node: name } of placed) {
    const job = jobs.get(id);
    const node = nodes.get(name);
    if (!job || !node || index >= job.count) {
      faults.push(`${id}.${index} on ${name}: there is no such task or node`);
      continue;
    }
    if (seen.has(`${id}.${index}`)) faults.push(`${id}.${index} was placed twice`);
    seen.add(`${id}.${index}`);
    used.set(name, add(used.get(name) ?? {}, job.template.resources));
    running.set(id, (running.get(id) ?? 0) + 1);
    const broken = job.template.constraints.find((text) => {
      const rule = parseConstraint(text);
      return rule === null || !satisfies(attributesOf(node), rule);
    });
    if (broken !== undefined) faults.push(`${id}.${index} on ${name}: ${broken}`);
  }
  for (const [name, amounts] of used)
    if (!fits(amounts, nodes.get(name)?.inventory.capacity ?? {})) faults.push(`${name} has more than it holds`);
  for (const [id, count] of running) {
    const limit = Object.values(jobs.get(id)?.limits ?? {}).reduce((sum, one) => sum + one, 0);
    if (count > limit) faults.push(`${count} tasks of ${id} run, its limit is ${limit}`);
  }
  return faults;
}
