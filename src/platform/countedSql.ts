/** The seam's `Sql` over a Durable Object's storage: binds checked, rows drained, what is billed counted. */
import { checkBinds } from "./binds.ts";
import type { Counters } from "./counters.ts";
import type { Row, Sql, SqlValue } from "./seam.ts";

type Cell = SqlStorageValue;

export function countedSql(sql: SqlStorage, counters: Counters): Sql {
  const run = (text: string, binds: SqlValue[]) => {
    checkBinds(binds);
    return sql.exec(text, ...binds);
  };
  const count = (cursor: SqlStorageCursor<Record<string, Cell>>) => {
    counters.rowsRead += cursor.rowsRead;
    counters.rowsWritten += cursor.rowsWritten;
  };
  return {
    exec<R extends Row>(text: string, ...binds: SqlValue[]): R[] {
      const cursor = run(text, binds);
      const rows = cursor.toArray();
      count(cursor);
      for (const row of rows) for (const name in row) row[name] = asValue(row[name] as Cell) as Cell;
      return rows as R[];
    },
    raw(text, ...binds) {
      const cursor = run(text, binds);
      const rows = [...cursor.raw()];
      count(cursor);
      return rows.map((row) => row.map(asValue));
    },
  };
}

/** Bytes come as an ArrayBuffer here and as a Uint8Array from node:sqlite: the seam says Uint8Array. */
const asValue = (cell: Cell): SqlValue => (cell instanceof ArrayBuffer ? new Uint8Array(cell) : cell);
