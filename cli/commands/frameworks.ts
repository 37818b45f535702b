/** `hansa frameworks`: external schedulers and what they have. */
import type { Command } from "commander";
import { add, type Resources } from "../../src/model/resources.ts";
import type { FrameworkRowView } from "../../src/model/views.ts";
import { listFrameworks } from "../api/shares.ts";
import { type AccessOptions, type App, does, sessionOf, withAccess } from "../app.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../session.ts";
import { wordList, wordsOf } from "../shares/amounts.ts";
import { type Column, table } from "../show/table.ts";

export function addFrameworks(program: Command, app: App): void {
  const frameworks = program
    .command("frameworks")
    .description("list the frameworks: schedulers that take offers over the Mesos API");
  does(app, withAccess(frameworks), async (options: AccessOptions) => {
    const { client, terminal, json, self } = sessionOf(app, options);
    const found = await listFrameworks(client);
    if (json) printJson(terminal, found);
    else if (found.length === 0)
      terminal.note(
        `no framework is known. One subscribes at ${client.access.url}/api/v1/scheduler, with a token as password: ${self} token create --scope member`,
      );
    else for (const line of table(found, columns, terminal.columns)) terminal.out(line);
    return EXIT.ok;
  });
}

const words = (resources: Resources): string =>
  wordList(wordsOf(Object.fromEntries(Object.entries(resources).filter(([, amount]) => amount > 0))));

const inAll = ({ clusters }: FrameworkRowView, of: "used" | "offered"): Resources =>
  Object.values(clusters).reduce((sum: Resources, one) => add(sum, one[of]), {});

const columns: Column<FrameworkRowView>[] = [
  { title: "FRAMEWORK", cell: ({ name }) => name },
  { title: "STATE", cell: ({ state }) => state },
  {
    title: "ROLES",
    cell: ({ roles }) => roles.map(({ role, suppressed }) => (suppressed ? `${role} (suppressed)` : role)).join(","),
  },
  { title: "USED", cell: (row) => words(inAll(row, "used")) },
  { title: "OFFERED", cell: (row) => words(inAll(row, "offered")) },
  { title: "ID", cell: ({ id }) => id },
];
