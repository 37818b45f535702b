/** The program: reads the arguments, runs one command, tells errors with the next step, exits with its code. */
import { Command, CommanderError } from "commander";
import { Problem } from "../src/model/problems.ts";
import { problemLines } from "./api/answer.ts";
import type { App } from "./app.ts";
import { addLogin, addVersion } from "./commands/account.ts";
import { addAgent } from "./commands/agent.ts";
import { addApply } from "./commands/apply.ts";
import { addBackup, addRestore } from "./commands/backup.ts";
import { addDrain, addUndrain } from "./commands/drain.ts";
import { addDrill } from "./commands/drill.ts";
import { addEvents } from "./commands/events.ts";
import { addClusters, addNodes } from "./commands/fleet.ts";
import { addFrameworks } from "./commands/frameworks.ts";
import { addCancel, addExplain, addPs } from "./commands/jobs.ts";
import { addLeague } from "./commands/league.ts";
import { addLedger } from "./commands/ledger.ts";
import { addLogs } from "./commands/logs.ts";
import { addPartitions } from "./commands/partitions.ts";
import { addPlan } from "./commands/plan.ts";
import { addRoles } from "./commands/roles.ts";
import { addRun, addSubmit } from "./commands/run.ts";
import { addServe } from "./commands/serve.ts";
import { addStart } from "./commands/start.ts";
import { addToken } from "./commands/token.ts";
import type { Surroundings } from "./context.ts";
import { EXIT, exitCodeOf } from "./exit.ts";
import { selfName } from "./installation.ts";
import { terminalOf } from "./show/terminal.ts";
import { VERSION } from "./version.ts";

const terminal = terminalOf(process.stdout, process.stderr, process.env);
// a reader that has seen enough (`| head`) is no error
process.stdout.on("error", (error: NodeJS.ErrnoException) =>
  process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.usage),
);

/** npm runs scripts in the folder of the package and tells where the person was. */
function surroundings(env: NodeJS.ProcessEnv): Surroundings {
  const here = process.cwd();
  const from = env.npm_lifecycle_event === undefined ? undefined : env.INIT_CWD;
  return from === undefined ? { cwd: here, env } : { cwd: from, checkout: here, env };
}

let exitCode: number = EXIT.ok;
const app: App = {
  terminal,
  ...surroundings(process.env),
  self: selfName(process.argv[1]),
  finish(code) {
    exitCode = code;
  },
};

function programOf(): Command {
  const program = new Command("hansa")
    .description("Pool clusters into a league and run jobs where there is room.")
    .version(VERSION, "-V, --version", "print the version")
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({ writeErr: (text) => terminal.note(text.trimEnd()) })
    .addHelpText(
      "after",
      `
A broker and a token come from --url and --token, HANSA_URL and HANSA_TOKEN, the nearest
.hansa/context.json, or hansa login. Ids may be shortened as far as they are unique.
Exit codes: 0 ok, 1 a task failed, 2 usage, 3 can never run, 4 broker unreachable, 5 not allowed.`,
    );
  const groups: [heading: string, add: ((program: Command, app: App) => void)[]][] = [
    ["Jobs:", [addRun, addSubmit, addPlan, addPs, addExplain, addLogs, addCancel, addEvents]],
    ["Fleet:", [addClusters, addNodes, addDrain, addUndrain, addDrill, addToken, addAgent]],
    ["Shares:", [addPartitions, addRoles, addFrameworks, addLeague, addLedger, addApply]],
    ["Broker:", [addStart, addServe, addBackup, addRestore]],
    ["This command:", [addLogin, addVersion]],
  ];
  for (const [heading, adders] of groups) {
    program.commandsGroup(heading);
    for (const add of adders) add(program, app);
  }
  return program;
}

function exitCodeAfter(error: unknown): number {
  terminal.live("");
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (!(error instanceof Problem)) throw error;
  const [first, ...rest] = problemLines(error);
  terminal.note(`hansa: ${first}`);
  for (const line of rest) terminal.note(line);
  return exitCodeOf(error);
}

try {
  await programOf().parseAsync();
} catch (error) {
  exitCode = exitCodeAfter(error);
}
process.exit(exitCode);
