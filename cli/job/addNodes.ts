/** `--add-nodes N:SHAPE`: nodes that are only supposed, as a person types them. */

import type { PlanRequestInput } from "../../src/model/planRequest.ts";
import { Problem } from "../../src/model/problems.ts";
import { parseAmount } from "../../src/model/resources.ts";
import { listOf, pairs } from "./spec.ts";

type AddedNodes = NonNullable<NonNullable<PlanRequestInput["whatIf"]>["addNodes"]>[number];

const OPTION = "--add-nodes";
const EXAMPLE = "2:cpus=8,mem=32GiB,gpus=4, with @CLUSTER or @CLUSTER/PARTITION at the end if need be";
/** Always amounts; of other names those are that read as one: `licences=2`, but `arch=arm64` is an attribute. */
const AMOUNTS = new Set(["cpus", "mem", "disk", "gpus", "ports"]);

/** @param typed like `2:cpus=8,mem=32GiB,arch=arm64@north/gpu` */
export function addedNodes(typed: string): AddedNodes {
  const match = /^(\d+):([^@]+)(?:@([^/@]+)(?:\/([^/@]+))?)?$/.exec(typed.trim());
  if (!match) throw new Problem("invalid-request", `${OPTION} wants N:SHAPE, not "${typed}"; write it like ${EXAMPLE}`);
  const [, count, shape = "", cluster, partition] = match;
  const resources: Record<string, string> = {};
  const attributes: Record<string, string> = {};
  for (const [name, word] of Object.entries(pairs(listOf(shape), OPTION))) {
    const isAmount = AMOUNTS.has(name) || parseAmount(name, word) !== null;
    (isAmount ? resources : attributes)[name] = word;
  }
  return {
    count: Number(count),
    ...(cluster !== undefined && { cluster }),
    ...(partition !== undefined && { partition }),
    resources,
    ...(Object.keys(attributes).length > 0 && { attributes }),
  };
}
