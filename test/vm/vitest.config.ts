/** Machines of their own take minutes: `npm run test:vm`, apart from all other tests, one after the other. */
import { defineConfig } from "vitest/config";
import { Totals } from "../support/totals.ts";

export default defineConfig({
  test: {
    name: "vm",
    include: ["test/vm/**/*.test.ts"],
    reporters: ["verbose", new Totals()],
    fileParallelism: false,
    // each test finds the machine as the one before it left it
    bail: 1,
    testTimeout: 600_000,
    hookTimeout: 1_200_000,
  },
});
