/**
 * Unit tests stand beside their file, whole-system ones in `test/system`, which run when the others are done; the
 * simulator, which takes every processor, has the machine to itself. `.sql` and `.sh` files are text, as in the bundle.
 */
import { configDefaults, defineConfig, type Plugin } from "vitest/config";
import { Totals } from "./test/support/totals.ts";

const filesAsText: Plugin = {
  name: "files-as-text",
  transform: (code, id) =>
    /\.(sql|sh)$/.test(id) ? { code: `export default ${JSON.stringify(code)};`, map: null } : null,
};

const SYSTEM = "test/system/**/*.test.ts";
const SIM = "test/sim/**/*.test.ts";
/** Apart, with a config of its own: it takes minutes. */
const VM = "test/vm/**";

export default defineConfig({
  plugins: [filesAsText],
  test: {
    reporters: ["default", new Totals()],
    // Many start a real workerd, several at a time on a small machine: slow is not wrong.
    testTimeout: 20_000,
    hookTimeout: 30_000,
    setupFiles: ["test/support/properties.ts"],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["{src,agent,cli,scripts,bench,test}/**/*.test.ts"],
          exclude: [...configDefaults.exclude, SYSTEM, SIM, VM],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "system",
          include: [SYSTEM],
          // One of the two waits for the silence rule most of the time.
          maxWorkers: 2,
          testTimeout: 20_000,
          sequence: { groupOrder: 1 },
        },
      },
      { extends: true, test: { name: "sim", include: [SIM], maxWorkers: 1, sequence: { groupOrder: 2 } } },
    ],
  },
});
