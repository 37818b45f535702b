/**
 * What frameworks are entitled to beside jobs: they ask in the same line, for parts of free nodes, so that neither side
 * gets more by asking for more at a time. It keeps jobs from growing into their part; which nodes are offered, and how
 * much of them, is decided after.
 */
import type { Facts, Promised } from "../filling/facts.ts";
import type { Filling, Want } from "../filling/wants.ts";
import type { RoundJob } from "../input.ts";
import type { Vector } from "../shares/axes.ts";
import { type Ask, asksOf, isIdleIn, meanOf } from "./asks.ts";

/** Parts of a node, fewer where there are many nodes: as many steps as filling takes with many tasks. */
const PARTS = 8;
const MAX_STEPS = 4_000;

/**
 * @param filling of nobody yet: what each framework holds by offers it may have again
 * @returns none where no job asks beside them
 */
export function wantsOf(filling: Filling): Map<Ask, Want> {
  const wants = new Map<Ask, Want>();
  if (!filling.facts.input.jobs.some(({ remaining }) => remaining > 0)) return wants;
  for (const ask of asksOf(filling)) {
    const want = wantOf(filling, ask);
    if (want !== null) wants.set(ask, want);
  }
  return wants;
}

function wantOf({ facts, rooms }: Filling, ask: Ask): Want | null {
  const { framework, leaf } = ask;
  const mean = meanOf(
    facts.axes,
    withOffered(
      facts,
      ask,
      rooms.filter((room) => !isIdleIn(ask, room)),
    ),
  );
  if (mean === null) return null;
  const nodes = [...mean.nodes.values()].reduce((sum, there) => sum + there, 0);
  const parts = Math.max(1, Math.min(PARTS, Math.floor(MAX_STEPS / nodes)));
  leaf.demand = mean.demand.map((amount) => Math.ceil(amount / parts));
  const slots = rooms.map(({ index }) => (mean.nodes.get(index) ?? 0) * parts);
  return {
    job: jobLike(framework.key, framework.role, slots),
    leaf,
    places: { open: rooms.filter(({ index }) => (slots[index] ?? 0) > 0), slots, worths: [] },
    barred: new Set(),
    most: slots.reduce((n, nodes) => n + nodes, 0),
    taken: new Map(),
    ceiling: null,
    planned: new Map(),
    kept: new Map(),
    claimed: new Map(),
    roomFor: new Map(),
  };
}

/** What it holds counts as a node of its own in each room: how many those are nobody needs to know. */
function withOffered({ axes }: Facts, ask: Ask, rooms: Filling["rooms"]): Ask {
  const stocks = new Map([...ask.stocks].filter(([index]) => rooms.some((room) => room.index === index)));
  for (const { key, index } of rooms) {
    const offered = ask.framework.offered.get(key);
    if (!offered) continue;
    const free = axes.names.map((name) => offered[name] ?? 0);
    if (free.some((amount) => amount > 0)) stocks.set(index, [...(stocks.get(index) ?? []), { free, nodes: 1 }]);
  }
  return { ...ask, stocks };
}

const jobLike = (id: string, role: string, slots: readonly number[]): RoundJob => ({
  id,
  unit: 1,
  demand: {},
  constraints: [],
  role,
  driver: "",
  clusters: null,
  apart: [],
  preferences: [],
  priority: 0,
  remaining: slots.reduce((n, nodes) => n + nodes, 0),
  held: new Map(),
  meanRunMs: null,
});

/** What jobs leave alone. */
export function promisedTo(wants: ReadonlyMap<Ask, Want>): Promised {
  return new Map(
    [...wants].map(([{ framework, leaf }, { taken }]) => [
      framework,
      new Map([...taken].map(([index, nodes]): [number, Vector] => [index, leaf.demand.map((each) => each * nodes)])),
    ]),
  );
}
