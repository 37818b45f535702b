import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { expect, test } from "vitest";
import { harness } from "../../test/sim/nodeSqlite.ts";
import { database, type Migrations, migrate } from "./drizzle.ts";
import type { Platform, Turns } from "./seam.ts";

const thing = sqliteTable("thing", { id: text().primaryKey(), n: integer().notNull() });

const migrations = (...steps: { when: number; sql: string }[]): Migrations => ({
  journal: { entries: steps.map(({ when }, idx) => ({ idx, when, tag: `000${idx}_step`, breakpoints: true })) },
  migrations: Object.fromEntries(steps.map(({ sql }, idx) => [`m000${idx}`, sql])),
});
const CREATE = "CREATE TABLE `thing` (`id` text PRIMARY KEY NOT NULL, `n` integer NOT NULL) WITHOUT ROWID;\n";

/** An object whose every call is a function over its platform. */
class Bare implements Turns {
  readonly platform: Platform;
  constructor(platform: Platform) {
    this.platform = platform;
  }
  call(_method: string, run: unknown): unknown {
    return typeof run === "function" ? run(this.platform) : null;
  }
  result(): void {}
  alarm(): void {}
  message(): void {}
  closed(): void {}
}

function home() {
  const at = harness((platform) => new Bare(platform), { kind: "shelf", league: "l", name: "0" });
  return { at, sql: at.object.platform.sql };
}

test("typed queries and joins run over the seam", () => {
  const { sql } = home();
  migrate(sql, migrations({ when: 1, sql: CREATE }));
  const db = database(sql, { thing });
  db.insert(thing).values({ id: "a", n: 1 }).run();
  expect(db.insert(thing).values({ id: "b", n: 2 }).returning().all()).toEqual([{ id: "b", n: 2 }]);
  expect(db.select().from(thing).all()).toHaveLength(2);
  expect(db.query.thing.findFirst({ where: (t, { eq }) => eq(t.id, "b") }).sync()).toEqual({ id: "b", n: 2 });
  expect(db.transaction((tx) => tx.delete(thing).returning({ id: thing.id }).all())).toHaveLength(2);
});

test("migrations already applied are not applied again, and newer ones are", () => {
  const { sql } = home();
  migrate(sql, migrations({ when: 1, sql: CREATE }));
  migrate(sql, migrations({ when: 1, sql: CREATE }, { when: 2, sql: "ALTER TABLE `thing` ADD `m` integer;" }));
  expect(sql.raw("SELECT created_at FROM __drizzle_migrations ORDER BY 1")).toEqual([[1], [2]]);
  sql.exec("INSERT INTO thing VALUES ('a', 1, 2)");
});

test("a migration that fails shows its own SQL error", () => {
  const { sql } = home();
  expect(() => migrate(sql, migrations({ when: 1, sql: CREATE }, { when: 2, sql: "DROP TABLE absent;" }))).toThrow(
    /no such table: absent/,
  );
});

test("a migration older than the newest applied one is an error, not skipped in silence", () => {
  const { sql } = home();
  migrate(sql, migrations({ when: 5, sql: CREATE }));
  const parallel = migrations({ when: 5, sql: CREATE }, { when: 3, sql: "CREATE TABLE other (n);" });
  expect(() => migrate(sql, parallel)).toThrow("0001_step was not applied");
});
