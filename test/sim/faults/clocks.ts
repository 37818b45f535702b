/** Clocks of objects that leap, as when an object comes to another machine or a machine's time is set. */
import type { Chance } from "../world/random.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

/** Forward leaps of one clock come so far apart that a silence spans at most two: each counts one tick too much. */
const LEAP_GAP_MS = 40_000;
const LONGEST_LEAP_MS = 3_600_000;
/** A leap after which whatever is not heard at once is overdue. */
const LONG_LEAP_MS = 30_000;
const TIME_SET = 0.2;
/** after something is submitted that may run then */
const LATEST_MS = 20_000;
const CUT_OFF = 0.6;
const SHORTEST_CUT_MS = 40_000;
const LONGEST_CUT_MS = 120_000;

/** How three leaps of a Cluster follow each other; of those in one silence the first begins it, the others count. */
interface Leaps {
  gapMs: number;
  moreMs: number;
  /** the first as its nodes are cut off */
  isAtOnce: boolean;
}
const USUAL: Leaps = { gapMs: LEAP_GAP_MS, moreMs: 10_000, isAtOnce: false };
const IN_CLOCKS: Leaps = { ...USUAL, gapMs: 16_000 };
const IN_LEAPS: Leaps = { gapMs: 4_000, moreMs: 4_000, isAtOnce: true };

const lastForward = new WeakMap<SimObject, number>();

export function jump(world: World, chance: Chance, object: SimObject): void {
  const size = chance.spread(10, LONGEST_LEAP_MS);
  const isForward = chance.of(0.6) && mayLeap(world, object);
  if (isForward) lastForward.set(object, world.timeline.nowMs);
  leap(world, object, isForward ? size : -size);
}

/** As long as whatever is not heard at once is overdue. */
export function leapForward(world: World, chance: Chance, object: SimObject): void {
  const byMs = chance.spread(LONG_LEAP_MS, LONGEST_LEAP_MS);
  if (!mayLeap(world, object)) return;
  lastForward.set(object, world.timeline.nowMs);
  leap(world, object, byMs);
}

const mayLeap = ({ timeline }: World, object: SimObject, gapMs = LEAP_GAP_MS): boolean =>
  timeline.nowMs >= (lastForward.get(object) ?? 0) + gapMs;

function leap(world: World, object: SimObject, byMs: number): void {
  world.trace(() => `the clock of ${object.name} jumps by ${byMs} ms`);
  object.jumpClock(byMs);
}

/**
 * A Cluster whose time is set, and set once more, while some of its nodes don't get through: what it counts then is
 * silence, and all that it counts by is its clock.
 */
export function scheduleTimeSet(world: World, chance: Chance): void {
  const { mood, season, clusters } = world;
  const isDrawn = chance.of(TIME_SET);
  if (mood.gentle || mood.wide) return;
  if (season === "leaps") for (const cluster of clusters) setTime(world, chance, cluster, IN_LEAPS);
  else if (isDrawn || season === "clocks")
    setTime(world, chance, chance.pick(clusters), season === "clocks" ? IN_CLOCKS : USUAL);
}

/** More of its nodes than not, for as long as what runs there may. */
export function cutSomeOff(
  { agents, happenings, network, timeline }: World,
  chance: Chance,
  { name }: SimObject,
): void {
  for (const { claims, link } of agents) {
    const forMs = chance.int(SHORTEST_CUT_MS, LONGEST_CUT_MS);
    if (claims.cluster === name && chance.of(CUT_OFF) && happenings.strikes("link-cut-long", link))
      network.cut(link, timeline.nowMs + forMs);
  }
}

function setTime(world: World, chance: Chance, cluster: SimObject, { gapMs, moreMs, isAtOnce }: Leaps): void {
  const { mood, timeline } = world;
  const submitted = world.people.map(({ plan }) => plan.submitAtMs).filter((ms) => ms + LATEST_MS < mood.faultsEndMs);
  if (submitted.length === 0) return;
  const atMs = chance.pick(submitted) + chance.int(2_000, LATEST_MS);
  timeline.at(atMs, () => cutSomeOff(world, chance, cluster));
  // With the begin of a silence, or while it is counted and what runs there has time left.
  let againMs = atMs + (isAtOnce || chance.of(0.5) ? chance.int(1, 3_000) : chance.int(12_000, 25_000));
  for (let times = 0; times < 3; times++) {
    const byMs = chance.spread(LONG_LEAP_MS, LONGEST_LEAP_MS);
    timeline.at(againMs, () => {
      if (!world.faulty || !mayLeap(world, cluster, gapMs) || !world.happenings.strikes("clock-jump", cluster.name))
        return;
      lastForward.set(cluster, timeline.nowMs);
      leap(world, cluster, byMs);
    });
    againMs += gapMs + chance.int(0, moreMs);
  }
}
