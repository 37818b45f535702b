/**
 * Placement inside one cluster: which waiting task goes to which node now. Pure. The least loaded node that fits gets
 * the next task, jobs take turns in order of age, and a task that failed on a node goes elsewhere if it can.
 */
import { type Attributes, type Constraint, satisfies } from "../model/constraints.ts";
import { add, dominantShare, fits, type Resources, subtract } from "../model/resources.ts";

export interface PlaceNode {
  name: string;
  capacity: Resources;
  used: Resources;
  attributes: Attributes;
  /** null: every role */
  roles: readonly string[] | null;
  drivers: readonly string[];
  /** it waits for work right now; one that does not is only what a retry may rather wait for */
  listening: boolean;
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
  /** waiting tasks, oldest first; `avoid`: the node where it failed last */
  tasks: Iterable<{ index: number; avoid: string | null }>;
}

export interface Placement {
  job: string;
  index: number;
  node: string;
}

export interface PlaceResult {
  placements: Placement[];
  /** jobs with tasks and room left for which no node had space now */
  starved: string[];
}

/** A turn places at most so many tasks. */
export const MAX_PLACEMENTS = 1000;

/** Whether the node, were it empty, could run the class. */
export function accepts(
  node: Omit<PlaceNode, "used">,
  c: Pick<PlaceClass, "demand" | "constraints" | "role" | "driver" | "refusedBy">,
): boolean {
  return (
    fits(c.demand, node.capacity) &&
    !c.refusedBy.has(node.name) &&
    (node.roles === null || node.roles.includes(c.role)) &&
    node.drivers.includes(c.driver) &&
    c.constraints.every((constraint) => satisfies(node.attributes, constraint))
  );
}

interface Candidate {
  node: PlaceNode;
  used: Resources;
  load: number;
}

export function place(nodes: readonly PlaceNode[], classes: readonly PlaceClass[], most = MAX_PLACEMENTS): PlaceResult {
  const candidates = nodes.map(
    (node): Candidate => ({ node, used: node.used, load: dominantShare(node.used, node.capacity) }),
  );
  const turns = classes.map((c) => {
    const all = candidates.filter((candidate) => accepts(candidate.node, c));
    return {
      c,
      all,
      listening: all.filter((candidate) => candidate.node.listening),
      tasks: c.tasks[Symbol.iterator](),
      room: c.room,
    };
  });
  const placements: Placement[] = [];
  const starved: string[] = [];
  let active = turns.filter((turn) => turn.room > 0);
  while (active.length > 0 && placements.length < most) {
    const still: typeof active = [];
    for (const turn of active) {
      if (placements.length >= most) break;
      const roomy = leastLoaded(turn.listening, turn.c.demand, null);
      if (roomy === null) {
        if (turn.tasks.next().done !== true) starved.push(turn.c.job);
        continue;
      }
      const next = turn.tasks.next();
      if (next.done === true) continue;
      const { index, avoid } = next.value;
      const elsewhere = avoid === null ? null : leastLoaded(turn.all, turn.c.demand, avoid);
      if (elsewhere !== null && !elsewhere.node.listening) {
        still.push(turn);
        continue;
      }
      const chosen = elsewhere ?? roomy;
      chosen.used = add(chosen.used, turn.c.demand);
      chosen.load = dominantShare(chosen.used, chosen.node.capacity);
      placements.push({ job: turn.c.job, index, node: chosen.node.name });
      turn.room -= 1;
      if (turn.room > 0) still.push(turn);
    }
    active = still;
  }
  return { placements, starved };
}

function leastLoaded(candidates: readonly Candidate[], demand: Resources, avoid: string | null): Candidate | null {
  let best: Candidate | null = null;
  for (const candidate of candidates) {
    if (candidate.node.name === avoid || (best !== null && candidate.load >= best.load)) continue;
    if (fits(demand, subtract(candidate.node.capacity, candidate.used))) best = candidate;
  }
  return best;
}
