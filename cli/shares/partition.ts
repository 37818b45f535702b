/** A partition of which some properties are named anew: what to send, and what that changes. */
import { NAME } from "../../src/model/ids.ts";
import {
  type PartitionRequestInput,
  partitionKey,
  partitionRequestSchema,
  REST,
  restSpec,
  specOf,
} from "../../src/model/partition.ts";
import { Problem } from "../../src/model/problems.ts";
import type { PartitionView } from "../../src/model/views.ts";
import { changed, type Words } from "./amounts.ts";
import { checked } from "./checked.ts";
import { changesBetween, type Outcome, toldPartition, unusual } from "./told.ts";

export interface PartitionOptions {
  nodes?: string[];
  slice?: string;
  /** false: nobody */
  owner?: string | false;
  lend?: string;
  pack?: boolean;
  spread?: boolean;
  price?: number;
  speed?: number;
  position?: number;
}

export interface PartitionChange {
  body: PartitionRequestInput;
  outcome: Outcome;
  changes: string[];
}

export function partitionNamed(typed: string): { cluster: string; name: string } {
  const [cluster = "", name = "", more] = typed.split("/");
  if (NAME.test(cluster) && NAME.test(name) && more === undefined) return { cluster, name };
  throw new Problem(
    "invalid-request",
    `"${typed}" names no partition; write it like north/gpu. List them: hansa partitions`,
  );
}

/** What to send for a partition to stay as it is. */
export const bodyOf = ({ nodes, slice, owner, lend, pack, price, speed }: PartitionView): PartitionRequestInput => ({
  nodes,
  slice,
  owner,
  lend,
  pack,
  price,
  speed,
});

export const specOfView = (view: PartitionView) =>
  specOf(view.name, checked(partitionRequestSchema, bodyOf(view), partitionKey(view.cluster, view.name)));

/** @param all of its cluster, in order */
export function changeOfPartition(
  key: { cluster: string; name: string },
  all: readonly PartitionView[],
  options: PartitionOptions,
): PartitionChange {
  const index = all.findIndex(({ name }) => name === key.name);
  const before = all[index];
  const position = movesTo(key.name, index, all.length - 1, options.position);
  const body = { ...(before && bodyOf(before)), ...named(before, options), ...(position !== null && { position }) };
  const after = toldPartition(
    specOf(key.name, checked(partitionRequestSchema, body, `partition ${partitionKey(key.cluster, key.name)}`)),
  );
  if (!before) return { body, outcome: "created", changes: unusual(toldPartition(restSpec()), after) };
  const changes = changesBetween(toldPartition(specOfView(before)), after);
  if (position !== null) changes.push(`position ${index} → ${position}`);
  return { body, outcome: changes.length > 0 ? "changed" : "unchanged", changes };
}

/** @param made how many there are beside the one that holds the rest. @returns null: it stays where it is */
function movesTo(name: string, index: number, made: number, wanted: number | undefined): number | null {
  if (wanted === undefined) return null;
  if (name === REST) throw new Problem("invalid-request", "partition default is always the last: it holds the rest");
  const position = Math.min(wanted, index < 0 ? made : made - 1);
  return position === index ? null : position;
}

function named(before: PartitionView | undefined, options: PartitionOptions): PartitionRequestInput {
  const { nodes, slice, owner, lend, pack, spread, price, speed } = options;
  if (pack && spread) throw new Problem("invalid-request", "--pack and --spread exclude each other");
  return {
    ...(nodes && { nodes: nodes.filter((rule) => rule !== "all") }),
    ...(slice !== undefined && { slice: slice === "none" ? null : changed(before?.slice ?? {}, slice, "--slice") }),
    ...(owner !== undefined && { owner: owner === false ? null : owner }),
    ...(lend !== undefined && { lend: lendOf(before, lend) }),
    ...((pack || spread) && { pack: pack ? ("pack" as const) : ("spread" as const) }),
    ...(price !== undefined && { price }),
    ...(speed !== undefined && { speed }),
  };
}

function lendOf(before: PartitionView | undefined, typed: string): "all" | "none" | Words {
  if (typed === "all" || typed === "none") return typed;
  return changed(typeof before?.lend === "object" ? before.lend : {}, typed, "--lend");
}
