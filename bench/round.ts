/**
 * `npm run bench:round -- --instance PATH --runs 9`: how long the optimised round's assignment takes inside of workerd,
 * and how near to the bound it comes. Cold: a fresh solver and nothing kept. Warm: the last state, a disturbed instance.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { AssignProblem } from "../src/scheduling/assign/problem.ts";
import { faultsOf } from "../test/support/assignment.ts";
import { numbers, percentile, printLine, progress, rounded, textOption } from "./line.ts";
import { disturbed, readInstance } from "./roundInstance.ts";
import { type Answer, RoundWorkerd } from "./roundWorkerd.ts";

const { runs, seed } = numbers({ runs: 9, seed: 1 }, ["instance"]);
const path = textOption("instance");
if (path === null || runs < 1) throw new Error("it wants --instance PATH, and at least one run");
const startedAtMs = performance.now();
const text = readFileSync(path, "utf8");
const instance = readInstance(text);

const workerd = await RoundWorkerd.start();
const idleMib = workerd.memoryMib().now;
const faults: string[] = [];

function checked(problem: AssignProblem, start: string, answer: Answer): Answer {
  const { ms, gapPct, method, stats } = answer;
  if (ms === 0) throw new Error("the Worker's clock stood still");
  faults.push(...faultsOf(problem, answer));
  progress(`${start} ${ms} ms, gap ${gapPct.toFixed(3)} %, ${method} ${JSON.stringify(stats)}`);
  return answer;
}

const times = (answers: readonly Answer[]) => {
  const ms = answers.map((answer) => answer.ms);
  return { p50: rounded(percentile(ms, 0.5)), max: rounded(Math.max(...ms)), n: ms.length };
};

try {
  await workerd.bring(text);
  const cold: Answer[] = [];
  const warm: Answer[] = [];
  let peakMib = 0;
  for (let run = 0; run < runs; run++) {
    cold.push(checked(instance, "cold", await workerd.cold()));
    const changeSeed = seed * 1000 + run;
    warm.push(checked(disturbed(instance, changeSeed), "warm", await workerd.warm(changeSeed)));
    // Later on it also holds the solvers of earlier cold runs, until they are collected.
    if (run === 0) peakMib = workerd.memoryMib().peak - idleMib;
  }
  const [first] = cold;
  if (!first) throw new Error("no run");
  if (cold.some(({ value, bound }) => value !== first.value || bound !== first.bound))
    faults.push("the same instance gave different answers");
  printLine("round", seed, startedAtMs, {
    instance: basename(path, ".json"),
    variables: instance.classes.reduce((sum, { on }) => sum + on.length, 0),
    cold_ms: times(cold),
    warm_ms: times(warm),
    peak_mib: rounded(peakMib),
    gap_pct: rounded((100 * (first.bound - first.value)) / first.bound),
    lp_bound: rounded(first.bound),
    objective: rounded(first.value),
    method: first.method,
    runtime: "workerd",
  });
} finally {
  workerd.stop();
}
for (const fault of faults) progress(`fault: ${fault}`);
if (faults.length > 0) process.exitCode = 1;
