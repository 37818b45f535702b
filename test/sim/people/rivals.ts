/**
 * When the faults are long over and everything may be used again, roles compete: some fill the league with long work,
 * then one comes that was promised a part of it.
 */
import type { LeagueSettings } from "../../../src/model/league.ts";
import { DEFAULT_POLICY, lineage, type RolePolicy } from "../../../src/model/role.ts";
import type { Chance } from "../world/random.ts";
import type { ClusterDraw } from "./fleet.ts";
import { type LeagueDraw, ROLES } from "./league.ts";
import type { Plan } from "./person.ts";

export interface Rivalry {
  jobs: Plan[];
  /** what is promised before they come; null: nothing new */
  promise: { role: string; policy: RolePolicy; atMs: number } | null;
}

const SOME = 0.8;
/** Each machine costs its polls. */
const MOST_MACHINES = 20;
/** Silences are over, and what was drained is used again, but for some. */
const BEGIN_AFTER_MS = 150_000;
const FILLED_WITHIN_MS = 60_000;
/** Beside what owners wait and what runs is spared: then it was for long enough. */
const OVER_AFTER_MS = 160_000;
const MOST_TASKS = 60;
const NONE: Rivalry = { jobs: [], promise: null };

/** @param patience of the league @param busy roles of frameworks, which use as much as they like */
export function drawRivalry(
  chance: Chance,
  league: LeagueDraw,
  fleet: readonly ClusterDraw[],
  faultsEndMs: number,
  { graceMs = 0, minRunMs = 0 }: Partial<LeagueSettings>,
  busy: readonly string[],
): Rivalry {
  const machines = fleet.flatMap((cluster) => cluster.machines);
  const quiet = ROLES.filter((role) => !busy.some((other) => lineage(other).includes(role)));
  if (quiet.length === 0 || machines.length > MOST_MACHINES || !chance.of(SOME)) return NONE;
  const promise = drawPromise(chance, quiet);
  const beginMs = faultsEndMs + BEGIN_AFTER_MS + chance.int(0, 20_000);
  const filledMs = beginMs + FILLED_WITHIN_MS;
  const cpus = machines.reduce((sum, { capacity }) => sum + (capacity.cpus ?? 0), 0) / 1000;
  const borrowers = borrowersOf(league, promise.role);
  const fillers = Array.from({ length: chance.int(1, 2) }, (_, i) => {
    const each = chance.pick([1, 2, 2]);
    const count = Math.min(MOST_TASKS, Math.ceil((cpus / each) * chance.pick([1, 1.3])));
    return rival(chance, `rival${i}`, chance.pick(borrowers), each, count, beginMs + chance.int(0, 5_000));
  });
  const each = chance.pick([0.5, 1, 1]);
  const count = Math.ceil((promise.policy.guarantee.cpus ?? 0) / 1000 / each) + chance.int(1, 4);
  const asks = rival(chance, "asks", promise.role, each, count, chance.int(beginMs + FILLED_WITHIN_MS / 2, filledMs));
  const jobs = [...fillers, asks].map((plan) => ({
    ...plan,
    cancelAtMs: filledMs + graceMs + minRunMs + OVER_AFTER_MS,
  }));
  return { jobs, promise: { ...promise, atMs: beginMs } };
}

function drawPromise(chance: Chance, roles: readonly string[]): { role: string; policy: RolePolicy } {
  const guarantee = { cpus: chance.pick([1000, 2000, 2000, 4000]) };
  return { role: chance.pick(roles), policy: { ...DEFAULT_POLICY, weight: chance.pick([0.5, 1, 2]), guarantee } };
}

/** Roles beside it, if there are any that may have a lot. */
function borrowersOf({ roles, names }: LeagueDraw, role: string): string[] {
  const others = names.filter((name) => lineage(name).at(-1) !== lineage(role).at(-1));
  const isLimited = (name: string) =>
    lineage(name).some((above) => Object.keys(roles.find((one) => one.name === above)?.policy.limit ?? {}).length > 0);
  const lavish = others.filter((name) => !isLimited(name));
  return lavish.length > 0 ? lavish : others.length > 0 ? others : names;
}

function rival(chance: Chance, name: string, role: string, cpus: number, count: number, submitAtMs: number): Plan {
  const spec = {
    command: "work",
    count,
    role,
    resources: { cpus, mem: "16MiB" },
    stopGrace: `${chance.int(0, 9)}s`,
    disconnect: { stopAfter: "60s" },
  };
  return {
    id: `${name}${chance.int(1000, 9999)}`,
    spec,
    count,
    submitAtMs,
    cancelAtMs: null,
    atMostOne: true,
    keep: false,
    serves: false,
    pinned: null,
    pondersMs: null,
    givesUpAtMs: null,
  };
}
