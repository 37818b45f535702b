/**
 * `npm run bench:lending -- --jobs FILE --gpus 640`: what owners gain and lose when what is idle is lent, on a trace of
 * gangs by owner. Static shares, lending without taking back, and Hansa's lending replay the same jobs; what they did is
 * checked, and figures by owner go to stderr.
 */
import { readFileSync } from "node:fs";
import { DEFAULT_LENDING } from "../src/scheduling/lending/lend.ts";
import { type Asked, parseAsked, USAGE, UsageError } from "./lending/arguments.ts";
import { baselines } from "./lending/baselines.ts";
import { printFrontier } from "./lending/frontier.ts";
import { hansa } from "./lending/policy.ts";
import { quotasOf } from "./lending/quotas.ts";
import { redrawn } from "./lending/redraw.ts";
import { RuleBroken, simulate } from "./lending/simulate.ts";
import { meanWaitMsByOwner, summaryOf } from "./lending/summary.ts";
import { parseTrace, TraceError, type TraceJob } from "./lending/trace.ts";
import { printLine, progress } from "./line.ts";

const HOUR_MS = 3_600_000;
const PROMISED_MS = DEFAULT_LENDING.minRunMs + DEFAULT_LENDING.graceMs;

function readJobs({ jobs: path, gpus, redraw }: Asked): { jobs: TraceJob[]; quotas: Map<string, number> } {
  try {
    const jobs = parseTrace(readFileSync(path, "utf8"));
    return { jobs: redraw === 0 ? jobs : redrawn(jobs, redraw), quotas: quotasOf(jobs, gpus) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(error instanceof TraceError ? `${path}: ${reason}` : reason);
  }
}

function measure(asked: Asked): void {
  const startedAtMs = performance.now();
  const { gpus, redraw } = asked;
  const { jobs, quotas } = readJobs(asked);
  const brought = [...quotas.values()].reduce((sum, quota) => sum + quota, 0);
  if (brought !== gpus) throw new RuleBroken(`owners brought ${brought} of ${gpus} GPUs`);
  const runs = {
    static: simulate(jobs, quotas, baselines.static()),
    borrow: simulate(jobs, quotas, baselines.borrow()),
    borrow_reclaim: simulate(jobs, quotas, hansa()),
  };
  const again = simulate(jobs, quotas, hansa());
  if (JSON.stringify(again) !== JSON.stringify(runs.borrow_reclaim)) throw new RuleBroken("two runs are not the same");
  if (runs.borrow_reclaim.longestOwedMs > PROMISED_MS) {
    const waited = runs.borrow_reclaim.longestOwedMs / HOUR_MS;
    throw new RuleBroken(`an owner waited ${waited} h for its own, longer than minRun and grace`);
  }

  const alone = meanWaitMsByOwner(runs.static, jobs);
  const lent = meanWaitMsByOwner(runs.borrow_reclaim, jobs);
  const hours = (ms: number | undefined) => ((ms ?? Number.NaN) / HOUR_MS).toFixed(1);
  for (const [owner, quota] of quotas) {
    progress(`${owner}: brought ${quota}, mean wait ${hours(alone.get(owner))} h static, ${hours(lent.get(owner))} h`);
  }
  const worse = [...alone].filter(([owner, ms]) => (lent.get(owner) ?? 0) > ms + PROMISED_MS);
  if (asked.frontier) printFrontier(jobs, quotas, gpus);

  printLine("lending", redraw, startedAtMs, {
    gpus,
    jobs: jobs.length,
    static: summaryOf(runs.static, jobs, gpus),
    borrow: summaryOf(runs.borrow, jobs, gpus),
    borrow_reclaim: summaryOf(runs.borrow_reclaim, jobs, gpus),
    owner_worse_count: worse.length,
  });
}

try {
  measure(parseAsked(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError || error instanceof RuleBroken)) throw error;
  process.stderr.write(
    error instanceof UsageError ? `${error.message}\n${USAGE}\n` : `check failed: ${error.message}\n`,
  );
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
