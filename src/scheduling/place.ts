/**
 * Placement inside one cluster: which waiting task goes to which node now, and in which of the node's partitions. Pure.
 * Jobs take turns in order of age; of the nodes that fit, a partition that spreads takes the least loaded and one that
 * packs the most loaded; a task that failed on a node goes elsewhere if it can.
 */
import { type Attributes, type Constraint, satisfies } from "../model/constraints.ts";
import { add, dominantShare, fits, type Resources, subtract } from "../model/resources.ts";
import { isWithin } from "../model/role.ts";

export interface PlaceNode {
  name: string;
  capacity: Resources;
  used: Resources;
  attributes: Attributes;
  /** null: every role */
  roles: readonly string[] | null;
  drivers: readonly string[];
  /** names of those it is of */
  partitions: readonly string[];
  /** it waits for work right now; one that does not is only what a retry may rather wait for */
  listening: boolean;
}

export interface PlacePartition {
  free: Resources;
  pack: "pack" | "spread";
}

/** Tasks of one job that no rule tells apart, but for the nodes they would rather not go to. */
export interface PlaceClass {
  job: string;
  demand: Resources;
  constraints: readonly Constraint[];
  role: string;
  driver: string;
  /** nodes whose own config refused this class */
  refusedBy: ReadonlySet<string>;
  /** how many may start now at most */
  room: number;
  /** the same by partition; of one that is not named: none */
  rooms: Readonly<Record<string, number>>;
  /** waiting tasks, oldest first; `avoid`: the node where it failed last */
  tasks: Iterable<{ index: number; avoid: string | null }>;
}

export interface Placement {
  job: string;
  index: number;
  node: string;
  partition: string;
}

export interface PlaceResult {
  placements: Placement[];
  /** jobs with tasks and room left for which no node had space now */
  starved: string[];
}

/** A turn places at most so many tasks. */
const MAX_PLACEMENTS = 1000;

/** Whether the node, were it empty, could run the class. */
export function accepts(
  node: Omit<PlaceNode, "used">,
  c: Pick<PlaceClass, "demand" | "constraints" | "role" | "driver" | "refusedBy">,
): boolean {
  return (
    fits(c.demand, node.capacity) &&
    !c.refusedBy.has(node.name) &&
    (node.roles === null || node.roles.some((role) => isWithin(c.role, role))) &&
    node.drivers.includes(c.driver) &&
    c.constraints.every((constraint) => satisfies(node.attributes, constraint))
  );
}

interface Candidate {
  node: PlaceNode;
  used: Resources;
  load: number;
}

interface Budget {
  name: string;
  free: Resources;
  pack: PlacePartition["pack"];
}

interface Turn {
  c: PlaceClass;
  room: number;
  rooms: Map<string, number>;
  /** by partition, nodes that accept the class */
  all: Map<string, Candidate[]>;
  tasks: Iterator<{ index: number; avoid: string | null }>;
}

interface Choice {
  candidate: Candidate;
  budget: Budget;
}

export function place(
  nodes: readonly PlaceNode[],
  partitions: ReadonlyMap<string, PlacePartition>,
  classes: readonly PlaceClass[],
  most = MAX_PLACEMENTS,
): PlaceResult {
  const candidates = nodes.map(
    (node): Candidate => ({ node, used: node.used, load: dominantShare(node.used, node.capacity) }),
  );
  const budgets = new Map(
    [...partitions].map(([name, { free, pack }]): [string, Budget] => [name, { name, free, pack }]),
  );
  const placements: Placement[] = [];
  const starved: string[] = [];
  let active = classes.filter((c) => c.room > 0).map((c) => turnOf(c, candidates));
  while (active.length > 0 && placements.length < most) {
    const still: Turn[] = [];
    for (const turn of active) {
      if (placements.length >= most) break;
      const roomy = choose(turn, budgets, ({ node }) => node.listening);
      if (roomy === null) {
        if (turn.tasks.next().done !== true) starved.push(turn.c.job);
        continue;
      }
      const next = turn.tasks.next();
      if (next.done === true) continue;
      const { index, avoid } = next.value;
      const elsewhere = avoid === null ? null : choose(turn, budgets, ({ node }) => node.name !== avoid);
      if (elsewhere !== null && !elsewhere.candidate.node.listening) {
        still.push(turn);
        continue;
      }
      placements.push(take(turn, elsewhere ?? roomy, index));
      if (turn.room > 0) still.push(turn);
    }
    active = still;
  }
  return { placements, starved };
}

function turnOf(c: PlaceClass, candidates: readonly Candidate[]): Turn {
  const all = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    if (!accepts(candidate.node, c)) continue;
    for (const name of candidate.node.partitions) {
      if ((c.rooms[name] ?? 0) <= 0) continue;
      const known = all.get(name);
      if (known) known.push(candidate);
      else all.set(name, [candidate]);
    }
  }
  return { c, room: c.room, rooms: new Map(Object.entries(c.rooms)), all, tasks: c.tasks[Symbol.iterator]() };
}

function take(turn: Turn, { candidate, budget }: Choice, index: number): Placement {
  const { c, rooms } = turn;
  candidate.used = add(candidate.used, c.demand);
  candidate.load = dominantShare(candidate.used, candidate.node.capacity);
  budget.free = subtract(budget.free, c.demand);
  rooms.set(budget.name, (rooms.get(budget.name) ?? 0) - 1);
  turn.room -= 1;
  return { job: c.job, index, node: candidate.node.name, partition: budget.name };
}

/** Of the partition that has the most room left for the class, the node that its policy prefers. */
function choose(
  turn: Turn,
  budgets: ReadonlyMap<string, Budget>,
  wanted: (candidate: Candidate) => boolean,
): Choice | null {
  let best: Choice | null = null;
  let bestRoom = 0;
  for (const [name, candidates] of turn.all) {
    const room = turn.rooms.get(name) ?? 0;
    const budget = budgets.get(name);
    if (room <= bestRoom || !budget || !fits(turn.c.demand, budget.free)) continue;
    const candidate = preferred(candidates, turn.c.demand, budget.pack, wanted);
    if (candidate === null) continue;
    best = { candidate, budget };
    bestRoom = room;
  }
  return best;
}

function preferred(
  candidates: readonly Candidate[],
  demand: Resources,
  pack: PlacePartition["pack"],
  wanted: (candidate: Candidate) => boolean,
): Candidate | null {
  let best: Candidate | null = null;
  for (const candidate of candidates) {
    const isWorse = best !== null && (pack === "pack" ? candidate.load <= best.load : candidate.load >= best.load);
    if (isWorse || !wanted(candidate)) continue;
    if (fits(demand, subtract(candidate.node.capacity, candidate.used))) best = candidate;
  }
  return best;
}
