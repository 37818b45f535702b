/** `npm run sim`: one JSON line on stdout, progress on stderr; exit code 1 when an invariant was broken. */
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import packageJson from "../../package.json" with { type: "json" };
import { SEASONS, type Season } from "./faults/season.ts";
import { MUTATIONS, mutationOf, nameOf, tableOf, tryMutation } from "./mutations/mutations.ts";
import { Pool } from "./pool.ts";
import type { Counts, Story } from "./run.ts";
import { FOUND } from "./seeds.ts";
import { fewest } from "./shrink.ts";

const USAGE = `usage: npm run sim -- --seeds N | --steps N [--first-seed S]
           runs N leagues (400) under faults, or as many as it takes for N steps; of the first that breaks an invariant,
           the fewest happenings that still do
       npm run sim -- --found
           the leagues that once found a bug, each in its season
       npm run sim -- --seed S [--trace]
           one league; --trace tells it step by step, on a violation the shortest story that was found
       npm run sim -- --mutations [--rule RULE] [--seeds N] [--first-seed S] [--table]
           takes one rule at a time out of the source, and tells how many of N seeds (200) it took until that was noticed,
           at the end also in a table; a rule that has a season is looked for in that one
With --seeds, --steps and --seed:
--without RULE: a rule is taken out of the source
--season NAME: in a time in which some faults come far more often: ${SEASONS.join(", ")}
--shrink-for SECONDS (120): how long is looked for the fewest happenings; 0: not at all
With all:
--threads N: instead of one for each processor`;

const { values } = parseOrExplain();
if (values.help) {
  console.error(USAGE);
  process.exit(0);
}
const firstSeed = wholeNumber("first-seed", values.seed ?? values["first-seed"]);
const threads = wholeNumber("threads", values.threads ?? String(availableParallelism()));
const season = knownSeason(values.season);
const shrinkForMs = wholeNumber("shrink-for", values["shrink-for"]) * 1000;
const startedAt = performance.now();
process.exitCode = values.mutations ? await mutations() : values.found ? await found() : await simulate();

function parseOrExplain() {
  try {
    return parseArgs({
      options: {
        seeds: { type: "string" },
        steps: { type: "string" },
        "first-seed": { type: "string", default: "1" },
        seed: { type: "string" },
        trace: { type: "boolean", default: false },
        found: { type: "boolean", default: false },
        mutations: { type: "boolean", default: false },
        rule: { type: "string" },
        table: { type: "boolean", default: false },
        without: { type: "string" },
        season: { type: "string" },
        threads: { type: "string" },
        "shrink-for": { type: "string", default: "120" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`);
    process.exit(2);
  }
}

async function simulate(): Promise<number> {
  const mostSteps = values.steps === undefined ? null : wholeNumber("steps", values.steps);
  const mostSeeds = values.seed === undefined ? wholeNumber("seeds", values.seeds ?? "400") : 1;
  const mutation = values.without === undefined ? null : known(values.without);
  const pool = await Pool.open(mutation ? nameOf(mutation) : "seeds", mutation?.patches, threads);
  const stories: Story[] = [];
  let next = 0;
  let steps = 0;
  const runner = async (): Promise<void> => {
    while (mostSteps === null ? next < mostSeeds : steps < mostSteps) {
      const story = await pool.story(firstSeed + next++, { season });
      stories.push(story);
      steps += story.steps;
      if (story.violation !== null) console.error(`seed ${story.seed}: ${story.violation.message}`);
      if (stories.length % 100 === 0) console.error(`${stories.length} seeds, ${steps} steps`);
    }
  };
  await Promise.all(Array.from({ length: pool.size }, runner));
  const ranS = secondsSince(startedAt);
  const failing = stories.filter(({ violation }) => violation !== null).sort((a, b) => a.seed - b.seed);
  const [first] = failing;
  if (first) await tellShort(pool, first);
  else if (values.trace) await pool.story(firstSeed, { season, trace: console.error });
  await pool.close();
  print({
    seeds: stories.length,
    first_seed: firstSeed,
    steps,
    steps_per_s: Math.round(steps / ranS),
    faults: sum(stories.map(({ faults }) => faults)),
    wishes: sum(stories.map(({ wishes }) => wishes)),
    optimisations: stories.reduce((all, { optimisations }) => all + optimisations, 0),
    reclaims: stories.reduce((all, { reclaims }) => all + reclaims, 0),
    over_after_s: spread(stories.flatMap(({ overAfterMs }) => overAfterMs ?? [])),
    scans: stories.reduce((all, { scans }) => all + scans, 0),
    checks: sum(stories.map(({ checks }) => checks)),
    violations: failing.length,
    failing_seeds: failing.map(({ seed }) => seed),
  });
  return failing.length > 0 ? 1 : 0;
}

async function found(): Promise<number> {
  const pool = await Pool.open("seeds", [], threads);
  const stories = await Promise.all(FOUND.map(({ seed, season = null }) => pool.story(seed, { season })));
  await pool.close();
  for (const [i, { violation }] of stories.entries())
    if (violation) console.error(`${JSON.stringify(FOUND[i])}: ${violation.message}`);
  const violations = stories.filter(({ violation }) => violation !== null).length;
  print({ seeds: stories.length, steps: stories.reduce((all, { steps }) => all + steps, 0), violations });
  return violations > 0 ? 1 : 0;
}

/** Of a story that broke an invariant: the fewest happenings that still break it. */
async function tellShort(pool: Pool, { seed, violation, happenings }: Story): Promise<void> {
  let causes: readonly string[] = happenings;
  if (shrinkForMs > 0) {
    const untilMs = performance.now() + shrinkForMs;
    // A world without its nodes, say, is none: whatever that throws is not what is looked for.
    const fails = async (only: readonly string[]) => {
      const story = await pool.story(seed, { only, season }).catch(() => null);
      return story?.violation?.invariant === violation?.invariant;
    };
    const found = await fewest(
      happenings,
      (name) => name.split(" ")[0] ?? "",
      fails,
      () => performance.now() < untilMs,
    );
    causes = found.causes;
    const bound = found.isFewest ? "none of which can be left out" : "found before time was over";
    console.error(`seed ${seed}: ${causes.length} of ${happenings.length} happenings break it, ${bound}:`);
    for (const cause of causes) console.error(`  ${cause}`);
  }
  if (values.trace) await pool.story(seed, { only: causes, season, trace: console.error });
}

async function mutations(): Promise<number> {
  const seeds = wholeNumber("seeds", values.seeds ?? "200");
  const results = [];
  for (const mutation of values.rule === undefined ? MUTATIONS : [known(values.rule)]) {
    const result = await tryMutation(mutation, firstSeed, seeds, threads);
    const { message, ...told } = result;
    const { rule, season, seeds_to_catch } = told;
    const seed = seeds_to_catch && `${firstSeed + seeds_to_catch - 1}${season ? ` --season ${season}` : ""}`;
    console.error(`${rule}: ${seed ? `caught by --seed ${seed}: ${message}` : "not caught"}`);
    results.push(told);
  }
  if (values.table) console.error(tableOf(results));
  const uncaught = results.filter(({ caught }) => !caught).map(({ rule }) => rule);
  print({ mutations: results, uncaught });
  return uncaught.length > 0 ? 1 : 0;
}

function knownSeason(name: string | undefined): Season | null {
  const found = SEASONS.find((one) => one === name);
  if (found !== undefined || name === undefined) return found ?? null;
  console.error(`no season "${name}"; there are ${SEASONS.join(", ")}`);
  process.exit(2);
}

function known(rule: string) {
  try {
    return mutationOf(rule);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}

/** Of times in ms. */
function spread(times: readonly number[]): Counts {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number) => Math.round((sorted[Math.ceil(part * sorted.length) - 1] ?? 0) / 1000);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

function sum(all: readonly Counts[]): Counts {
  const sums: Counts = {};
  for (const counts of all) for (const [name, n] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + n;
  return sums;
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
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number;
  console.error(`--${name} must be a whole number, not "${text}"\n${USAGE}`);
  process.exit(2);
}
