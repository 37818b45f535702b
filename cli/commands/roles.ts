/** `hansa roles`: who resources are shared among. */
import type { Command } from "commander";
import type { Resources } from "../../src/model/resources.ts";
import type { RoleView } from "../../src/model/views.ts";
import { getRole, listRoles, putRole, removeRole } from "../api/shares.ts";
import { type AccessOptions, type App, anyNumber, does, group, refuseUnknown, sessionOf, withAccess } from "../app.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../session.ts";
import { wordList, wordsOf } from "../shares/amounts.ts";
import { asTree, changeOfRole, depthOf, type RoleOptions, roleNamed } from "../shares/role.ts";
import { outcomeLine } from "../shares/told.ts";
import { type Column, table } from "../show/table.ts";

export function addRoles(program: Command, app: App): void {
  const roles = group(program, "roles", "list the roles with what they use, set one or give it the defaults again");
  does(app, withAccess(roles), async (word: string | undefined, options: AccessOptions, command: Command) => {
    refuseUnknown(command, word);
    const { client, terminal, json, self } = sessionOf(app, options);
    const found = asTree(await listRoles(client));
    if (json) printJson(terminal, found);
    else if (found.length === 0)
      terminal.note(`no role is configured or used. Set one: ${self} roles set lab --weight 2`);
    else for (const line of table(found, roleColumns, terminal.columns)) terminal.out(line);
    return EXIT.ok;
  });
  addSet(roles, app);

  const remove = roles.command("rm").description("give a role the defaults again").argument("<name>");
  does(app, withAccess(remove), async (typed: string, options: AccessOptions) => {
    const { client, terminal, json } = sessionOf(app, options);
    const removed = await removeRole(client, roleNamed(typed));
    if (json) printJson(terminal, removed);
    else terminal.out(`${outcomeLine(`role ${typed}`, "removed", [])}: it has the defaults`);
    return EXIT.ok;
  });
}

const SHARE_DIGITS = 3;
const words = (resources: Resources): string =>
  wordList(wordsOf(Object.fromEntries(Object.entries(resources).filter(([, amount]) => amount > 0))));

const roleColumns: Column<RoleView>[] = [
  { title: "ROLE", cell: ({ name }) => `${"  ".repeat(depthOf(name))}${name}` },
  { title: "WEIGHT", cell: ({ weight }) => String(weight), align: "right" },
  { title: "GUARANTEE", cell: ({ guarantee }) => words(guarantee) },
  // A limit of zero says something.
  { title: "LIMIT", cell: ({ limit }) => wordList(wordsOf(limit)) },
  { title: "OWNS", cell: ({ owns }) => owns.join(",") },
  { title: "USED", cell: ({ charged }) => words(charged) },
  { title: "ENTITLED", cell: ({ entitled }) => words(entitled) },
  { title: "SHARE", cell: ({ share }) => String(+share.toFixed(SHARE_DIGITS)), align: "right" },
  { title: "JOBS", cell: ({ jobs }) => String(jobs), align: "right" },
];

function addSet(roles: Command, app: App): void {
  const set = roles
    .command("set")
    .description("configure a role, or change what is named of it")
    .argument("<name>", "like lab, or lab/ml for one under lab")
    .option("--weight <n>", "its part when roles compete: 2 gets twice as much as 1", anyNumber)
    .option("--guarantee <amounts>", "what it gets whenever it asks, e.g. cpus=4,mem=8GiB; none")
    .option("--limit <amounts>", "never more than this at once; none: no limit")
    .option("--lend <amounts>", "of its guarantee, others may use at most this while it is idle; all")
    .option("--borrow <amounts>", "beyond its guarantee it may use at most this; all: whatever is idle")
    .addHelpText(
      "after",
      `
What is not named stays as it is, also single amounts: --limit cpus=8 leaves that of mem alone, --limit cpus= forgets it.

  ${app.self} roles set lab/ml --weight 2 --limit gpus=4`,
    );
  does(app, withAccess(set), async (typed: string, options: AccessOptions & RoleOptions) => {
    const { client, terminal, json } = sessionOf(app, options);
    const before = await getRole(client, roleNamed(typed));
    const { body, outcome, changes } = changeOfRole(before, options);
    const view = outcome === "unchanged" ? before : await putRole(client, typed, body);
    if (json) printJson(terminal, view);
    else {
      terminal.out(outcomeLine(`role ${typed}`, outcome, changes));
      for (const note of view.notes) terminal.note(`note: ${note}`);
    }
    return EXIT.ok;
  });
}
