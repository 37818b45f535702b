/**
 * A time of long silences: work that may run on for hours unseen, on clocks as far apart as they may be, on nodes that are
 * cut off for longer. What one clock counts less than the other is then more than all that is waited for beside it.
 */
import { drawPlans, type Plan } from "../people/person.ts";
import { CALM, type Weather } from "../world/network.ts";
import type { Chance } from "../world/random.ts";
import type { World } from "../world/world.ts";

const PATIENT = { name: "patient", copies: 0, pinned: 0, serves: false };
const STOP_AFTER_S = { least: 4_800, most: 6_000 };
/** Longer than what runs there may run, and than its Cluster waits. */
const CUT_MS = 6_500_000;
const CUT_OFF = 0.6;
const LATEST_MS = 20_000;
/** When it is over that some are cut off, what has outlasted its deadline ends, and what runs instead. */
export const PATIENT_UNTIL_MS = CUT_MS;
export const LONG_SILENCES_END_MS = CUT_MS + 3 * LATEST_MS;

export const drawPatient = (chance: Chance, clusters: readonly string[]): Plan[] =>
  drawPlans(chance, clusters, LATEST_MS, PATIENT)
    .filter(({ keep }) => !keep)
    .map((plan) => {
      const { timeout: _, ...spec } = plan.spec;
      const stopAfter = `${chance.int(STOP_AFTER_S.least, STOP_AFTER_S.most)}s`;
      return { ...plan, cancelAtMs: null, spec: { ...spec, disconnect: { stopAfter } } };
    });

/** Little else happens: it would break the silence. */
export function weatherOfDrifts(chance: Chance): Weather {
  return { ...CALM, doubled: chance.pick([0, 0.03]), replayed: chance.pick([0, 0.03]) };
}

export function scheduleLongSilences(world: World, chance: Chance): void {
  if (world.season !== "drifts") return;
  const { agents, timeline, network, happenings } = world;
  for (const { link } of agents)
    if (chance.of(CUT_OFF))
      timeline.at(LATEST_MS + chance.int(0, 2 * LATEST_MS), () => {
        if (happenings.strikes("link-cut-long", link)) network.cut(link, timeline.nowMs + CUT_MS);
      });
}
