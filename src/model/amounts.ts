/** Amounts of resources as people write them, read into milli-units. */
import { z } from "zod";
import { MAX_AMOUNT, parseAmount, RESOURCE_NAME, type Resources } from "./resources.ts";

/** Zero counts as a bound: `gpus: 0` is none. */
export const boundsSchema = z
  .record(
    z.string().regex(RESOURCE_NAME, "a resource name is like cpus, mem, gpus or licences"),
    z.union([z.number(), z.string()]),
  )
  .transform((amounts, ctx) => {
    const milli: Record<string, number> = {};
    for (const [name, amount] of Object.entries(amounts)) {
      const parsed = parseAmount(name, amount);
      if (parsed === null) {
        const example = name === "mem" || name === "disk" ? "128MiB or 2GiB" : "0.5 or 4";
        ctx.addIssue({
          code: "custom",
          path: [name],
          message: `"${amount}" is not an amount; write it like ${example}, at most ${MAX_AMOUNT / 1000}`,
        });
      } else milli[name] = parsed;
    }
    return milli as Resources;
  });

/** What is asked for: nothing of a resource is the same as not to name it. */
export const resourcesSchema = boundsSchema.transform(
  (milli): Resources => Object.fromEntries(Object.entries(milli).filter(([, amount]) => amount > 0)),
);
