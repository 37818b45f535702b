/** What the Worker of `bench:place --durable` answers. */
import { z } from "zod";

export const durableAnswerSchema = z.object({
  /** until all nodes had joined and held a poll */
  joinMs: z.number(),
  idlePollMs: z.array(z.number()),
  /** from sending the grants until the last reply that gave something had arrived */
  ms: z.number(),
  pollMs: z.array(z.number()),
  /** task, node */
  given: z.array(z.tuple([z.string(), z.string()])),
  counters: z.record(z.string(), z.number()),
});
/** Times by the Worker's own clock. */
export type DurableAnswer = z.infer<typeof durableAnswerSchema>;
