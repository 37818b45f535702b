/** `hansa drill`: a cluster cut off for a time, to see what that does. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { ClusterDrillView } from "../../src/model/drillView.ts";
import { Problem } from "../../src/model/problems.ts";
import { endDrill, getDrill, previewDrill, startDrill } from "../api/endpoints.ts";
import { type AccessOptions, type App, does, sessionOf, withAccess } from "../app.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { interrupts } from "../job/interrupts.ts";
import { printJson, type Session } from "../session.ts";
import { drillNews, drillProgress, isBad, previewLines, reportLines } from "../show/drill.ts";
import { saysYes } from "../show/question.ts";

const LOOK_EVERY_MS = 1_000;

interface DrillOptions extends AccessOptions {
  for?: string;
  end?: boolean;
  yes?: boolean;
}

export function addDrill(program: Command, app: App): void {
  const drill = program
    .command("drill")
    .description("cut a cluster off for a time, as if its uplink were cut, and tell what became of its tasks")
    .argument("<cluster>")
    .option("--for <time>", "cut it off for so long, from 10s to 1h; without: tell of the last drill")
    .option("--end", "end the drill that is on, and wait for its report")
    .option("-y, --yes", "do not ask")
    .addHelpText(
      "after",
      `
It tells first what it will stop, and asks. Ctrl-C ends the drill early, and its report still comes.
The exit code is 1 when something was doubled or lost.`,
    );
  does(app, withAccess(drill), async (cluster: string, options: DrillOptions) => {
    const session = sessionOf(app, options);
    if (options.end && options.for !== undefined)
      throw new Problem("invalid-request", "--for begins a drill and --end ends one: say one of them");
    if (options.end) return stay(session, cluster, await endDrill(session.client, cluster));
    if (options.for === undefined) return look(session, await getDrill(session.client, cluster));
    if (!(await mayStart(session, cluster, options.for, options.yes ?? false))) {
      session.terminal.note("nothing was cut off");
      return EXIT.ok;
    }
    return stay(session, cluster, await startDrill(session.client, cluster, { for: options.for }));
  });
}

/** A person is asked; a script has said so. */
async function mayStart({ client, terminal }: Session, cluster: string, length: string, yes: boolean) {
  const preview = await previewDrill(client, cluster, length);
  for (const line of previewLines(preview)) terminal.note(line);
  if (yes) return true;
  if (!terminal.interactive || !process.stdin.isTTY)
    throw new Problem("invalid-request", "nobody is here to be asked whether to begin; say --yes to begin without");
  return saysYes(`Cut ${cluster} off for ${length}? [y/N] `);
}

function look(session: Session, now: ClusterDrillView): ExitCode {
  const { terminal, json, self } = session;
  const { cluster, drill } = now;
  if (json || drill?.state === "over") return tell(session, now);
  if (drill === null) terminal.note(`there was no drill of ${cluster}. Begin one: ${self} drill ${cluster} --for 1m`);
  else terminal.out(`${cluster}: ${drillProgress(drill, Date.now())}`);
  return EXIT.ok;
}

function tell({ terminal, json }: Session, now: ClusterDrillView): ExitCode {
  if (json) printJson(terminal, now);
  else for (const line of reportLines(now, terminal.columns)) terminal.out(line);
  return now.drill !== null && isBad(now.drill) ? EXIT.taskFailed : EXIT.ok;
}

/** Ctrl-C ends the drill; pressed again, it ends the waiting for the report. */
async function stay(session: Session, cluster: string, begun: ClusterDrillView): Promise<ExitCode> {
  const { client, terminal, self } = session;
  const presses = interrupts(["SIGINT", "SIGTERM"]);
  const later = `its report: ${self} drill ${cluster}`;
  let isEnding = false;
  let told = "";
  try {
    for (let now = begun; ; now = await getDrill(client, cluster)) {
      const { drill } = now;
      if (drill === null || drill.startedAt !== begun.drill?.startedAt) {
        terminal.live("");
        terminal.note(
          `the drill of ${cluster} is not there any more: another one was begun, or the broker was restored`,
        );
        return EXIT.taskFailed;
      }
      if (drill.state === "over") {
        terminal.live("");
        return tell(session, now);
      }
      const line = `${cluster}: ${drillProgress(drill, Date.now())}`;
      terminal.live(line);
      // Without a terminal only what changes but the time is worth a line.
      const news = drillNews(drill);
      if (!terminal.interactive && news !== told) terminal.note(line);
      told = news;
      await sleep(LOOK_EVERY_MS, undefined, { signal: isEnding ? presses.second : presses.first }).catch(() => {});
      if (presses.second.aborted) {
        terminal.live("");
        terminal.note(`the drill is ended; ${later}`);
        return EXIT.taskFailed;
      }
      if (!presses.first.aborted || isEnding) continue;
      isEnding = true;
      terminal.note(`ending the drill of ${cluster}; its report comes when its nodes are back`);
      await endDrill(client, cluster);
    }
  } catch (error) {
    terminal.note(`the drill ends by itself; ${later}`);
    throw error;
  } finally {
    terminal.live("");
    presses.release();
  }
}
