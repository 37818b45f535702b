/** `hansa ledger`: who used what of whom. */
import type { Command } from "commander";
import type { LedgerView } from "../../src/model/views.ts";
import { getLedger } from "../api/shares.ts";
import { type AccessOptions, type App, does, sessionOf, withAccess } from "../app.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../session.ts";
import { totalOf, used, usedList } from "../shares/used.ts";
import { type Column, table } from "../show/table.ts";

export function addLedger(program: Command, app: App): void {
  const command = program.command("ledger").description("print who used what of whom, and that lent is borrowed");
  does(app, withAccess(command), async (options: AccessOptions) => {
    const { client, terminal, json } = sessionOf(app, options);
    const ledger = await getLedger(client);
    if (json) printJson(terminal, ledger);
    else if (ledger.entries.length === 0) terminal.note("nothing was used yet");
    else {
      for (const line of table(ledger.entries, columnsFor(ledger), terminal.columns)) terminal.out(line);
      terminal.out(balanceLine(ledger));
    }
    return EXIT.ok;
  });
}

type Entry = LedgerView["entries"][number];

function columnsFor({ entries }: LedgerView): Column<Entry>[] {
  const resources = new Set(["cpus", "mem", ...entries.flatMap((entry) => Object.keys(entry.resourceSeconds))]);
  return [
    { title: "PARTITION", cell: ({ partition }) => partition },
    { title: "LENDER", cell: ({ lender }) => lender ?? "" },
    { title: "BORROWER", cell: ({ borrower }) => borrower },
    { title: "KIND", cell: ({ kind }) => kind },
    ...[...resources].map(
      (name): Column<Entry> => ({
        title: name.toUpperCase(),
        cell: ({ resourceSeconds }) => used(name, resourceSeconds[name] ?? 0),
        align: "right",
      }),
    ),
  ];
}

/** `balances: lent 3.5 h cpus = borrowed 3.5 h cpus` */
export function balanceLine({ roles, balanced }: LedgerView): string {
  const lent = usedList(totalOf(roles.map((role) => role.lent)));
  const borrowed = usedList(totalOf(roles.map((role) => role.borrowed)));
  return `${balanced ? "balances" : "does not balance"}: lent ${lent} ${balanced ? "=" : "≠"} borrowed ${borrowed}`;
}
