/** Runs a seed: one story, and what was seen in it. */
import { createHash } from "node:crypto";
import type { Season } from "./faults/season.ts";
import { type Invariant, Violation } from "./invariants/checks.ts";
import { lendTime } from "./world/threadTime.ts";
import { World } from "./world/world.ts";

export type Counts = Record<string, number>;

export interface Story {
  seed: number;
  steps: number;
  faults: Counts;
  /** what people wanted of the league */
  wishes: Counts;
  optimisations: number;
  /** attempts that were stopped for others */
  reclaims: number;
  /** after the faults, ms; null: never */
  overAfterMs: number | null;
  /** looks at all that there is */
  scans: number;
  checks: Counts;
  violation: { invariant: Invariant; message: string } | null;
  /** names of all that happened, oldest first, when an invariant was broken */
  happenings: string[];
}

/** @param only the happenings that there are; null: all that the seed draws */
export async function runSeed(
  seed: number,
  only: readonly string[] | null = null,
  trace: ((line: string) => void) | null = null,
  season: Season | null = null,
): Promise<Story> {
  const world = new World({
    seed,
    ...(season && { season }),
    ...(only && { only: new Set(only) }),
    ...(trace && { trace }),
  });
  let violation: Story["violation"] = null;
  const giveBack = lendTime(world);
  try {
    await world.run();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    const { invariant, message } = error;
    violation = { invariant, message };
    world.trace(() => `VIOLATION ${message}`);
  } finally {
    giveBack();
    world.close();
  }
  const { timeline, happenings, checks, rounds, reclaims, scans } = world;
  return {
    seed,
    steps: timeline.steps,
    faults: Object.fromEntries(happenings.faults),
    wishes: Object.fromEntries(happenings.wishes),
    optimisations: rounds.optimisations,
    reclaims: reclaims.reclaims,
    overAfterMs: world.overAfterMs,
    scans: scans.count,
    checks: Object.fromEntries(checks.counts),
    violation,
    happenings: violation === null ? [] : happenings.told,
  };
}

/** Two runs of a seed that tell the same story have the same hash. */
export async function traceHash(seed: number): Promise<string> {
  const hash = createHash("sha256");
  await runSeed(seed, null, (line) => hash.update(`${line}\n`));
  return hash.digest("hex");
}
