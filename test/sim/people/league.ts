/** What the people who run a league decide, drawn from its seed: roles, partitions, what rounds aim at, and machines. */
import { type LeagueSettings, OBJECTIVES } from "../../../src/model/league.ts";
import { type Amounts, type PartitionSpec, REST, restSpec } from "../../../src/model/partition.ts";
import type { Resources } from "../../../src/model/resources.ts";
import { DEFAULT_POLICY, DEFAULT_ROLE, type RolePolicy } from "../../../src/model/role.ts";
import type { Chance } from "../world/random.ts";

export interface RoleDraw {
  name: string;
  policy: RolePolicy;
}

export interface LeagueDraw {
  /** configured before the first job */
  roles: RoleDraw[];
  /** jobs are under these, configured or not */
  names: string[];
  settings: Partial<LeagueSettings>;
}

export const ROLES = ["lab", "lab/ml", "lab/ml/night", "lab/bio", "web", "web/batch", DEFAULT_ROLE];
/** some leagues have no roles at all */
const PLAIN = 0.15;

export function drawLeague(chance: Chance): LeagueDraw {
  if (chance.of(PLAIN)) return { roles: [], names: [DEFAULT_ROLE], settings: {} };
  const names = ROLES.filter(() => chance.of(0.5));
  const roles = names.filter(() => chance.of(0.75)).map((name) => ({ name, policy: drawPolicy(chance) }));
  return { roles, names: [...names, DEFAULT_ROLE], settings: drawSettings(chance) };
}

export const drawRole = (chance: Chance): RoleDraw => ({ name: chance.pick(ROLES), policy: drawPolicy(chance) });

/** Limits leave room for any one task, so that every job ends some time. */
function drawPolicy(chance: Chance): RolePolicy {
  return {
    ...DEFAULT_POLICY,
    weight: chance.pick([0.5, 1, 1, 2, 4]),
    guarantee: chance.of(0.4) ? { cpus: chance.pick([1000, 2000, 4000]) } : {},
    limit: chance.of(0.4) ? drawLimit(chance) : {},
    borrow: chance.of(0.2) ? { cpus: chance.pick([0, 1000, 2000, 4000]) } : {},
    lend: chance.of(0.2) ? { cpus: chance.pick([0, 1000, 2000]) } : {},
  };
}

const drawLimit = (chance: Chance): Resources => ({
  cpus: chance.pick([2000, 2000, 3000, 4000, 6000]),
  ...(chance.of(0.3) && { mem: chance.pick([64_000, 128_000, 320_000]) }),
  ...(chance.of(0.2) && { gpus: chance.pick([1000, 2000, 4000]) }),
});

export function drawSettings(chance: Chance): Partial<LeagueSettings> {
  return {
    objective: chance.pick(OBJECTIVES),
    historyWeight: chance.pick([0, 0.25, 1]),
    entryPenaltyMs: chance.pick([0, 10_000]),
  };
}

/** How long owners wait, and what runs is spared. */
export const drawPatience = (chance: Chance): Partial<LeagueSettings> => ({
  graceMs: chance.pick([0, 1_000, 10_000, 60_000]),
  minRunMs: chance.pick([0, 0, 5_000, 60_000]),
});

export const drawPriority = (chance: Chance): number => chance.pick([50, 50, 20, 80]);

/** What a cluster's owner made of it before anyone used it. */
export function drawPartitions(chance: Chance, cluster: string, roles: readonly string[]): PartitionSpec[] {
  if (chance.of(0.25)) return [];
  const specs = Array.from({ length: chance.int(0, 3) }, (_, i) => drawPartition(chance, `p${i}`, cluster, roles));
  if (chance.of(0.25)) specs.push({ ...restSpec(), ...drawTerms(chance, roles) });
  return specs;
}

export const PARTITIONS = ["p0", "p1", "p2", REST];

export function drawPartition(chance: Chance, name: string, cluster: string, roles: readonly string[]): PartitionSpec {
  const terms = drawTerms(chance, roles);
  if (name === REST) return { ...restSpec(), ...terms };
  const rule = chance.pick([
    ["arch = arm64"],
    ["zone = a"],
    ["zone in a, b", "has ssd"],
    ["not has ssd"],
    [`node = ${cluster}-n0`],
  ]);
  const isSlice = chance.of(0.4);
  return {
    name,
    nodes: isSlice && chance.of(0.5) ? [] : rule,
    slice: isSlice ? drawSlice(chance) : null,
    ...terms,
  };
}

function drawSlice(chance: Chance): Amounts {
  if (chance.of(0.5)) {
    const percent = chance.pick([12.5, 25, 50, 100]);
    return { cpus: { percent }, mem: { percent } };
  }
  return { cpus: { amount: chance.pick([500, 1000, 2000, 4000, 64_000]) }, mem: { amount: 500_000 } };
}

function drawTerms(chance: Chance, roles: readonly string[]): Omit<PartitionSpec, "name" | "nodes" | "slice"> {
  return {
    owner: chance.of(0.6) ? chance.pick(roles) : null,
    lend: drawLend(chance),
    pack: chance.pick(["pack", "spread"]),
    price: chance.pick([0, 1, 1, 3]),
    speed: chance.pick([0.5, 1, 1, 2]),
  };
}

function drawLend(chance: Chance): PartitionSpec["lend"] {
  const draw = chance.next();
  if (draw < 0.4) return {};
  if (draw < 0.6) return "none";
  if (draw < 0.8) return { cpus: { percent: chance.pick([25, 50]) } };
  return {
    cpus: { amount: chance.pick([500, 1000, 2000, 3000]) },
    ...(chance.of(0.3) && { mem: { amount: 128_000 } }),
  };
}

export const drawAttributes = (chance: Chance): Record<string, string> => ({
  arch: chance.of(0.75) ? "x64" : "arm64",
  zone: chance.pick(["a", "b", "c"]),
  ...(chance.of(0.5) && { ssd: "yes" }),
});
