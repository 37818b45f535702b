/** `hansa start`: a whole league on this machine, until Ctrl-C; with --demo one job on it, and then the end. */
import { once } from "node:events";
import type { Command } from "commander";
import { formatAmount } from "../../src/model/resources.ts";
import { type App, does } from "../app.ts";
import { createFolders, type DataFolder, dataFolder, hold } from "../broker/dataFolder.ts";
import { DEFAULT_LISTEN } from "../broker/listen.ts";
import { speaker } from "../broker/say.ts";
import { applyConfiguration, stepLine } from "../configuration/apply.ts";
import { parseConfiguration } from "../configuration/file.ts";
import { findContext } from "../context.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { demo } from "../league/demo.ts";
import { endings } from "../league/ending.ts";
import { type League, type LeagueRun, withLeague } from "../league/league.ts";
import { CLUSTERS, LEAGUE } from "../league/plan.ts";
import { readText } from "../readText.ts";

interface StartOptions {
  data: string;
  listen: string;
  config?: string;
  demo?: boolean;
  mesos?: boolean;
}

const DEFAULT_DATA = ".hansa";

export function addStart(program: Command, app: App): void {
  const command = program
    .command("start")
    .description("run a whole league on this machine: broker, two clusters, four nodes")
    .option("--data <folder>", "where everything is kept, also for the next start", DEFAULT_DATA)
    .option("--listen <address>", "HOST:PORT; the next free port is taken when this one is busy", DEFAULT_LISTEN)
    .option("--config <file>", "settings, roles, clusters and partitions, as for apply; applied once the league is up")
    .option("--mesos", "Mesos frameworks may come without credentials")
    .option("--demo", "checksum a directory tree over both clusters, compare, end everything");
  does(app, command, async (options: StartOptions) => start(app, options));
}

async function start(app: App, options: StartOptions): Promise<ExitCode> {
  const { terminal, env, self } = app;
  const { config } = options;
  // What is wrong in it is told before anything is started.
  const wanted = config === undefined ? null : parseConfiguration(await readText(app.cwd, config), config);
  const ending = endings(env);
  const data = dataFolder(options.data);
  createFolders(data);
  const run: LeagueRun = {
    data,
    held: hold(data),
    listen: options.listen,
    ending,
    say: speaker(terminal, false),
    env,
    mesos: options.mesos ?? false,
  };
  ending.first.addEventListener("abort", () =>
    terminal.note("ending nodes with their tasks, then the broker (again: at once)"),
  );
  try {
    if (options.demo) {
      const passed = await withLeague(run, async ({ client }) => {
        if (wanted) await applyConfiguration(client, wanted, (step) => terminal.out(stepLine(step)));
        return demo({ client, terminal, json: false, self }, ending.first);
      });
      return passed ? EXIT.ok : EXIT.taskFailed;
    }
    await withLeague(run, async (league) => {
      if (wanted) await applyConfiguration(league.client, wanted, (step) => terminal.out(stepLine(step)));
      for (const line of welcome(league, app, data)) terminal.out(line);
      if (!ending.first.aborted) await once(ending.first, "abort");
    });
    return EXIT.ok;
  } finally {
    ending.release();
  }
}

function welcome({ client, nodes, contextPath }: League, app: App, data: DataFolder): string[] {
  const { url } = client.access;
  const [node] = nodes;
  const each = node ? `${node.cpus} cpus and ${formatAmount("mem", node.memMib * 1000)} each` : "";
  const named = (cluster: string) => nodes.filter((plan) => plan.cluster === cluster).map((plan) => plan.node);
  const clusters = CLUSTERS.map((cluster) => `${cluster} (${named(cluster).join(", ")})`).join(", ");
  const access = `export HANSA_URL=${url} HANSA_TOKEN="$(${app.self} token root --league ${LEAGUE} --secret-file ${data.secret})"`;
  return [
    `a league runs at ${url}   API: ${url}/docs`,
    `  clusters  ${clusters}: ${each}`,
    `  token     in ${contextPath}`,
    "in a second terminal:",
    ...(findContext(app)?.url === url ? [] : [`  ${access}`]),
    `  ${app.self} run --count 4 -- 'echo hi from $HANSA_NODE'`,
    `Ctrl-C ends all of it; ${data.root} is kept for the next start.`,
  ];
}
