/** Unit tests stand beside their file, whole-system ones in `test/`; `.sql` files are text, as in the bundle. */
import { defineConfig, type Plugin } from "vitest/config";

const sqlAsText: Plugin = {
  name: "sql-as-text",
  transform: (code, id) =>
    id.endsWith(".sql") ? { code: `export default ${JSON.stringify(code)};`, map: null } : null,
};

export default defineConfig({
  plugins: [sqlAsText],
  test: { include: ["{src,agent,cli,scripts,bench,test}/**/*.test.ts"] },
});
