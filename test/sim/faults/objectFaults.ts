/**
 * What goes wrong with objects beside crashes, drawn from the seed: for a while one takes no writes or no calls, or the
 * network parts it from the others; any write may be refused, and any alarm comes twice.
 */
import type { Chance } from "../world/random.ts";
import { linkOf, type SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

type Spell = (world: World, object: SimObject, forMs: number) => void;

/** Well past the deadline and the silence limit of every job. */
const LONG_MS = 240_000;
/** No attempt notices. */
const SHORT_MS = 4_000;
const SHORTEST_MS = 500;
const EARLIEST_MS = 5_000;
/** Leagues in which one object hears the others no more for a while. */
const DEAF = 0.1;
const SHORTEST_DEAF_MS = 5_000;

const SPELLS: Readonly<Record<string, Spell>> = {
  "writes-refused": ({ timeline }, { troubles }, forMs) => {
    troubles.noWritesUntilMs = timeline.nowMs + forMs;
  },
  "object-overloaded": ({ timeline }, { troubles }, forMs) => {
    troubles.overloadedUntilMs = timeline.nowMs + forMs;
  },
};
/** From people and all other objects. */
const CUTS: Readonly<Record<string, (world: World, chance: Chance) => SimObject>> = {
  "broker-cut": ({ broker }) => broker,
  "cluster-cut-off": ({ clusters }, chance) => chance.pick(clusters),
};

export function scheduleObjectFaults(world: World, chance: Chance): void {
  const { mood, timeline } = world;
  if (mood.wide || mood.calm) return;
  const { objects } = world;
  const alarmTwice = chance.pick([0, 0.05, 0.2]);
  const writeRefused = chance.pick([0, 0.02, 0.1]);
  for (const { troubles } of objects) Object.assign(troubles, { alarmTwice, writeRefused });
  const spells = chance.pick([0, 1, 2, 4]);
  for (let i = 0; i < spells; i++) {
    const own = chance.fork();
    timeline.at(chance.int(EARLIEST_MS, mood.faultsEndMs - 1), () => strike(world, own));
  }
  scheduleDeafness(world, chance.named("deaf"));
  timeline.at(mood.faultsEndMs, () => {
    for (const { troubles } of objects) troubles.end();
  });
}

function strike(world: World, chance: Chance): void {
  const kind = chance.pick([...Object.keys(SPELLS), ...Object.keys(CUTS)]);
  const { [kind]: spell } = SPELLS;
  const object = CUTS[kind]?.(world, chance) ?? chance.pick(world.objects);
  // While a Cluster is away, what runs there is not renewed; the Broker's absence costs nothing.
  const mayBeLong = spell === undefined || object === world.broker || !world.mood.gentle;
  const forMs = chance.spread(SHORTEST_MS, mayBeLong ? LONG_MS : SHORT_MS);
  if (!world.happenings.strikes(kind, object.name)) return;
  world.trace(() => `fault: ${kind} ${object.name} for ${forMs} ms`);
  if (spell) spell(world, object, forMs);
  else cutOff(world, object, forMs);
}

function scheduleDeafness(world: World, chance: Chance): void {
  const { mood, timeline, season, people, broker, clusters } = world;
  if (season === "deaf") {
    // Just before something comes, for which others have to give way.
    for (const { plan } of people) {
      const object = chance.pick(clusters);
      const atMs = Math.max(EARLIEST_MS, plan.submitAtMs - chance.int(0, 3_000));
      if (atMs < mood.faultsEndMs) timeline.at(atMs, () => deafen(world, object, chance.named(plan.id)));
      timeline.at(atMs, () => pauseAll(world, object, true));
      timeline.at(atMs + chance.int(3_000, 15_000), () => pauseAll(world, object, false));
    }
  } else if (chance.of(DEAF) && !mood.gentle) {
    const object = chance.pick([broker, ...clusters]);
    timeline.at(chance.int(EARLIEST_MS, mood.faultsEndMs - 1), () => deafen(world, object, chance));
  }
}

/** What it has room for is given to others meanwhile, and it has not heard that. */
function pauseAll({ agents, edge }: World, cluster: SimObject, paused: boolean): void {
  for (const { claims } of agents)
    if (claims.cluster === cluster.name) edge.request(cluster, "pauseNode", { name: claims.node, paused }, () => {});
}

function deafen(world: World, object: SimObject, chance: Chance): void {
  const forMs = chance.spread(SHORTEST_DEAF_MS, LONG_MS);
  if (!world.happenings.strikes("object-deaf", object.name)) return;
  world.trace(() => `${object.name} hears nothing of other objects for ${forMs} ms`);
  object.troubles.deafUntilMs = world.timeline.nowMs + forMs;
}

function cutOff(world: World, { name }: SimObject, forMs: number): void {
  const others = world.objects.filter((one) => one.name !== name);
  for (const other of ["people", ...others.map((one) => one.name)])
    world.network.cut(linkOf(name, other), world.timeline.nowMs + forMs);
}
