/** `hansa backup` and `hansa restore`. */
import type { Command } from "commander";
import { type App, does } from "../app.ts";
import { backup, restore } from "../broker/archive.ts";
import { dataFolder } from "../broker/dataFolder.ts";
import { EXIT } from "../exit.ts";
import { plural } from "../show/figures.ts";

export function addBackup(program: Command, app: App): void {
  const command = program
    .command("backup")
    .description("save a broker's data to one file, also while it serves")
    .requiredOption("--data <folder>", "the broker's data folder")
    .requiredOption("--to <file>", "a new .tar file; it holds the secret, so keep it private");
  does(app, command, async (options: { data: string; to: string }) => {
    const { objects, withSecret } = await backup(dataFolder(options.data), options.to);
    app.terminal.out(`${plural(objects, "database")}${withSecret ? " and the secret" : ""} saved to ${options.to}`);
    if (!withSecret)
      app.terminal.note("the secret is kept elsewhere (--secret-file): save it too, tokens die without it");
    return EXIT.ok;
  });
}

export function addRestore(program: Command, app: App): void {
  const command = program
    .command("restore")
    .description("fill an empty data folder from a backup")
    .requiredOption("--data <folder>", "a new or empty folder")
    .requiredOption("--from <file>", "what backup wrote");
  does(app, command, async (options: { data: string; from: string }) => {
    const data = dataFolder(options.data);
    const { takenAt, generation } = await restore(data, options.from);
    app.terminal.out(`restored to ${data.root} as of ${takenAt}, generation ${generation}`);
    app.terminal.note(`start it: ${app.self} serve --data ${data.root}`);
    return EXIT.ok;
  });
}
