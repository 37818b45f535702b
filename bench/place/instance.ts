/**
 * The instances of `bench:place`: a cluster of nodes of several kinds, its partitions, and classes of tasks with
 * constraints, preferences, priorities and roles with quotas. The same size and seed give the same instance.
 */
import { accountsOf, partitionsOf } from "../../src/cluster/partitions.ts";
import { type Attributes, parseConstraint, satisfies } from "../../src/model/constraints.ts";
import { jobSpecSchema, type Template, templateOf } from "../../src/model/job.ts";
import { type PartitionSpec, restSpec } from "../../src/model/partition.ts";
import { type Resources, subtract, timesFits } from "../../src/model/resources.ts";
import type { Inventory } from "../../src/protocol/agent.ts";
import type { Counts } from "../../src/protocol/levels.ts";
import { seeded } from "../../test/support/seeded.ts";
import {
  CONSTRAINTS,
  GPU_CONSTRAINTS,
  KINDS,
  type Kind,
  NEEDS,
  type Need,
  PRIORITIES,
  RACK_NODES,
  RACKS,
  ROLES,
  ZONES,
} from "./kinds.ts";

export interface PlaceSize {
  nodes: number;
  tasks: number;
  classes: number;
}

export interface InstanceNode {
  name: string;
  inventory: Inventory;
}

/** The tasks `[0, count)` of one class, as one job. */
export interface InstanceJob {
  id: string;
  template: Template;
  count: number;
  /** by partition, how many may run at once: within the quota of its role and within what there is in all */
  limits: Counts;
}

export interface PlaceInstance {
  /** in order, `default` last */
  partitions: PartitionSpec[];
  nodes: InstanceNode[];
  /** jobs of a role never have higher limits together than fit into its quota */
  quotas: ReadonlyMap<string, Resources>;
  /** the oldest first */
  jobs: InstanceJob[];
}

export const CLUSTER = "north";
const PARTITIONS: readonly PartitionSpec[] = [
  { ...restSpec(), name: "gpu", nodes: ["has gpu_model"], owner: "lab", pack: "pack" },
  { ...restSpec(), name: "zone-d", nodes: ["zone = d"], owner: "web", pack: "pack" },
  { ...restSpec(), name: "builds", nodes: ["arch = x64"], slice: { cpus: { percent: 10 } }, owner: "builds" },
  restSpec(),
];
const MILLI = 1000;
const MILLI_PER_GIB = 1024 * MILLI;
/** Ports that the tasks of a node may have. */
const PORTS: readonly [number, number] = [31_000, 31_999];

export function placeInstance(size: PlaceSize, seed: number): PlaceInstance {
  const random = seeded(seed);
  const nodes = nodesOf(size.nodes, random);
  const free = freeOf(nodes);
  const all = [...free.values()].reduce((sum, one) => subtract(sum, negative(one)), {} as Resources);
  const quotas = new Map(ROLES.map(({ role, part }) => [role, scaled(all, part)]));
  const left = { free, quotas: new Map(quotas) };
  const jobs = countsOf(size, random).map((count, at) => {
    const template = templateFor(at, count, random);
    return { id: `j${String(at).padStart(5, "0")}`, template, count, limits: limitsOf(template, count, nodes, left) };
  });
  return { partitions: [...PARTITIONS], nodes, quotas, jobs };
}

/** As the rules of a class see it: what the Cluster adds to the inventory included. */
export const attributesOf = ({ name, inventory }: InstanceNode): Attributes => ({
  ...inventory.attributes,
  node: name,
  cluster: CLUSTER,
});

/** Those of a rack are of one kind, and in one zone. */
function nodesOf(count: number, random: () => number): InstanceNode[] {
  const perRack = Math.max(RACK_NODES.least, Math.min(RACK_NODES.most, Math.floor(count / RACKS)));
  const nodes: InstanceNode[] = [];
  for (let rack = 0; nodes.length < count; rack += 1) {
    const kind = drawn(KINDS, random);
    const zone = ZONES[Math.floor(random() * ZONES.length)] as string;
    for (let n = 0; n < perRack && nodes.length < count; n += 1)
      nodes.push(nodeOf(nodes.length, kind, zone, `${zone}${rack}`));
  }
  return nodes;
}

function nodeOf(at: number, kind: Kind, zone: string, rack: string): InstanceNode {
  const name = `n${String(at).padStart(5, "0")}`;
  return {
    name,
    inventory: {
      capacity: {
        cpus: kind.cpus * MILLI,
        mem: kind.gib * MILLI_PER_GIB,
        disk: 500 * MILLI_PER_GIB,
        ...(kind.gpus !== undefined && { gpus: kind.gpus * MILLI }),
        ports: (PORTS[1] - PORTS[0] + 1) * MILLI,
      },
      attributes: { ...kind.attributes, kind: kind.name, zone, rack, hostname: `${name}.example` },
      drivers: ["process"],
      ports: [[...PORTS]],
      version: "bench",
    },
  };
}

/** They add up to `tasks`; some classes are thirty times as large as others. */
function countsOf({ tasks, classes }: PlaceSize, random: () => number): number[] {
  const weights = Array.from({ length: classes }, () => 10 ** (1.5 * random()));
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const counts = weights.map((weight) => Math.max(1, Math.floor((tasks * weight) / sum)));
  const given = counts.reduce((all, count) => all + count, 0);
  counts[0] = Math.max(1, (counts[0] ?? 0) + tasks - given);
  return counts;
}

function templateFor(at: number, count: number, random: () => number): Template {
  const need: Need = drawn(NEEDS, random);
  const constraints = [...drawn(need.gpus === undefined ? CONSTRAINTS : GPU_CONSTRAINTS, random).rules];
  const wants = random();
  const spec = jobSpecSchema.parse({
    name: `class-${at}`,
    command: "true",
    count,
    resources: {
      cpus: need.cpus,
      mem: `${need.gib}GiB`,
      ...(need.gpus !== undefined && { gpus: need.gpus }),
      ...(need.ports !== undefined && { ports: need.ports }),
    },
    constraints,
    role: drawn(ROLES, random).role,
    priority: drawn(PRIORITIES, random).priority,
    ...(wants < 0.15 && { affinity: ["zone = a", { rule: "has ssd", weight: 20 }] }),
    ...(wants >= 0.15 && wants < 0.25 && { antiAffinity: [{ rule: "kind = large", weight: 40 }] }),
    ...(wants >= 0.25 && wants < 0.35 && { spread: "zone" }),
    ...(wants >= 0.35 && wants < 0.4 && { antiAffinity: [{ job: "self", over: "node", weight: 60 }] }),
  });
  return templateOf(spec);
}

interface Left {
  /** by partition */
  free: Map<string, Resources>;
  /** by role */
  quotas: Map<string, Resources>;
}

/** What a round would grant: as much as the quota of the role and the partitions have left, the roomiest partition first. */
function limitsOf(template: Template, count: number, nodes: readonly InstanceNode[], left: Left): Counts {
  const rules = template.constraints.map(parseConstraint).filter((rule) => rule !== null);
  const could = new Set<string>();
  for (const node of nodes) {
    const attributes = attributesOf(node);
    if (timesFits(template.resources, node.inventory.capacity) < 1) continue;
    if (!rules.every((rule) => satisfies(attributes, rule))) continue;
    for (const name of partitionsOf(PARTITIONS, attributes)) could.add(name);
  }
  let open = Math.min(count, timesFits(template.resources, left.quotas.get(template.role) ?? {}));
  const rooms = [...could]
    .map((name) => ({ name, room: timesFits(template.resources, left.free.get(name) ?? {}) }))
    .sort((a, b) => b.room - a.room || (a.name < b.name ? -1 : 1));
  const limits: Record<string, number> = {};
  for (const { name, room } of rooms) {
    const granted = Math.min(open, room);
    if (granted <= 0) continue;
    limits[name] = granted;
    open -= granted;
    take(left.free, name, template.resources, granted);
    take(left.quotas, template.role, template.resources, granted);
  }
  return limits;
}

const take = (from: Map<string, Resources>, key: string, demand: Resources, times: number): void =>
  void from.set(key, subtract(from.get(key) ?? {}, scaled(demand, times)));

/** Of partitions that share nodes, a slice has its part and the others what is left. */
export function freeOf(nodes: readonly InstanceNode[]): Map<string, Resources> {
  const unused = new Map<string, Resources>();
  const accounts = accountsOf(
    PARTITIONS,
    nodes.map((node) => ({
      attributes: attributesOf(node),
      capacity: node.inventory.capacity,
      up: true,
      used: unused,
      offered: unused,
      reserved: unused,
      stopping: unused,
    })),
  );
  return new Map([...accounts].map(([name, { free }]) => [name, free]));
}

const scaled = (amounts: Resources, times: number): Resources =>
  Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, Math.floor(amount * times)]));
const negative = (amounts: Resources): Resources =>
  Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, -amount]));

function drawn<T extends { weight: number }>(from: readonly T[], random: () => number): T {
  const sum = from.reduce((all, { weight }) => all + weight, 0);
  let at = random() * sum;
  for (const one of from) {
    at -= one.weight;
    if (at < 0) return one;
  }
  return from[from.length - 1] as T;
}
