/** What `npm run bench:packing` is asked for. */
import { parseArgs } from "node:util";

export interface Asked {
  nodes: string;
  pods: string;
  arrivals: string;
  policy: string;
  batch: boolean;
}

export class UsageError extends Error {}

export const usage = (policies: readonly string[]): string =>
  `npm run bench:packing -- --nodes FILE.csv --pods FILE.csv --arrivals FILE.json [--policy ${policies.join("|")}] [--batch]`;

/** @param policies the first is the default */
export function parseAsked(words: readonly string[], policies: readonly string[]): Asked {
  const { nodes, pods, arrivals, policy = policies[0] ?? "", batch = false } = parsed(words);
  if (nodes === undefined) throw new UsageError("--nodes is missing: a CSV with sn,cpu_milli,memory_mib,gpu,model");
  if (pods === undefined) {
    throw new UsageError(
      "--pods is missing: a CSV with name,cpu_milli,memory_mib,num_gpu,gpu_milli and gpu_spec or not",
    );
  }
  if (arrivals === undefined) throw new UsageError("--arrivals is missing: a JSON with seed, nodeOrder and arrivals");
  if (!policies.includes(policy)) throw new UsageError(`--policy wants one of ${policies.join(", ")}, not "${policy}"`);
  if (batch && policy !== policies[0]) throw new UsageError(`--batch goes with the policy ${policies[0]} only`);
  return { nodes, pods, arrivals, policy, batch };
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        nodes: { type: "string" },
        pods: { type: "string" },
        arrivals: { type: "string" },
        policy: { type: "string" },
        batch: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
