/**
 * drizzle over the seam's `Sql`: the durable-sqlite driver on a client as small as what it uses, so that the same
 * queries and migrations run in a Durable Object and over `node:sqlite`. Everything is synchronous.
 */
import { type DrizzleSqliteDODatabase, drizzle } from "drizzle-orm/durable-sqlite";
import { migrate as drizzleMigrate } from "drizzle-orm/durable-sqlite/migrator";
import type { Sql, SqlValue } from "./seam.ts";

export type Database<Schema extends Record<string, unknown>> = DrizzleSqliteDODatabase<Schema>;

/** What `drizzle-kit generate` writes as `migrations.js`. */
export interface Migrations {
  journal: { entries: { idx: number; when: number; tag: string; breakpoints: boolean }[] };
  /** `m0000` → statements, parted by drizzle's breakpoint comments */
  migrations: Record<string, string>;
}

export function database<Schema extends Record<string, unknown>>(sql: Sql, schema: Schema): Database<Schema> {
  return drizzle(clientOf(sql), { schema });
}

/**
 * Brings the tables up to date; called inside a turn, whose transaction undoes everything when it throws.
 * @throws the SQL error of the migration that failed, or one that says which migration was not applied
 */
export function migrate(sql: Sql, migrations: Migrations): void {
  const errors: unknown[] = [];
  const watched: Sql = {
    exec: (text, ...binds) => noting(errors, () => sql.exec(text, ...binds)),
    raw: (text, ...binds) => noting(errors, () => sql.raw(text, ...binds)),
  };
  // The migrator is async by signature only: it is done when it returns. It reports every SQL error as
  // "Rollback", so the promise tells nothing that `errors` does not tell better.
  drizzleMigrate(database(watched, {}), migrations).catch(() => {});
  if (errors.length > 0) throw errors[0];
  expectApplied(sql, migrations);
}

/** The migrator skips a migration that is older than the newest one applied; here that is an error. */
function expectApplied(sql: Sql, { journal }: Migrations): void {
  const applied = new Set(sql.raw("SELECT created_at FROM __drizzle_migrations").map(([when]) => Number(when)));
  const missing = journal.entries.find((entry) => !applied.has(entry.when));
  if (missing)
    throw new Error(`migration ${missing.tag} was not applied: its time is older than that of one which was`);
}

function noting<T>(errors: unknown[], run: () => T): T {
  try {
    return run();
  } catch (error) {
    errors.push(error);
    throw error;
  }
}

type Client = Parameters<typeof drizzle>[0];

/** The driver's type asks for a whole DurableObjectStorage; it uses these two members. */
function clientOf(sql: Sql): Client {
  const client = {
    sql: { exec: (text: string, ...binds: SqlValue[]) => cursorOf(sql.raw(text, ...binds)) },
    /** A turn already is a transaction: what throws in here ends the turn and with it everything it wrote. */
    transactionSync: <T>(run: () => T): T => run(),
  };
  return client as unknown as Client;
}

/** The driver reads typed queries as arrays; as objects it would read only SQL text, which is `Sql.exec`'s part. */
function cursorOf(rows: SqlValue[][]) {
  const refuse = (): never => {
    throw new TypeError("db.all and db.get take typed queries; run SQL text with Sql.exec");
  };
  return { raw: () => ({ toArray: () => rows }), toArray: refuse, next: refuse };
}
