/**
 * Placement inside one cluster: which waiting task goes to which node now, and in which of the node's partitions. Jobs
 * take turns in order of age, and within a role the higher priority goes first; a task that failed on a node goes
 * elsewhere if it can.
 */
import { fits, type Resources } from "../../model/resources.ts";
import { IN_REACH, type Reach } from "../packing/packer.ts";
import type { Asked } from "./asked.ts";
import type { Place } from "./occupancy.ts";
import type { Placer } from "./placer.ts";

export interface PlacePartition {
  free: Resources;
  pack: "pack" | "spread";
}

/** Tasks of one job that no rule tells apart, but for the nodes they would rather not go to. */
export interface PlaceClass {
  asked: Asked;
  priority: number;
  /** a node that it prefers and that will listen soon is waited for */
  isPatient?: boolean;
  /** nodes whose own config refused this class */
  refusedBy: ReadonlySet<string>;
  /** how many may start now at most */
  room: number;
  /** the same by partition; of one that is not named: none */
  rooms: Readonly<Record<string, number>>;
  /** waiting tasks, oldest first; `avoid`: the node where it failed last */
  tasks: Iterable<Task>;
}

interface Task {
  index: number;
  avoid: string | null;
}

export interface Placement extends Place {
  job: string;
  index: number;
  partition: string;
  devices: readonly number[];
}

export interface PlaceOptions {
  reach: Reach;
  /** nodes that are out of reach besides */
  isExcluded?: (node: string) => boolean;
  /** at most so many */
  most?: number;
}

export interface PlaceResult {
  placed: number;
  /** jobs with tasks and room left for which no node within reach had space */
  starved: string[];
  /** by job that waits for it: the node that it prefers */
  awaited: Map<string, string>;
}

/** A turn places at most so many tasks. */
export const MAX_PLACEMENTS = 1000;
/** A job whose turn it is places so many: what the others know of the nodes is true for longer. */
const AT_ONCE = 8;

interface Budget {
  name: string;
  free: Record<string, number>;
  pack: PlacePartition["pack"];
}

interface Turn {
  c: PlaceClass;
  room: number;
  rooms: Map<string, number>;
  tasks: Iterator<Task>;
  /** nodes that tasks avoid for which another will do that listens soon */
  waitsBeside: Set<string>;
}

/**
 * @param give does what a placement says, so that the placer knows of it, before the next is chosen
 */
export function place(
  placer: Placer,
  partitions: ReadonlyMap<string, PlacePartition>,
  classes: readonly PlaceClass[],
  { reach, isExcluded, most = MAX_PLACEMENTS }: PlaceOptions,
  give: (placement: Placement) => void,
): PlaceResult {
  const budgets = [...partitions].map(([name, { free, pack }]): Budget => ({ name, free: { ...free }, pack }));
  const starved: string[] = [];
  const awaited = new Map<string, string>();
  let placed = 0;
  // Tasks that wait for another node than the one they avoid: to find that out costs as much as to place them.
  let putOff = 0;
  const isOver = (): boolean => placed + putOff >= most;
  let active = classes.filter((c) => c.room > 0).map(turnOf);
  while (active.length > 0 && !isOver()) {
    const still: Turn[] = [];
    const highest = highestByRole(active);
    for (const turn of active) {
      const { c } = turn;
      if (isOver()) break;
      if (c.priority < (highest.get(c.asked.role) ?? 0)) {
        still.push(turn);
        continue;
      }
      const outcome = serve(turn);
      if (outcome === "starved") starved.push(c.asked.job.id);
      else if (outcome === "more") still.push(turn);
    }
    active = still;
  }
  return { placed, starved, awaited };

  function serve(turn: Turn): "more" | "done" | "starved" {
    for (let n = 0; n < AT_ONCE && !isOver(); n += 1) {
      if (turn.c.isPatient && hasPreference(turn.c.asked)) {
        const preferred = choose(placer, turn, budgets, "soon", isExcluded)?.place.node;
        if (preferred !== undefined && !IN_REACH[reach].includes(placer.stateOf(preferred))) {
          if (turn.tasks.next().done !== true) awaited.set(turn.c.asked.job.id, preferred);
          return "done";
        }
      }
      const roomy = choose(placer, turn, budgets, reach, isExcluded);
      if (roomy === null) return turn.tasks.next().done === true ? "done" : "starved";
      const next = nextOf(turn);
      if (next === null) return "done";
      const { index, avoid } = next;
      const isAvoided = (node: string) => node === avoid || (isExcluded?.(node) ?? false);
      const elsewhere = avoid === null ? null : choose(placer, turn, budgets, "up", isAvoided);
      const best = elsewhere === null || avoid === null ? roomy : choose(placer, turn, budgets, reach, isAvoided);
      if (best === null) {
        putOff += 1;
        if (avoid !== null) turn.waitsBeside.add(avoid);
        continue;
      }
      const { place: chosen, budget } = best;
      for (const [name, amount] of Object.entries(turn.c.asked.demand))
        budget.free[name] = (budget.free[name] ?? 0) - amount;
      turn.rooms.set(budget.name, (turn.rooms.get(budget.name) ?? 0) - 1);
      turn.room -= 1;
      placed += 1;
      give({ ...chosen, job: turn.c.asked.job.id, index, partition: budget.name, devices: chosen.devices ?? [] });
      if (turn.room <= 0) return "done";
    }
    return "more";
  }
}

const hasPreference = ({ rules, beside, spread }: Asked): boolean =>
  rules.length > 0 || beside.length > 0 || spread.length > 0;

const turnOf = (c: PlaceClass): Turn => ({
  c,
  room: c.room,
  rooms: new Map(Object.entries(c.rooms)),
  tasks: c.tasks[Symbol.iterator](),
  waitsBeside: new Set(),
});

/** Those that wait beside are passed over without a question: in this turn nothing gets better for them. */
function nextOf({ tasks, waitsBeside }: Turn): Task | null {
  for (let next = tasks.next(); next.done !== true; next = tasks.next())
    if (next.value.avoid === null || !waitsBeside.has(next.value.avoid)) return next.value;
  return null;
}

function highestByRole(turns: readonly Turn[]): Map<string, number> {
  const highest = new Map<string, number>();
  for (const { c } of turns) highest.set(c.asked.role, Math.max(c.priority, highest.get(c.asked.role) ?? 0));
  return highest;
}

/** In the partition that has the most room left for the class. */
function choose(
  placer: Placer,
  { c, rooms }: Turn,
  budgets: readonly Budget[],
  reach: Reach,
  isExcluded: ((node: string) => boolean) | undefined,
): { place: Place; budget: Budget } | null {
  let best: { place: Place; budget: Budget } | null = null;
  let bestRoom = 0;
  const { refusedBy, asked } = c;
  const isOut =
    refusedBy.size === 0 ? isExcluded : (node: string) => refusedBy.has(node) || (isExcluded?.(node) ?? false);
  for (const budget of budgets) {
    const { name, pack, free } = budget;
    const room = rooms.get(name) ?? 0;
    if (room <= bestRoom || !fits(asked.demand, free)) continue;
    const found = placer.choose(asked, { partition: name, pack, reach, ...(isOut && { isExcluded: isOut }) });
    if (found === null) continue;
    best = { place: found, budget };
    bestRoom = room;
  }
  return best;
}
