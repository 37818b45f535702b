/**
 * Writes the migrations of an object after its `schema.ts` changed: `node scripts/migrations.ts shelf [--name what]`;
 * without a name, of every object.
 *
 * drizzle cannot say WITHOUT ROWID, so it is appended here to each table whose primary key is text or composite. Such
 * a table otherwise keeps its key twice, in the rowid tree and in an index beside it, and each row written is billed
 * (and fsynced) as two.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

const OBJECTS = ["broker", "cluster", "framework", "shelf"];
const DECLARATION = `import type { Migrations } from "../../src/platform/drizzle.ts";

declare const migrations: Migrations;
export default migrations;
`;

const { positionals, values } = parseArgs({ allowPositionals: true, options: { name: { type: "string" } } });
for (const object of positionals.length > 0 ? positionals : OBJECTS) generate(object);

function generate(object: string): void {
  const schema = `src/${object}/schema.ts`;
  const out = `migrations/${object}`;
  if (!existsSync(schema)) {
    console.error(`${schema} does not exist; skipped`);
    return;
  }
  const options = ["--dialect", "sqlite", "--driver", "durable-sqlite", "--schema", schema, "--out", out];
  const name = values.name === undefined ? [] : ["--name", values.name];
  const { status } = spawnSync("drizzle-kit", ["generate", ...options, ...name], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
  for (const file of readdirSync(out).filter((entry) => entry.endsWith(".sql"))) {
    const before = readFileSync(`${out}/${file}`, "utf8");
    const after = withoutRowid(before);
    if (after !== before) writeFileSync(`${out}/${file}`, after);
  }
  writeFileSync(`${out}/migrations.d.ts`, DECLARATION);
}

function withoutRowid(sql: string): string {
  return sql.replaceAll(/CREATE TABLE[^;]*?\n\)(?=;)/g, (table) =>
    keyedByRowid(table) ? table : `${table} WITHOUT ROWID`,
  );
}

/** An `integer PRIMARY KEY` is the rowid itself; a table without a key has nothing else. */
function keyedByRowid(table: string): boolean {
  return /\binteger PRIMARY KEY\b/i.test(table) || !/PRIMARY KEY/i.test(table);
}
