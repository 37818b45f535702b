/**
 * What befalls machines and what is on them, beside their agents: guards that die, disks that are slow, full or lost,
 * machines that are suspended, whose clock leaps, or that lose their power a third at a time.
 */
import type { AgentHost } from "../world/agentHost.ts";
import { SPARED_MS } from "../world/machine.ts";
import type { Chance } from "../world/random.ts";
import type { World } from "../world/world.ts";

const MOST_BLOWS = 8;
/** Past the deadline and the silence limit of every job. */
const LONG_MS = 600_000;
/**
 * A guard that dies again within the time that its agent gives a new one to come up is missing for up to 6 s, longer
 * than KILL comes before a deadline.
 */
const GUARD_GAP_MS = 10_000;

type Blow = (world: World, chance: Chance) => void;

const BLOWS: Record<string, Blow> = {
  "guard-killed": (world, chance) => loseGuard(world, anyAgent(world, chance)),
  "guard-stopped": (world, chance) => {
    const agent = anyAgent(world, chance);
    const forMs = chance.spread(500, 60_000);
    if (!mayLoseGuard(world, agent)) return;
    agent.machine.stopGuard(forMs);
    sayGone(agent);
  },
  "guard-and-agent-killed": (world, chance) => {
    const agent = anyAgent(world, chance);
    const forMs = chance.spread(50, LONG_MS);
    if (chance.of(0.5)) {
      agent.goDown(forMs);
      loseGuard(world, agent);
    } else {
      loseGuard(world, agent);
      agent.goDown(forMs);
    }
  },
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
  const blows = chance.int(0, MOST_BLOWS);
  for (let i = 0; i < blows; i++) {
    const kind = chance.pick(Object.keys(BLOWS));
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
    machine.guard?.resume();
  }
}

const anyAgent = (world: World, chance: Chance): AgentHost =>
  chance.pick(world.agents.filter(({ machine }) => machine.up && !machine.isFrozen));

/** Whether somebody starts another, in time for what runs there. */
function mayLoseGuard({ timeline }: World, agent: AgentHost): boolean {
  const { machine } = agent;
  if (!machine.isGuarded || timeline.nowMs < machine.guardGoneMs + GUARD_GAP_MS) return false;
  if (agent.runs) return true;
  return agent.mayReturn && machine.unguardedMs > SPARED_MS;
}

function loseGuard(world: World, agent: AgentHost): void {
  if (!mayLoseGuard(world, agent)) return;
  world.trace(() => `the guard of ${agent.machine.name} is killed`);
  agent.machine.loseGuard();
  sayGone(agent);
}

function sayGone(agent: AgentHost): void {
  const { machine } = agent;
  if (agent.runs) machine.onGuard?.();
  else if (Number.isFinite(machine.bearsMs)) agent.returnWithin(machine.bearsMs);
}
