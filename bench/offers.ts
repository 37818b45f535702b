/**
 * `npm run bench:offers -- --agents 10000 --frameworks 1000`: one round in which every framework has refused every agent,
 * as Mesos' DeclineOffers; `--kinds 100`: agents are of so many kinds. A revive of one framework afterwards shows that the
 * nodes are there to be offered.
 * `--workload multi`: Mesos' MultiFrameworkAllocations, 19,500 tasks of three kinds of frameworks, to their end.
 */
import { numbers, percentile, printLine, progress, rounded, textOption } from "./line.ts";
import { declined } from "./offers/declined.ts";
import { multi } from "./offers/multi.ts";

const workload = textOption("workload");
if (workload === null) benchDeclined();
else if (workload === "multi") benchMulti();
else throw new Error(`there is no workload "${workload}"; there is: multi`);

function benchDeclined(): void {
  const defaults = { agents: 10_000, frameworks: 1_000, roles: 1, kinds: 1, runs: 9, seed: 1 };
  const { agents, frameworks, roles, kinds, runs, seed } = numbers(defaults);
  const startedAtMs = performance.now();
  const { roundMs, offers, afterRevive } = declined(agents, frameworks, roles, kinds, runs);
  printLine("offers", seed, startedAtMs, {
    agents,
    frameworks,
    roles,
    round_ms: { p50: rounded(percentile(roundMs, 0.5)), max: rounded(Math.max(...roundMs)) },
    offers,
    runtime: "node",
  });
  progress(`rounds ${roundMs.map((ms) => ms.toFixed(0)).join(" ")} ms; after a revive ${afterRevive} offers`);
  if (offers > 0 || afterRevive < agents) process.exitCode = 1;
}

function benchMulti(): void {
  const { seed } = numbers({ seed: 1 }, ["workload"]);
  const startedAtMs = performance.now();
  const result = multi();
  printLine("offers", seed, startedAtMs, {
    workload: "multi",
    tasks: result.tasks,
    finished: result.finished,
    total_s: rounded((performance.now() - startedAtMs) / 1000),
    league_s: rounded(result.leagueMs / 1000),
    offers: result.offers,
    declined: result.declined,
    declined_pct: rounded((result.declined / Math.max(1, result.offers)) * 100),
    runtime: "node",
  });
  if (result.finished < result.tasks) process.exitCode = 1;
}
