/** What is held for frameworks, and how long. */
import type { Mutation } from "./mutations.ts";

export const OFFERS: readonly Mutation[] = [
  {
    rule: "an offer is consumed once",
    so: "a Framework takes offers that were answered before",
    patches: [
      {
        file: "src/framework/accept.ts",
        find: "for (const { id } of offers) memory.dropOffer(id);",
        replace: "",
      },
    ],
  },
  {
    rule: "an offer has a deadline",
    so: "what is offered is held until it is answered",
    patches: [
      {
        file: "src/cluster/frameworks/cut.ts",
        find: "heldUntilMs: this.#now + OFFER_TIMEOUT_MS,",
        replace: "heldUntilMs: this.#now + 1_000 * OFFER_TIMEOUT_MS,",
      },
      {
        file: "src/cluster/frameworks/frameworks.ts",
        find: "offer.heldUntilMs <= now || offer.heldUntilMs > now + OFFER_TIMEOUT_MS",
        replace: "offer.heldUntilMs <= now",
      },
    ],
  },
  {
    rule: "without offers none lapses",
    so: "a Cluster wakes for offers that it does not have any more",
    patches: [
      {
        file: "src/cluster/frameworks/frameworks.ts",
        find: "if (this.offers.size === 0) this.#nextLapseAt",
        replace: "if (this.offers.size < 0) this.#nextLapseAt",
      },
    ],
  },
  {
    rule: "offers of a silent node are rescinded",
    so: "what is offered of a node is held when nobody hears that node any more",
    patches: [
      {
        file: "src/cluster/frameworks/cut.ts",
        find: "if (!node || !memory.isUp(node, now) || isOverfull(memory, name))",
        replace: "if (!node || (!memory.isUp(node, now) && !memory.isSuspect(node, now)) || isOverfull(memory, name))",
      },
    ],
  },
];
