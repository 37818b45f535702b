/** Runs seeds: one story each, and what was seen in it. */
import { createHash } from "node:crypto";
import { type Invariant, Violation } from "./checks.ts";
import { RULES, type Rules, World } from "./world.ts";

export interface Story {
  seed: number;
  steps: number;
  faults: ReadonlyMap<string, number>;
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
  return { seed, steps: world.timeline.steps, faults: world.faults, checks: world.checks.counts, violation };
}

/** Two runs of a seed that tell the same story have the same hash. */
export function traceHash(seed: number): string {
  const hash = createHash("sha256");
  runSeed(seed, (line) => hash.update(`${line}\n`));
  return hash.digest("hex");
}
