/** Leagues to try rounds on, said in few words. */

import type { Resources } from "../model/resources.ts";
import { DEFAULT_POLICY, type RolePolicy } from "../model/role.ts";
import type { RoundHeld, RoundInput, RoundJob, RoundPartition } from "./input.ts";

/** One node that has it all, in a cluster of that name. */
export const partition = (cluster: string, usable: Resources, rest: Partial<RoundPartition> = {}): RoundPartition => ({
  cluster,
  name: "default",
  owner: null,
  isSlice: false,
  usable,
  offered: {},
  lendable: {},
  price: 1,
  speed: 1,
  shapes: [{ count: 1, capacity: usable, attributes: { arch: "x64" }, drivers: ["process"] }],
  ...rest,
});

export const job = (id: string, demand: Resources, remaining: number, rest: Partial<RoundJob> = {}): RoundJob => ({
  id,
  unit: 1,
  demand,
  constraints: [],
  role: "default",
  driver: "process",
  clusters: null,
  apart: [],
  preferences: [],
  priority: 50,
  remaining,
  held: new Map(),
  meanRunMs: null,
  ...rest,
});

/** What runs in the default partitions of clusters. */
export const running = (charged: Record<string, number>): ReadonlyMap<string, RoundHeld> =>
  new Map(Object.entries(charged).map(([cluster, n]) => [`${cluster}/default`, { charged: n, barred: false }]));

export const league = (
  partitions: RoundPartition[],
  jobs: RoundJob[],
  roles: Record<string, Partial<RolePolicy>> = {},
  rest: Partial<RoundInput> = {},
): RoundInput => ({
  partitions,
  jobs,
  roles: new Map(Object.entries(roles).map(([role, policy]) => [role, { ...DEFAULT_POLICY, ...policy }])),
  history: new Map(),
  plan: null,
  objective: "utilisation",
  ...rest,
});

/** Tasks of a job in all places. */
export const total = (limits: ReadonlyMap<string, ReadonlyMap<string, number>>, id: string): number =>
  [...(limits.get(id)?.values() ?? [])].reduce((a, b) => a + b, 0);
