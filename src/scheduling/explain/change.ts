/** Changes that may let a waiting job start, and what a round sees once one is made. */
import type { Constraint } from "../../model/constraints.ts";
import { type PartitionKey, partitionKey } from "../../model/partition.ts";
import { add, type Resources } from "../../model/resources.ts";
import { DEFAULT_POLICY } from "../../model/role.ts";
import type { Shape } from "../../protocol/levels.ts";
import type { RoundInput, RoundJob } from "../input.ts";
import { taskDemand } from "../slots.ts";

export type Change =
  /** smaller tasks; `times` as many of them do the same work, in gangs that are so many times as large */
  | { kind: "resources"; demand: Resources; times: number }
  /** so many tasks start together, instead of more */
  | { kind: "gang"; size: number }
  /** `written`: in its place; null: nothing */
  | { kind: "constraints"; constraints: readonly Constraint[]; dropped: string; written: string | null }
  | { kind: "any-cluster" }
  | { kind: "role"; role: string }
  | { kind: "bound"; role: string; bound: "limit" | "borrow" | "lend"; resource: string; to: number }
  | { kind: "lend"; partition: PartitionKey }
  | { kind: "nodes"; cluster: string; partition: string; shape: Shape; count: number };

export function withChange(input: RoundInput, job: RoundJob, change: Change): RoundInput {
  switch (change.kind) {
    case "resources":
      return job.unit === 1
        ? anew(input, job, { demand: change.demand }, change.times)
        : anew(input, job, gangOf(change.demand, job.unit * change.times));
    case "gang":
      return anew(input, job, gangOf(taskDemand(job), change.size), job.unit / change.size);
    case "constraints":
      return anew(input, job, { constraints: change.constraints });
    case "any-cluster":
      return anew(input, job, { clusters: null });
    case "role":
      return anew(input, job, { role: change.role });
    case "bound": {
      const policy = input.roles.get(change.role) ?? DEFAULT_POLICY;
      const bounds = { ...policy[change.bound], [change.resource]: change.to };
      return { ...input, roles: new Map(input.roles).set(change.role, { ...policy, [change.bound]: bounds }) };
    }
    case "lend":
      return {
        ...input,
        partitions: input.partitions.map((one) =>
          partitionKey(one.cluster, one.name) === change.partition ? { ...one, lendable: {} } : one,
        ),
      };
    case "nodes":
      return withNodes(input, change);
  }
}

/** The job that is submitted in place of what waits; what runs of the first one goes on. */
export const ANEW = "anew";

const gangOf = (demand: Resources, unit: number): Pick<RoundJob, "unit" | "demand"> => ({
  unit,
  demand: add({}, demand, unit),
});

function anew(input: RoundInput, job: RoundJob, rest: Partial<RoundJob>, times = 1): RoundInput {
  const runs = [...job.held.values()].reduce((n, { charged }) => n + charged, 0);
  const waits = Math.max(0, job.remaining - runs);
  // What is as large as before does not fit now where it did not before.
  const isOther = rest.demand !== undefined || rest.role !== undefined;
  const held = new Map(
    [...job.held].filter(([, { barred }]) => barred).map(([key, one]) => [key, { ...one, charged: 0 }]),
  );
  const other = { ...job, ...rest, id: ANEW, remaining: waits * times, held: isOther ? new Map() : held };
  return {
    ...input,
    jobs: [...input.jobs.map((one) => (one.id === job.id ? { ...one, remaining: runs } : one)), other],
  };
}

export function withNodes(
  input: RoundInput,
  { cluster, partition, shape, count }: Extract<Change, { kind: "nodes" }>,
): RoundInput {
  return {
    ...input,
    // New shapes let go of every bar there.
    jobs: input.jobs.map((job) => ({
      ...job,
      held: new Map(
        [...job.held].map(([key, held]) => [key, key.startsWith(`${cluster}/`) ? { ...held, barred: false } : held]),
      ),
    })),
    partitions: input.partitions.map((one) => {
      if (one.cluster !== cluster || one.name !== partition) return one;
      const usable: Record<string, number> = { ...one.usable };
      for (const [name, amount] of Object.entries(shape.capacity)) usable[name] = (usable[name] ?? 0) + amount * count;
      return { ...one, usable, shapes: [...one.shapes, { ...shape, count }] };
    }),
  };
}
