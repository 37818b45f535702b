/** Worked examples of others, and what comes out of them: facts, with where each is from. */
import { z } from "zod";
import vectors from "./vectors.fixture.json" with { type: "json" };

const amounts = z.record(z.string(), z.number());
const named = { id: z.string(), source: z.string() };
const users = z.record(z.string(), z.object({ demand: z.array(z.number()), weight: z.number() }));
const agentStep = z.object({
  agent: amounts,
  addFramework: z.record(z.string(), z.string()).optional(),
  frameworks: z.record(z.string(), z.string()).optional(),
  preAllocated: z.record(z.string(), amounts).optional(),
  restTo: z.string().optional(),
  amount: amounts.optional(),
  to: z.string().optional(),
});

export const { drf, maxmin, mesosSort, mesosOffers, kueueAvailable, kueueShare, maxminEligibility, lending } = z
  .object({
    drf: z.array(
      z.object({
        ...named,
        capacity: z.array(z.number()).optional(),
        users: users.optional(),
        tasks: amounts.optional(),
        used: z.array(z.number()).optional(),
        dominantShare: amounts.optional(),
        order_if_tie_goes_to_B: z.array(z.string()).optional(),
        fractional: amounts.optional(),
        fractionalTasks: amounts.optional(),
      }),
    ),
    maxmin: z.array(
      z.object({
        ...named,
        capacity: z.number(),
        demand: z.array(z.number()),
        weight: z.array(z.number()),
        alloc: z.array(z.number()),
      }),
    ),
    mesosSort: z.array(
      z.object({
        ...named,
        total: amounts,
        alloc: z.record(z.string(), amounts),
        weights: amounts,
        shares: amounts.optional(),
        order: z.array(z.string()),
      }),
    ),
    mesosOffers: z.array(
      z.object({
        ...named,
        steps: z.array(agentStep).optional(),
        quota: z.record(z.string(), amounts).optional(),
        agents: z.number().optional(),
        agent: amounts.optional(),
        cases: z.array(z.object({ weights: amounts, agents: amounts })).optional(),
      }),
    ),
    kueueAvailable: z.array(
      z.object({
        ...named,
        nodes: z.record(
          z.string(),
          z.object({
            parent: z.string().optional(),
            nominal: z.number().optional(),
            lendingLimit: z.number().optional(),
            borrowingLimit: z.number().optional(),
          }),
        ),
        usage: amounts,
        available: amounts,
        potential: amounts,
      }),
    ),
    kueueShare: z.array(
      z.object({ ...named, borrowed: amounts, lendable: amounts, weight: z.number(), share: z.number() }),
    ),
    maxminEligibility: z.array(
      z.object({
        ...named,
        cap: z.array(z.number()),
        eligible: z.array(z.array(z.number())),
        weight: z.array(z.number()),
        alloc: z.array(z.number()),
      }),
    ),
    lending: z.array(
      z.object({
        ...named,
        own: z.array(z.number()),
        demand: z.array(z.number()),
        lendCost: z.number().default(0.1),
        lendingLimit: z.array(z.number()).optional(),
        borrowingLimit: z.array(z.number()).optional(),
        current_lent_B_to_A: z.number().optional(),
        preempt_units_of_A: z.number().optional(),
        use: z.array(z.number()),
        lent: z.array(z.array(z.number())),
        objective: z.number(),
      }),
    ),
  })
  .parse(vectors);
