/**
 * Cuts of many nodes at once, and what the clusters make of them: what ran there at most once is waited for `holdFor`
 * longer than silence alone would take, since it is likely the link.
 */
import type { AgentHost } from "../world/agentHost.ts";
import type { Chance } from "../world/random.ts";
import { MAX_OBJECT_DRIFT } from "../world/simObject.ts";
import type { World } from "../world/world.ts";

/** The design's: with fewer nodes, or a third of them and fewer, each node is on its own. */
const MASS_NODES = 10;
const HOLD_FOR_MS = 300_000;
/** Some are over before anything is handed out again, some after `holdFor`. */
const SHORTEST_MS = 30_000;
const LONGEST_MS = 700_000;

interface MassCut {
  machines: ReadonlySet<string>;
  /** more than a third of the cluster are missed soon: what rests, and runs nothing, is not */
  isMissedSoon: boolean;
  fromMs: number;
  untilMs: number;
}

export class MassCuts {
  readonly #world: World;
  readonly #cuts: MassCut[] = [];
  /** attempt key → where and until when it ran */
  readonly #ran = new Map<string, { machine: string; endedMs: number }>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Cuts more than a third of a large cluster off. */
  cut(chance: Chance): void {
    const { timeline, network } = this.#world;
    const large = [...Map.groupBy(this.#world.agents, ({ claims }) => claims.cluster).values()].filter(
      (agents) => agents.length >= MASS_NODES,
    );
    const agents = large[0];
    if (!agents) return;
    const count = chance.int(Math.floor(agents.length / 3) + 1, agents.length);
    const cutOff = shuffled(agents, chance).slice(0, count);
    const untilMs = timeline.nowMs + chance.int(SHORTEST_MS, LONGEST_MS);
    this.#world.trace(() => `${count} of ${agents.length} nodes are cut off until ${untilMs}`);
    for (const { link } of cutOff) network.cut(link, untilMs);
    const machines = new Set(cutOff.map(({ machine }) => machine.name));
    const isMissedSoon = cutOff.filter((agent) => this.#isMissedSoon(agent)).length * 3 > agents.length;
    this.#cuts.push({ machines, isMissedSoon, fromMs: timeline.nowMs, untilMs });
  }

  #isMissedSoon({ state, machine }: AgentHost): boolean {
    if (state?.inFlight?.held) return true;
    return [...this.#ran.values()].some(
      (run) => run.machine === machine.name && run.endedMs > this.#world.timeline.nowMs,
    );
  }

  started(key: string, machine: string): void {
    this.#ran.set(key, { machine, endedMs: Number.POSITIVE_INFINITY });
  }
  ended(key: string): void {
    const run = this.#ran.get(key);
    if (run) run.endedMs = this.#world.timeline.nowMs;
  }

  /** @param key of the hand-out before this one @param lostAfterMs silence after which it is given up */
  handedOutAgain(key: string, lostAfterMs: number): void {
    const { nowMs } = this.#world.timeline;
    const run = this.#ran.get(key);
    if (!run) return;
    for (const { machines, isMissedSoon, fromMs, untilMs } of this.#cuts) {
      // Of what had ended before, the end may have been told.
      if (!isMissedSoon || nowMs < fromMs || nowMs >= untilMs || !machines.has(run.machine) || run.endedMs <= fromMs)
        continue;
      this.#world.checks.hold(
        "mass-held",
        (nowMs - fromMs) * (1 + MAX_OBJECT_DRIFT) >= lostAfterMs + HOLD_FOR_MS,
        () => `${key} was cut off with ${machines.size} nodes and is handed out again after ${nowMs - fromMs} ms`,
      );
    }
  }
}

function shuffled(agents: readonly AgentHost[], chance: Chance): AgentHost[] {
  const left = [...agents];
  return Array.from({ length: left.length }, () => left.splice(chance.int(0, left.length - 1), 1)[0] as AgentHost);
}
