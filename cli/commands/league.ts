/** `hansa league`: what the league aims at, how long past use counts, and how things are taken back. */
import type { Command } from "commander";
import { OBJECTIVES } from "../../src/model/league.ts";
import { type LeagueRequestInput, leagueRequestSchema, settingsOf } from "../../src/model/leagueRequest.ts";
import { Problem } from "../../src/model/problems.ts";
import { changeLeague, getLeague } from "../api/shares.ts";
import { type AccessOptions, type App, anyNumber, does, group, refuseUnknown, sessionOf, withAccess } from "../app.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../session.ts";
import { checked } from "../shares/checked.ts";
import { changesBetween, outcomeLine, toldLeague } from "../shares/told.ts";

export function addLeague(program: Command, app: App): void {
  const league = group(program, "league", "print what the league aims at, or set it");
  does(app, withAccess(league), async (word: string | undefined, options: AccessOptions, command: Command) => {
    refuseUnknown(command, word);
    const { client, terminal, json } = sessionOf(app, options);
    const settings = await getLeague(client);
    if (json) printJson(terminal, settings);
    else {
      const told = Object.entries(toldLeague(settings));
      const width = Math.max(...told.map(([name]) => name.length));
      for (const [name, value] of told) terminal.out(`${name.padEnd(width)}  ${value}`);
    }
    return EXIT.ok;
  });
  addSet(league, app);
}

interface SetOptions extends AccessOptions {
  objective?: string;
  halfLife?: string;
  historyWeight?: number;
  entryPenalty?: string;
  grace?: string;
  minRun?: string;
}

function addSet(league: Command, app: App): void {
  const set = league
    .command("set")
    .description("change what is named of the league's settings")
    .option("--objective <what>", `what is preferred among what is fair: ${OBJECTIVES.join(", ")}`)
    .option("--half-life <time>", "past use counts half as much after so long, e.g. 1h")
    .option("--history-weight <n>", "how much past use counts beside present use; 0: not at all", anyNumber)
    .option("--entry-penalty <time>", "each task counts as if it had run at least so long, e.g. 10s")
    .option("--grace <time>", "who has a right to a place waits so long before tasks are stopped for it, e.g. 1m")
    .option("--min-run <time>", "a task that has run for less is not stopped for others, e.g. 1m");
  does(app, withAccess(set), async (options: SetOptions) => {
    const body = bodyOf(options);
    const settings = settingsOf(checked(leagueRequestSchema, body, "league"));
    const { client, terminal, json } = sessionOf(app, options);
    const before = await getLeague(client);
    const changes = changesBetween(toldLeague(before), toldLeague({ ...before, ...settings }));
    const view = changes.length > 0 ? await changeLeague(client, body) : before;
    if (json) printJson(terminal, view);
    else terminal.out(outcomeLine("league", changes.length > 0 ? "changed" : "unchanged", changes));
    return EXIT.ok;
  });
}

function bodyOf({ objective, halfLife, historyWeight, entryPenalty, grace, minRun }: SetOptions): LeagueRequestInput {
  const body: Record<string, unknown> = {
    ...(objective !== undefined && { objective }),
    ...(halfLife !== undefined && { historyHalfLife: halfLife }),
    ...(historyWeight !== undefined && { historyWeight }),
    ...(entryPenalty !== undefined && { entryPenalty }),
    ...(grace !== undefined && { grace }),
    ...(minRun !== undefined && { minRun }),
  };
  if (Object.keys(body).length > 0) return body;
  throw new Problem(
    "invalid-request",
    "say what to change: --objective, --half-life, --history-weight, --entry-penalty, --grace or --min-run",
  );
}
