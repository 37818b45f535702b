/** Runs seeds: one story each, and what was seen in it. */
import { createHash } from "node:crypto";
import { type Invariant, Violation } from "./invariants/checks.ts";
import { RULES, type Rules, World } from "./world/world.ts";

export interface Story {
  seed: number;
  steps: number;
  faults: ReadonlyMap<string, number>;
  /** what people changed of the league, by method */
  changes: ReadonlyMap<string, number>;
  optimisations: number;
  /** attempts that were stopped for others */
  reclaims: number;
  checks: ReadonlyMap<Invariant, number>;
  violation: string | null;
}

export function runSeed(seed: number, trace: ((line: string) => void) | null = null, rules: Rules = RULES): Story {
  const world = new World({ seed, rules, ...(trace && { trace }) });
  let violation: string | null = null;
  try {
    world.run();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error.message;
    world.trace(() => `VIOLATION ${error.message}`);
  } finally {
    world.close();
  }
  const { timeline, faults, changes, checks, rounds } = world;
  const { optimisations } = rounds;
  const { reclaims } = world.reclaims;
  return { seed, steps: timeline.steps, faults, changes, optimisations, reclaims, checks: checks.counts, violation };
}

/** Two runs of a seed that tell the same story have the same hash. */
export function traceHash(seed: number): string {
  const hash = createHash("sha256");
  runSeed(seed, (line) => hash.update(`${line}\n`));
  return hash.digest("hex");
}
