/** `npm run sim`: one JSON line on stdout, progress on stderr; exit code 1 when an invariant was broken. */
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import packageJson from "../../package.json" with { type: "json" };
import { MUTATIONS, rulesWithout, tryMutation } from "./mutations/mutations.ts";
import { runSeed } from "./run.ts";
import { RULES } from "./world/world.ts";

const USAGE = `usage: npm run sim -- --seeds N [--first-seed S]
       npm run sim -- --seed S [--trace] [--without RULE]
       npm run sim -- --mutations [--seeds N] [--first-seed S]`;

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    "first-seed": { type: "string", default: "1" },
    seed: { type: "string" },
    trace: { type: "boolean", default: false },
    mutations: { type: "boolean", default: false },
    without: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.error(USAGE);
  process.exit(0);
}
const firstSeed = wholeNumber("first-seed", values.seed ?? values["first-seed"]);
const seeds = values.seed === undefined ? wholeNumber("seeds", values.seeds ?? "400") : 1;
const startedAt = performance.now();
process.exitCode = values.mutations ? mutations() : simulate();

function simulate(): number {
  const rules = values.without === undefined ? RULES : rulesWithout(values.without);
  const faults: Record<string, number> = {};
  const changes: Record<string, number> = {};
  const checks: Record<string, number> = {};
  const failing: number[] = [];
  let steps = 0;
  let optimisations = 0;
  let reclaims = 0;
  for (let i = 0; i < seeds; i++) {
    const seed = firstSeed + i;
    const story = runSeed(seed, values.trace ? (line) => process.stderr.write(`${line}\n`) : null, rules);
    steps += story.steps;
    for (const [kind, n] of story.faults) faults[kind] = (faults[kind] ?? 0) + n;
    optimisations += story.optimisations;
    reclaims += story.reclaims;
    for (const [kind, n] of story.changes) changes[kind] = (changes[kind] ?? 0) + n;
    for (const [invariant, n] of story.checks) checks[invariant] = (checks[invariant] ?? 0) + n;
    if (story.violation !== null) {
      failing.push(seed);
      console.error(`seed ${seed}: ${story.violation}`);
    }
    if ((i + 1) % 100 === 0) console.error(`${i + 1} of ${seeds} seeds, ${failing.length} failing`);
  }
  print({
    seeds,
    first_seed: firstSeed,
    steps,
    steps_per_s: Math.round(steps / secondsSince(startedAt)),
    faults,
    changes,
    optimisations,
    reclaims,
    checks,
    violations: failing.length,
    failing_seeds: failing,
  });
  return failing.length > 0 ? 1 : 0;
}

function mutations(): number {
  const results = Object.keys(MUTATIONS).map((rule) => {
    const result = tryMutation(rule, firstSeed, seeds);
    console.error(`${rule}: ${result.caught ? `caught by seed ${result.seeds_to_catch}: ${result.by}` : "not caught"}`);
    return result;
  });
  const uncaught = results.filter((result) => !result.caught).map((result) => result.rule);
  print({
    mutations: results.map(({ rule, caught, seeds_to_catch }) => ({ rule, caught, seeds_to_catch })),
    uncaught,
  });
  return uncaught.length > 0 ? 1 : 0;
}

function print(body: object): void {
  const line = {
    bench: "sim",
    version: packageJson.version,
    commit: commit(),
    runtime: `node ${process.versions.node}`,
    cpus: availableParallelism(),
    seed: firstSeed,
    wall_s: Math.round(secondsSince(startedAt) * 1000) / 1000,
    ...body,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Absent when this is not a checkout. */
function commit(): string | undefined {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  console.error(`--${name} must be a whole number, not "${text}"\n${USAGE}`);
  process.exit(2);
}
