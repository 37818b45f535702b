/** When all is over: every socket that is open is for somebody who is there, and each object knows of just those. */
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

type Attached = { hold: { node: string } } | { wake: string } | null;

export function checkSockets(world: World): void {
  const { broker, clusters, shelves, schedulers } = world;
  for (const cluster of clusters) checkCluster(world, cluster);
  // That a reader has gone is heard of late.
  hold(world, broker, Number.POSITIVE_INFINITY, gauge(broker, "watchers"));
  for (const shelf of shelves) hold(world, shelf, 0, gauge(shelf, "followers"));
  for (const { object, isTornDown } of schedulers) hold(world, object, isTornDown ? 0 : 1, null);
}

/** Of a node that is there its poll, once, and its wake sockets: of those one may be lost, and nobody has heard of it. */
function checkCluster(world: World, cluster: SimObject): void {
  const there = world.agents.filter(({ alive, claims }) => alive && claims.cluster === cluster.name);
  const names = new Set(there.map(({ claims }) => claims.node));
  // On what was just opened nothing is said yet.
  const attached = [...cluster.home.sockets.values()] as Attached[];
  const holds = attached.flatMap((one) => (one !== null && "hold" in one ? [one.hold.node] : []));
  const wakes = attached.flatMap((one) => (one !== null && "wake" in one ? [one.wake] : []));
  const areThere = [...holds, ...wakes].every((name) => names.has(name)) && new Set(holds).size === holds.length;
  world.checks.hold(
    "nothing-left-behind",
    areThere && gauge(cluster, "held_polls") === holds.length,
    () =>
      `${cluster.name} holds ${gauge(cluster, "held_polls")} polls, open are those of ${holds} and to wake ${wakes}; there are ${[...names]}`,
  );
}

/** @param known of how many it knows; null: it does not tell */
function hold({ checks }: World, { name, home }: SimObject, most: number, known: number | null): void {
  const open = home.sockets.size;
  checks.hold(
    "nothing-left-behind",
    open <= most && (known ?? open) === open,
    () =>
      `${name} knows of ${known} sockets, ${open} are open, at most ${most}: ${JSON.stringify([...home.sockets.values()])}`,
  );
}

const gauge = (object: SimObject, name: string): number =>
  (object.ask("metrics", {}) as Record<string, number>)[name] ?? 0;
