/**
 * An object that sleeps whenever nothing happens, and is built anew by whatever comes next: for some minutes no life of
 * it is longer than some seconds. Its sockets stay.
 */
import type { Chance } from "../world/random.ts";
import type { World } from "../world/world.ts";

const SLEEPS = 0.3;
/** The platform lets an object sleep after ten seconds. */
const SHORTEST_LIFE_MS = 9_000;
const LONGEST_LIFE_MS = 12_000;

export function scheduleSleeps(world: World, chance: Chance): void {
  // An object that counts silence ticks too often to sleep, and a mass cut is nothing but silence.
  if (!chance.of(SLEEPS) || world.mood.wide || world.mood.calm) return;
  const object = chance.pick([world.broker, ...world.clusters, ...world.clusters]);
  const fromMs = chance.int(5_000, Math.floor(world.mood.faultsEndMs / 2));
  const untilMs = Math.min(fromMs + chance.int(60_000, 240_000), world.mood.faultsEndMs);
  const sleep = (): void => {
    if (world.timeline.nowMs >= untilMs) return;
    if (world.happenings.strikes("object-sleeps", object.name)) object.crash(false);
    world.timeline.after(chance.int(SHORTEST_LIFE_MS, LONGEST_LIFE_MS), sleep);
  };
  world.timeline.at(fromMs, sleep);
}
