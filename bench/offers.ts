/**
 * `npm run bench:offers -- --agents 10000 --frameworks 1000`: one round in which every framework has refused every agent,
 * as Mesos' DeclineOffers. A revive of one framework afterwards shows that the nodes are there to be offered.
 */
import { numbers, percentile, printLine, progress, rounded } from "./line.ts";
import { declined } from "./offers/declined.ts";

const { agents, frameworks, roles, runs, seed } = numbers({
  agents: 10_000,
  frameworks: 1_000,
  roles: 1,
  runs: 9,
  seed: 1,
});
const startedAtMs = performance.now();

const { roundMs, offers, afterRevive } = declined(agents, frameworks, roles, runs);
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
