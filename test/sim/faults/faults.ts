/** What goes wrong in a world, drawn from its seed: how bad the network is, how fragile the parts, and single blows. */

import { isDeepStrictEqual } from "node:util";
import type { ExplainView } from "../../../src/model/views.ts";
import type { FleetSize } from "../people/fleet.ts";
import type { Person, Plan } from "../people/person.ts";
import type { AgentHost } from "../world/agentHost.ts";
import { CALM, type Weather } from "../world/network.ts";
import type { Chance } from "../world/random.ts";
import { linkOf, type SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";
import { jump } from "./clocks.ts";
import { LONG_SILENCES_END_MS, weatherOfDrifts } from "./drifts.ts";
import { cutPower, endMachineFaults } from "./machines.ts";
import { loseRows } from "./rebuilds.ts";
import type { Season } from "./season.ts";

/** How many things go wrong in a world, and which. */
export interface Mood {
  /** nothing that costs a node its attempts: then every task runs to its end exactly once */
  gentle: boolean;
  /** nothing at all */
  calm: boolean;
  faultsEndMs: number;
  weather: Weather;
  objectCrash: number;
  agentCrash: number;
  agentPause: number;
  alarmLost: number;
  alarmLate: number;
  staleReplies: number;
  errorPages: number;
  blows: number;
  /** some cluster has many nodes; nothing happens but that many of them are cut off, at once and once */
  wide: boolean;
}

const CALM_WORLDS = 0.06;
const STORMS = 0.08;
const GENTLE_WORLDS = 0.13;
const STALE_SEASON = 0.3;
const ECHOING: Weather = { lost: 0.02, doubled: 0.1, late: 0.1, replayed: 0.5 };

/** Whatever need not be goes right. */
const FAULTLESS = {
  gentle: false,
  calm: false,
  wide: false,
  weather: CALM,
  objectCrash: 0,
  agentCrash: 0,
  agentPause: 0,
  alarmLost: 0,
  alarmLate: 0,
  staleReplies: 0,
  errorPages: 0,
  blows: 0,
};

export function drawMood(chance: Chance, size: FleetSize, season: Season | null): Mood {
  if (season === "drifts")
    return { ...FAULTLESS, faultsEndMs: LONG_SILENCES_END_MS, weather: weatherOfDrifts(chance), blows: 1 };
  if (season !== null)
    return {
      ...drawUsual(chance, false),
      ...(season === "replays" && { staleReplies: STALE_SEASON }),
      ...((season === "echoes" || season === "restores") && { weather: ECHOING }),
    };
  if (size === "wide") return drawWide(chance);
  if (size === "large") return drawLarge(chance);
  const draw = chance.next();
  if (draw < CALM_WORLDS) return { ...FAULTLESS, gentle: true, calm: true, faultsEndMs: chance.int(60_000, 150_000) };
  if (draw < CALM_WORLDS + STORMS) return drawStorm(chance);
  return drawUsual(chance, draw < CALM_WORLDS + STORMS + GENTLE_WORLDS);
}

function drawUsual(chance: Chance, gentle: boolean): Mood {
  return {
    ...FAULTLESS,
    gentle,
    faultsEndMs: chance.int(80_000, 220_000),
    weather: {
      lost: chance.pick(gentle ? [0, 0.02] : [0, 0.02, 0.1, 0.25]),
      doubled: chance.pick([0, 0.03, 0.1]),
      late: gentle ? 0 : chance.pick([0, 0.01, 0.05]),
      replayed: chance.pick([0, 0.03, 0.1]),
    },
    objectCrash: chance.pick([0, 0.002, 0.01]),
    agentCrash: gentle ? 0 : chance.pick([0, 0.002, 0.01]),
    agentPause: gentle ? 0 : chance.pick([0, 0.003]),
    alarmLost: chance.pick([0, 0.02, 0.1]),
    alarmLate: chance.pick([0, 0.05]),
    staleReplies: gentle ? 0 : chance.pick([0, 0.02, 0.1]),
    errorPages: chance.pick([0, 0.02]),
    blows: gentle ? chance.int(0, 3) : chance.int(2, 10),
  };
}

/** Everything at once, and soon over. */
function drawStorm(chance: Chance): Mood {
  return {
    ...FAULTLESS,
    faultsEndMs: chance.int(35_000, 60_000),
    weather: { lost: 0.2, doubled: 0.1, late: 0.05, replayed: 0.1 },
    objectCrash: 0.02,
    agentCrash: 0.01,
    agentPause: 0.003,
    alarmLost: 0.1,
    alarmLate: 0.1,
    staleReplies: 0.1,
    errorPages: 0.05,
    blows: chance.int(8, 16),
  };
}

/** Room for cuts that outlast every silence. */
function drawWide(chance: Chance): Mood {
  const weather = { ...CALM, doubled: chance.pick([0, 0.03]), replayed: chance.pick([0, 0.03]) };
  return { ...FAULTLESS, wide: true, faultsEndMs: 1_000_000, weather, blows: 1 };
}

/** What happens to many of its machines is seldom and short: each step of it is a step of a hundred machines. */
function drawLarge(chance: Chance): Mood {
  return {
    ...FAULTLESS,
    faultsEndMs: chance.int(50_000, 90_000),
    weather: {
      lost: chance.pick([0, 0.01]),
      doubled: chance.pick([0, 0.01]),
      late: 0,
      replayed: chance.pick([0, 0.01]),
    },
    objectCrash: chance.pick([0, 0.0005]),
    alarmLost: chance.pick([0, 0.02]),
    staleReplies: chance.pick([0, 0.01]),
    blows: chance.int(1, 4),
  };
}

type Blow = (world: World, chance: Chance) => void;

/** Longest fault: well past the deadline and the silence limit of every job. */
const LONG_MS = 240_000;
/** All nodes of a large cluster have spoken by then. */
const SETTLED_MS = 20_000;
/** A fault that no attempt notices. */
const SHORT_MS = 4_000;

const gentleBlows: Record<string, Blow> = {
  "object-crash": (world, chance) => anyObject(world, chance).crash(chance.of(0.5)),
  "object-away": (world, chance) => away(world, anyObject(world, chance), chance.spread(100, SHORT_MS)),
  "broker-away": (world, chance) => away(world, world.broker, chance.spread(1_000, LONG_MS)),
  "link-cut": (world, chance) => cut(world, anyAgent(world, chance).link, chance.spread(100, SHORT_MS)),
  "object-link-cut": (world, chance) => {
    const cluster = chance.pick(world.clusters);
    cut(world, linkOf(world.broker.name, cluster.name), chance.spread(1_000, LONG_MS));
  },
  "worker-gone": (world, chance) => world.edge.evict(chance),
  "agent-crash": (world, chance) => {
    anyAgent(world, chance).goDown(chance.spread(50, SHORT_MS));
  },
};

const wideBlows: Record<string, Blow> = {
  "mass-cut": (world, chance) => world.massCuts.cut(chance),
};

const hardBlows: Record<string, Blow> = {
  ...gentleBlows,
  "link-cut-long": (world, chance) => cut(world, anyAgent(world, chance).link, chance.spread(5_000, LONG_MS)),
  "cluster-cut": (world, chance) => {
    const { name } = chance.pick(world.clusters);
    const forMs = chance.spread(5_000, LONG_MS);
    for (const { claims, link } of world.agents) if (claims.cluster === name) cut(world, link, forMs);
  },
  "cluster-away": (world, chance) => away(world, chance.pick(world.clusters), chance.spread(1_000, LONG_MS)),
  "cluster-rebuilt": (world, chance) => {
    loseRows(world, chance.pick(world.clusters));
  },
  "agent-down-long": (world, chance) => {
    anyAgent(world, chance).goDown(chance.spread(5_000, LONG_MS));
  },
  "agent-dead": (world, chance) => dieForEver(world, chance),
  "agent-cloned": (world, chance) => clone(world, chance),
  "agent-stopped": (world, chance) => {
    anyAgent(world, chance).pause(chance.spread(1_000, LONG_MS));
  },
  "machine-reboot": (world, chance) => {
    cutPower(world, anyAgent(world, chance).machine, chance.spread(1_000, LONG_MS));
  },
  "clock-jump": (world, chance) => jump(world, chance, anyObject(world, chance)),
};

const anyObject = (world: World, chance: Chance): SimObject => chance.pick([world.broker, ...world.clusters]);
/** One whose node was lost and joined anew is no more, unless there is no other. */
function anyAgent({ agents }: World, chance: Chance): AgentHost {
  const there = agents.filter(({ isReplaced }) => !isReplaced);
  return chance.pick(there.length > 0 ? there : agents);
}

function away(world: World, object: SimObject, forMs: number): void {
  world.trace(() => `${object.name} is away for ${forMs} ms`);
  object.awayUntilMs = Math.max(object.awayUntilMs, world.timeline.nowMs + forMs);
}

function cut(world: World, link: string, forMs: number): void {
  world.trace(() => `the link ${link} is cut for ${forMs} ms`);
  world.network.cut(link, world.timeline.nowMs + forMs);
}

/** The agent never comes back; what it started lives on. One node of each cluster is left for the work. */
function dieForEver(world: World, chance: Chance): void {
  const agent = anyAgent(world, chance);
  const others = world.agents.filter((one) => one.claims.cluster === agent.claims.cluster && !one.deadForEver);
  // Without a guard nobody would end what it runs.
  if (others.length < 2 || !agent.machine.isGuarded) return;
  world.trace(() => `the agent of ${agent.claims.node} dies for ever`);
  agent.deadForEver = true;
  agent.crash();
}

/** Its folder is copied to another machine. What is kept for ever has no safety against that. */
function clone(world: World, chance: Chance): void {
  const agent = anyAgent(world, chance);
  if (!agent.alive || world.people.some((person) => person.plan.keep)) return;
  world.trace(() => `the agent of ${agent.claims.node} is cloned`);
  world.cloneAgent(agent);
}

export function scheduleFaults(world: World, chance: Chance): void {
  const { mood } = world;
  world.network.weather = mood.weather;
  world.edge.staleReplies = mood.staleReplies;
  world.edge.errorPages = mood.errorPages;
  for (const object of world.objects) {
    object.crashAfterTurn = mood.objectCrash;
    object.alarmLost = mood.alarmLost;
    object.alarmLate = mood.alarmLate;
  }
  for (const agent of world.agents) {
    agent.crashBetweenEffects = mood.agentCrash;
    agent.restartAfterMs = () => chance.spread(50, 60_000);
    agent.pauseBetweenEffects = mood.agentPause;
    agent.pauseMs = () => chance.spread(100, LONG_MS);
  }
  const kinds = mood.wide ? wideBlows : mood.gentle ? gentleBlows : hardBlows;
  for (let i = 0; i < mood.blows; i++) {
    const kind = chance.pick(Object.keys(kinds));
    const own = chance.fork();
    world.timeline.at(mood.wide ? whileAnyRuns(world, chance) : chance.int(5_000, mood.faultsEndMs - 1), () => {
      if (!world.happenings.strikes(kind)) return;
      world.trace(() => `fault: ${kind}`);
      kinds[kind]?.(world, own);
    });
  }
  if (!mood.gentle && !mood.wide)
    for (const { plan } of world.people) if (plan.pinned !== null) cutPinned(world, plan, chance);
  world.timeline.at(mood.faultsEndMs, () => endFaults(world));
}

/** Of those that come before the faults are over. */
function whileAnyRuns({ people, mood }: World, chance: Chance): number {
  const submitted = people.map(({ plan }) => plan.submitAtMs).filter((atMs) => atMs < mood.faultsEndMs);
  return Math.max(SETTLED_MS, chance.pick(submitted) + chance.int(1_000, 30_000));
}

/** Its only node is away about as long as the silence that counts, and gets it again while the first still ends. */
function cutPinned(world: World, { pinned, submitAtMs }: Plan, chance: Chance): void {
  const forMs = chance.int(12_000, 70_000);
  world.timeline.at(Math.min(submitAtMs + chance.int(500, 20_000), world.mood.faultsEndMs - 1), () => {
    if (world.happenings.strikes("link-cut-long", `of ${pinned}`)) cut(world, `agent ${pinned}`, forMs);
  });
}

/** From here on nothing new goes wrong. What was lost stays lost, and a person removes the nodes that stay dead. */
function endFaults(world: World): void {
  world.trace(() => "the faults are over");
  world.faulty = false;
  world.network.weather = CALM;
  world.network.mend();
  world.edge.staleReplies = 0;
  world.edge.errorPages = 0;
  for (const object of [...world.objects, ...world.shelves]) {
    Object.assign(object, { crashAfterTurn: 0, alarmLost: 0, alarmLate: 0, awayUntilMs: 0 });
  }
  endMachineFaults(world);
  world.stewards.openUp();
  world.drains.openUp();
  world.drills.endAll();
  // What a Cluster that lost its rows should keep for ever, and what waits for a node that is no more, only a person
  // can give up.
  for (const person of world.people) {
    const { keep, pinned } = person.plan;
    const isAlone = pinned !== null || (keep && world.happenings.faults.has("cluster-rebuilt"));
    world.timeline.after(GIVE_UP_AFTER_MS, () => {
      if (isAlone || isHopeless(world, person)) person.cancel();
    });
  }
  for (const agent of world.agents) {
    agent.crashBetweenEffects = 0;
    agent.pauseBetweenEffects = 0;
    agent.resume();
    if (agent.deadForEver) bury(world, agent);
    else if (agent.exited === null) {
      if (!agent.machine.up) agent.machine.powerOn();
      agent.start();
    }
  }
  world.timeline.after(REJOIN_AFTER_MS, () => rejoin(world));
}

/** Agents that were told to leave: a person sets their machines up anew. */
function rejoin(world: World): void {
  for (const agent of world.agents.filter((one) => one.exited !== null)) {
    // Nothing joins a cluster that is cut off.
    if (world.drills.isCut(world.clusterOf(agent))) continue;
    agent.exited = null;
    agent.deadForEver = true;
    agent.machine.crash();
    agent.machine.disk.wipe();
    agent.machine.powerOn();
    world.addAgent(world.clusterOf(agent), agent.machine);
    bury(world, agent);
  }
  if (world.people.some((person) => !person.done)) world.timeline.after(REJOIN_AFTER_MS, () => rejoin(world));
}

/** A copy of it is that node now. */
const isOfOthers = ({ agents }: World, { machine, claims }: AgentHost): boolean =>
  agents.some((one) => one.alive && one.machine !== machine && isDeepStrictEqual(one.claims, claims));

/** It was not removed, or its cluster was restored to before that. */
function isKnown(world: World, agent: AgentHost): boolean {
  const { node, serial } = agent.claims;
  const { home } = world.clusterOf(agent);
  return home.query("SELECT 1 FROM node WHERE name = ? AND serial = ? AND removed = 0", node, serial).length > 0;
}

const REJOIN_AFTER_MS = 60_000;
const BURIAL_AFTER_MS = 20_000;
const LAST_LOOK_AFTER_MS = 400_000;
const GIVE_UP_AFTER_MS = 300_000;

/** The machines that it would need are gone. */
function isHopeless({ broker }: World, { plan, acknowledged, done }: Person): boolean {
  return acknowledged && !done && (broker.ask("explain", { id: plan.id }) as ExplainView).reason === "never-fits";
}

/** The node is removed; if work runs there that no guard ends, its power goes first. */
function bury(world: World, agent: AgentHost): void {
  const { machine, claims } = agent;
  const remove = (): void => {
    if (!isKnown(world, agent) || isOfOthers(world, agent)) return;
    world.trace(() => `a person removes ${claims.node}`);
    world.edge.request(world.clusterOf(agent), "removeNode", { name: claims.node }, () => {});
  };
  world.timeline.after(BURIAL_AFTER_MS, () => {
    const isAlone = world.agents.findLast((one) => one.machine === machine) === agent;
    const isKept = [...machine.processes.values()].some((process) => process.template.stopAfterMs === null);
    if (isAlone && isKept) machine.crash();
    remove();
  });
  // A late copy of what it said makes it known to a cluster that began anew.
  world.timeline.after(LAST_LOOK_AFTER_MS, remove);
}
