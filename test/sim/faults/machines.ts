/**
 * What befalls machines and what is on them, beside their agents: guards that die, disks that are slow, full or lost,
 * machines that are suspended, whose clock leaps, or that lose their power a third at a time.
 */
import type { AgentHost } from "../world/agentHost.ts";
import { type Machine, SPARED_MS } from "../world/machine.ts";
import type { Chance } from "../world/random.ts";
import type { World } from "../world/world.ts";
import type { Season } from "./season.ts";

const MOST_BLOWS = 12;
/** What there is of machines' faults in its season, and how often. */
const SEASONAL: Partial<Record<Season, { kind: string; times: number }>> = {
  unguarded: { kind: "guards-fail", times: 20 },
  suspends: { kind: "suspended", times: 20 },
  replays: { kind: "data-lost", times: 6 },
};
/** Past the deadline and the silence limit of every job. */
const LONG_MS = 600_000;
/**
 * A guard that dies again within the time that its agent gives a new one to come up is missing for up to 6 s, longer
 * than KILL comes before a deadline.
 */
const GUARD_GAP_MS = 10_000;

const RETURNS = 0.6;
const JOIN_AGAIN_MS = 10_000;
/** Machines that wake with so much to do that their guard has no time. */
const WAKES_BUSY = 0.5;
/** In their season, when what it runs nears its deadline. */
const WAKES_UNHEARD = 0.5;
const WAKES_BEFORE_MS = 15_000;
/** Longer than what a node runs then may run on. */
const CUT_MS = 70_000;

type Blow = (world: World, chance: Chance) => void;

const BLOWS: Record<string, Blow> = {
  "guard-killed": (world, chance) => {
    const agent = anyAgent(world, chance);
    if (agent) loseGuard(world, agent);
  },
  "guard-stopped": (world, chance) => {
    const agent = anyAgent(world, chance);
    const forMs = chance.spread(500, 60_000);
    if (agent) stopGuard(world, agent, forMs);
  },
  "guard-and-agent-killed": (world, chance) => {
    const agent = anyAgent(world, chance);
    const forMs = chance.spread(50, LONG_MS);
    if (!agent) return;
    if (chance.of(0.5)) {
      agent.goDown(forMs);
      loseGuard(world, agent);
    } else {
      loseGuard(world, agent);
      agent.goDown(forMs);
    }
  },
  "guards-fail": (world, chance) => {
    const agent = anyAgent(world, chance);
    const forMs = chance.spread(1_000, 60_000);
    if (agent) failGuards(world, agent, forMs);
  },
  "run-folder-full": (world, chance) => {
    const { machine } = anyAgent(world, chance) ?? {};
    const forMs = chance.spread(1_000, 60_000);
    if (!machine?.isGuarded) return;
    machine.isRunFolderFull = true;
    machine.after(forMs, () => {
      machine.isRunFolderFull = false;
    });
  },
  "disk-full": (world, chance) => {
    const { machine } = anyAgent(world, chance) ?? {};
    const forMs = chance.spread(1_000, 60_000);
    if (!machine) return;
    machine.disk.isFull = true;
    machine.after(forMs, () => {
      machine.disk.isFull = false;
    });
  },
  suspended: (world, chance) => {
    const agent = anyAgent(world, chance);
    const anyMs = chance.spread(1_000, LONG_MS);
    if (!agent || !mayLoseTime(agent)) return;
    const own = chance.named("cut");
    const isCut = world.season === "suspends" && own.of(WAKES_UNHEARD);
    const nearMs = agent.machine.unguardedMs - own.int(0, WAKES_BEFORE_MS);
    // Who ends the faults finds it awake.
    const leftMs = world.mood.faultsEndMs - 1 - world.timeline.nowMs;
    const forMs = Math.min(isCut && Number.isFinite(nearMs) ? Math.max(1_000, nearMs) : anyMs, leftMs);
    world.trace(() => `${agent.machine.name} is suspended for ${forMs} ms`);
    agent.machine.suspend(forMs);
    if (isCut) {
      world.network.cut(agent.link, world.timeline.nowMs + forMs + CUT_MS);
      agent.machine.after(1, () => failGuards(world, agent, CUT_MS));
      return;
    }
    if (!chance.of(WAKES_BUSY)) return;
    const busyMs = chance.spread(500, 60_000);
    const beforeMs = chance.int(0, 7_000);
    agent.machine.after(1, () => stopGuardBefore(world, agent, beforeMs, busyMs));
  },
  "boot-clock-leaps": (world, chance) => {
    const agent = anyAgent(world, chance);
    const byMs = chance.spread(1_000, LONG_MS);
    if (!agent || !mayLoseTime(agent)) return;
    world.trace(() => `the boot clock of ${agent.machine.name} leaps by ${byMs} ms`);
    agent.machine.leap(byMs);
  },
  "process-killed": (world, chance) => {
    const { machine } = anyAgent(world, chance) ?? {};
    const withShim = chance.of(0.5);
    if (machine && machine.processes.size > 0) machine.kill(chance.pick([...machine.processes.values()]), withShim);
  },
  "third-gone": (world, chance) => loseThird(world, chance),
  "data-lost": (world, chance) => loseData(world, chance),
};

export function scheduleMachineFaults(world: World, chance: Chance): void {
  const { mood, timeline } = world;
  if (mood.gentle || mood.wide) return;
  const slowWrites = chance.pick([0, 0, 0.01, 0.05]);
  for (const agent of world.agents) {
    const own = chance.named(`disk of ${agent.machine.name}`);
    agent.slowWrites = slowWrites;
    agent.slowMs = () => own.spread(5, 20_000);
  }
  const seasonal = world.season && SEASONAL[world.season];
  const blows = seasonal ? seasonal.times : chance.int(0, MOST_BLOWS);
  for (let i = 0; i < blows; i++) {
    const kind = seasonal ? seasonal.kind : chance.pick(Object.keys(BLOWS));
    const own = chance.named(`blow ${i}`);
    timeline.at(chance.int(5_000, mood.faultsEndMs - 1), () => {
      if (!world.happenings.strikes(kind)) return;
      world.trace(() => `fault: ${kind}`);
      BLOWS[kind]?.(world, own);
    });
  }
}

/** From here on machines do what they are there for. */
export function endMachineFaults({ agents, machines }: World): void {
  for (const agent of agents) agent.slowWrites = 0;
  for (const machine of machines) {
    machine.disk.isFull = false;
    machine.isRunFolderFull = false;
    machine.hasNoGuards = false;
    machine.guard?.resume();
  }
}

/** null: none can be struck now */
function anyAgent({ agents }: World, chance: Chance): AgentHost | null {
  const there = agents.filter(({ mayReturn, machine }) => mayReturn && !machine.isFrozen);
  return there.length === 0 ? null : chance.pick(there);
}

/** Whether somebody starts another, in time for what runs there. */
function mayLoseGuard({ timeline }: World, { runs, machine }: AgentHost): boolean {
  if (!machine.isGuarded || !machine.canStartGuard || timeline.nowMs < machine.guardGoneMs + GUARD_GAP_MS) return false;
  return runs || machine.unguardedMs > SPARED_MS;
}

/** Whether what is past its deadline then is killed soon. */
const mayLoseTime = ({ runs, machine }: AgentHost): boolean => machine.canStartGuard && (machine.isGuarded || runs);

function loseGuard(world: World, agent: AgentHost): void {
  if (!mayLoseGuard(world, agent)) return;
  world.trace(() => `the guard of ${agent.machine.name} is killed`);
  agent.machine.loseGuard();
  sayGone(agent);
}

/** It has none for so long, if its agent runs. */
function failGuards(world: World, agent: AgentHost, forMs: number): void {
  const { machine } = agent;
  if (!agent.runs || !mayLoseGuard(world, agent)) return;
  loseGuard(world, agent);
  machine.hasNoGuards = true;
  machine.after(forMs, () => {
    machine.hasNoGuards = false;
  });
}

function stopGuard(world: World, agent: AgentHost, forMs: number): void {
  if (!mayLoseGuard(world, agent)) return;
  agent.machine.stopGuard(forMs);
  sayGone(agent);
}

/** When it would be needed: so long before the first deadline, of those that there are now. */
function stopGuardBefore(world: World, agent: AgentHost, beforeMs: number, forMs: number): void {
  const inMs = agent.machine.unguardedMs - beforeMs;
  if (!Number.isFinite(inMs)) return;
  agent.machine.after(Math.max(1, inMs), () => {
    if (world.faulty && world.happenings.strikes("guard-stopped")) stopGuard(world, agent, forMs);
  });
}

function sayGone(agent: AgentHost): void {
  const { machine } = agent;
  if (agent.runs) machine.onGuard?.();
  else if (Number.isFinite(machine.bearsMs)) agent.returnWithin(machine.bearsMs);
}

/** Power is gone for all that runs there. @param forMs null: for good */
export function cutPower(world: World, machine: Machine, forMs: number | null): void {
  const agents = world.agents.filter((agent) => agent.machine === machine);
  for (const agent of agents) {
    agent.crash();
    agent.deadForEver ||= forMs === null;
  }
  machine.crash();
  if (forMs === null) return;
  world.timeline.after(forMs, () => {
    if (machine.up) return;
    world.refit(machine);
    machine.powerOn();
    for (const agent of agents) agent.start();
  });
}

/** A third of the league loses its power at the same moment. One node of each cluster is left for the work, or returns. */
function loseThird(world: World, chance: Chance): void {
  const left = world.agents.filter(({ mayReturn }) => mayReturn);
  for (let n = Math.ceil(left.length / 3); n > 0; n--) {
    const [agent] = left.splice(chance.int(0, left.length - 1), 1);
    if (!agent) return;
    const { cluster } = agent.claims;
    const forMs = chance.spread(5_000, LONG_MS);
    const isLast = !world.agents.some(
      (other) => other !== agent && other.claims.cluster === cluster && !other.deadForEver,
    );
    const returns = chance.of(RETURNS) || isLast;
    world.trace(() => `${agent.machine.name} has no power ${returns ? `for ${forMs} ms` : "any more"}`);
    cutPower(world, agent.machine, returns ? forMs : null);
  }
}

/**
 * The folder of a node is gone, with its journal and its credential; the machine boots anew, or what runs lives on. Its
 * owner joins it anew: under its name, if the node of before is removed and nothing of it can be left.
 */
function loseData(world: World, chance: Chance): void {
  const agent = anyAgent(world, chance);
  const boots = chance.of(0.5);
  const isRemoved = chance.of(0.5);
  const forMs = chance.spread(2_000, 60_000);
  if (!agent) return;
  const { machine, claims } = agent;
  const isKept = [...machine.processes.values()].some(({ template }) => template.stopAfterMs === null);
  // Without a guard, and for what has no deadline, nobody but the power ends what runs.
  const isBooted = boots || isKept || !machine.isGuarded;
  world.trace(() => `${claims.node} loses its data${isBooted ? " and its power" : ""}`);
  agent.crash();
  agent.deadForEver = true;
  agent.isReplaced = true;
  if (isBooted) {
    machine.crash();
    machine.disk.wipe();
    machine.powerOn();
  } else machine.disk.loseJournal();
  const cluster = world.clusterOf(agent);
  const join = (): void => {
    // Nothing joins a cluster that is cut off.
    if (world.drills.isCut(cluster)) world.timeline.after(JOIN_AGAIN_MS, join);
    else world.addAgent(cluster, machine);
  };
  world.timeline.after(forMs, () => {
    if (isRemoved) world.edge.request(cluster, "removeNode", { name: claims.node }, join);
    else join();
  });
}
