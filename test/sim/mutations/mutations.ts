/** The rules that the house rests on, each switched off: a simulator that does not notice is not looking. */
import type { Grant, Report } from "../../../src/protocol/levels.ts";
import { runSeed } from "../run.ts";
import { RULES, type Rules } from "../world/world.ts";
import { HEARING } from "./mishear.ts";

export const MUTATIONS: Record<string, Rules> = {
  /** a Cluster hands out again as soon as a node is marked silent */
  "silence rule": { ...RULES, cluster: { ...RULES.cluster, silenceElapsed: () => true } },
  /** the end of any attempt decides its task */
  "epoch check": { ...RULES, cluster: { ...RULES.cluster, decides: () => true } },
  /** many nodes that fall silent together are given up like any one */
  "mass hold": { ...RULES, cluster: { ...RULES.cluster, massHoldMs: () => 0 } },
  /** an agent takes any reply for the answer to its newest request */
  "session and seq echo": { ...RULES, agent: { ...RULES.agent, acceptsReply: (state) => state.inFlight !== null } },
  /** any poll without an attempt withdraws it, also one from before it was handed out */
  "later poll withdraws": { ...RULES, cluster: { ...RULES.cluster, withdraws: () => true } },
  /** deadlines are written and nobody enforces them */
  guard: { ...RULES, guardWorks: false },
  /** a Cluster runs in each partition that it may use as much as there is room for */
  "limits by partition": { ...RULES, hearing: { ...HEARING, grant: unlimited } },
  /** a Broker charges what it allows now, and not what still runs beyond that */
  "what runs is charged": { ...RULES, hearing: { ...HEARING, report: asIfNothingRan } },
};

function unlimited(grant: Grant): Grant {
  const limits = Object.fromEntries(Object.entries(grant.limits).map(([name, limit]) => [name, 10 * limit]));
  return { ...grant, limits };
}

function asIfNothingRan(report: Report): Report {
  return { ...report, jobs: report.jobs.map((job) => ({ ...job, live: {} })) };
}

export interface Caught {
  rule: string;
  caught: boolean;
  /** seeds run until the first that noticed, that one included */
  seeds_to_catch?: number;
  by?: string;
}

export function rulesWithout(rule: string): Rules {
  const rules = MUTATIONS[rule];
  if (!rules) throw new RangeError(`no rule "${rule}"; there are ${Object.keys(MUTATIONS).join(", ")}`);
  return rules;
}

export function tryMutation(rule: string, firstSeed: number, maxSeeds: number): Caught {
  const rules = rulesWithout(rule);
  for (let i = 0; i < maxSeeds; i++) {
    const { violation } = runSeed(firstSeed + i, null, rules);
    if (violation !== null) return { rule, caught: true, seeds_to_catch: i + 1, by: violation };
  }
  return { rule, caught: false };
}
