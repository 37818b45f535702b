/** In their season Clusters lose their rows while some of their nodes are cut off, and then their clock leaps. */
import type { Chance } from "../world/random.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";
import { cutSomeOff, leapForward } from "./clocks.ts";

const TIMES = 5;
/** after something is submitted that may run then */
const LATEST_MS = 20_000;
const LEAPS = 0.9;

export function scheduleRebuilds(world: World, chance: Chance): void {
  const { mood, timeline, season, clusters, people, happenings } = world;
  if (season !== "rebuilds") return;
  const submitted = people.map(({ plan }) => plan.submitAtMs).filter((ms) => ms + 2 * LATEST_MS < mood.faultsEndMs);
  if (submitted.length === 0) return;
  for (let i = 0; i < TIMES; i++) {
    const own = chance.named(`${i}`);
    const cluster = own.pick(clusters);
    const atMs = own.pick(submitted) + own.int(2_000, LATEST_MS);
    timeline.at(atMs, () => cutSomeOff(world, own, cluster));
    timeline.at(atMs + own.int(0, 3_000), () => rebuild(world, cluster));
    if (!own.of(LEAPS)) continue;
    timeline.at(atMs + own.int(4_000, 15_000), () => {
      if (happenings.strikes("clock-jump", cluster.name)) leapForward(world, own, cluster);
    });
  }
}

function rebuild(world: World, cluster: SimObject): void {
  if (!world.faulty || !world.happenings.strikes("cluster-rebuilt", cluster.name)) return;
  loseRows(world, cluster);
}

export function loseRows({ watch, stewards }: World, cluster: SimObject): void {
  cluster.rebuild();
  watch.rebuilt(cluster);
  stewards.rebuilt(cluster);
}
