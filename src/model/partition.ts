/** Partitions: named shares of a cluster's resources. Every cluster has a last one, `default`, that holds the rest. */
import { z } from "zod";
import { parseConstraint } from "./constraints.ts";
import { MAX_AMOUNT, parseAmount, RESOURCE_NAME, type Resources } from "./resources.ts";
import { roleSchema } from "./roleRequest.ts";

export const REST = "default";

/** Per resource an absolute amount in milli-units, or a part of the whole in percent. */
export type Amounts = Readonly<Record<string, { amount: number } | { percent: number }>>;

export interface PartitionSpec {
  name: string;
  /** a node belongs to it if it satisfies all; none: every node. Of several partitions of whole nodes the first wins */
  nodes: readonly string[];
  /**
   * null: whole nodes. Otherwise so much of those nodes, wherever on them it is free; of a resource that is not named,
   * the largest part that is had of a named one
   */
  slice: Amounts | null;
  /** the role that gets it back when it asks; null: nobody's */
  owner: string | null;
  /** what others than the owner may use at once; a resource that is not named: all of it */
  lend: Amounts | "none";
  pack: "pack" | "spread";
  /** of one cpu with what belongs to it, for an hour, in whatever unit the league counts */
  price: number;
  /** how fast a task runs here, against 1 elsewhere */
  speed: number;
}

export const restSpec = (): PartitionSpec => ({
  name: REST,
  nodes: [],
  slice: null,
  owner: null,
  lend: {},
  pack: "pack",
  price: 1,
  speed: 1,
});

/** `CLUSTER/PARTITION`: names one in the league. */
export type PartitionKey = string;
export const partitionKey = (cluster: string, partition: string): PartitionKey => `${cluster}/${partition}`;
export function parsePartitionKey(key: PartitionKey): { cluster: string; partition: string } {
  const slash = key.indexOf("/");
  return { cluster: key.slice(0, slash), partition: key.slice(slash + 1) };
}

/** What a slice has of such nodes, for every resource that they have. */
export function sliceOf(slice: Amounts, whole: Resources): Resources {
  const named = resolveAmounts(slice, whole);
  const part = Math.max(0, ...Object.entries(named).map(([name, amount]) => amount / Math.max(1, whole[name] ?? 0)));
  const rest = Object.entries(whole).map(([name, all]): [string, number] => [
    name,
    Math.floor(all * Math.min(1, part)),
  ]);
  return { ...Object.fromEntries(rest), ...named };
}

/** The amounts of `whole` that `amounts` names, never more than there is. */
function resolveAmounts(amounts: Amounts, whole: Resources): Resources {
  const resolved: Record<string, number> = {};
  for (const [name, wanted] of Object.entries(amounts)) {
    const all = whole[name] ?? 0;
    resolved[name] =
      "amount" in wanted
        ? Math.min(wanted.amount, all, MAX_AMOUNT)
        : Math.floor((all * Math.min(wanted.percent, 100)) / 100);
  }
  return resolved;
}

/** What others than the owner may use at once, of a partition that has `total`. */
export const lendableOf = (lend: PartitionSpec["lend"], total: Resources): Resources =>
  lend === "none" ? Object.fromEntries(Object.keys(total).map((name) => [name, 0])) : resolveAmounts(lend, total);

const PERCENT = /^(\d{1,3}(?:\.\d{1,3})?)\s*%$/;

const amountsSchema = z
  .record(
    z.string().regex(RESOURCE_NAME, "a resource name is like cpus, mem, gpus or licences"),
    z.union([z.number(), z.string()]),
  )
  .transform((given, ctx) => {
    const amounts: Record<string, Amounts[string]> = {};
    for (const [name, text] of Object.entries(given)) {
      const percent = PERCENT.exec(String(text).trim());
      const amount = percent ? null : parseAmount(name, text);
      if (percent && Number(percent[1]) <= 100) amounts[name] = { percent: Number(percent[1]) };
      else if (amount !== null) amounts[name] = { amount };
      else {
        ctx.addIssue({
          code: "custom",
          path: [name],
          message: `"${text}" is neither an amount nor a percentage; write it like 4, 8GiB or 25%`,
        });
      }
    }
    return amounts as Amounts;
  });

const rule = z
  .string()
  .max(500)
  .refine((text) => parseConstraint(text) !== null, {
    error: (issue) => `"${issue.input}" is not a rule; write it like "gpu_model = T4", "region in eu, us" or "has ssd"`,
  });

/** As a person writes it; what is left out has its default. */
export const partitionRequestSchema = z.strictObject({
  nodes: z.array(rule).max(50).optional().describe("Rules that its nodes satisfy; default: every node."),
  slice: amountsSchema
    .nullable()
    .optional()
    .describe(
      "So much of those nodes (4, 8GiB or 25%); of what is not named, the largest named part. Default: whole nodes.",
    ),
  owner: roleSchema.nullable().optional().describe("The role that gets it back when it asks; default: nobody."),
  lend: z
    .union([z.enum(["all", "none"]), amountsSchema], { error: "all, none, or amounts like { cpus: 2, gpus: 50% }" })
    .optional()
    .describe("What others than the owner may use at once; a resource that is not named: all of it. Default: all."),
  pack: z
    .enum(["pack", "spread"], "pack or spread")
    .optional()
    .describe("Which node next: the one where least of use is lost (default), or the emptiest."),
  price: z
    .number("a number")
    .min(0, "at least 0")
    .max(1e6, "at most 1000000")
    .optional()
    .describe("Of one cpu with what belongs to it, for an hour; default 1."),
  speed: z
    .number("a number")
    .min(0.01, "at least 0.01")
    .max(100, "at most 100")
    .optional()
    .describe("How fast a task runs here; default 1."),
  position: z
    .int()
    .min(0)
    .max(1000)
    .optional()
    .describe("Lower comes first when a node satisfies several; default: last."),
});
export type PartitionRequestInput = z.input<typeof partitionRequestSchema>;
export type PartitionRequest = z.output<typeof partitionRequestSchema>;

export function specOf(name: string, request: PartitionRequest): PartitionSpec {
  const { nodes, slice, owner, lend, pack, price, speed } = request;
  const rest = restSpec();
  return {
    name,
    nodes: nodes ?? rest.nodes,
    slice: slice ?? rest.slice,
    owner: owner ?? rest.owner,
    lend: lend === undefined || lend === "all" ? rest.lend : lend,
    pack: pack ?? rest.pack,
    price: price ?? rest.price,
    speed: speed ?? rest.speed,
  };
}

/** As a person writes it: `25%`, `4`, `8192MiB`. */
export const amountsText = (amounts: Amounts): Record<string, string> =>
  Object.fromEntries(
    Object.entries(amounts).map(([name, wanted]) => {
      if ("percent" in wanted) return [name, `${wanted.percent}%`];
      return [name, `${wanted.amount / 1000}${name === "mem" || name === "disk" ? "MiB" : ""}`];
    }),
  );
