/** `hansa serve`: the self-hosted broker in the foreground, for a service manager or a terminal. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { Problem } from "../../src/model/problems.ts";
import { type App, does } from "../app.ts";
import { createFolders, dataFolder, ensureSecret, hold, readSecret } from "../broker/dataFolder.ts";
import { endLeftovers, knownProcesses } from "../broker/leftovers.ts";
import { DEFAULT_LISTEN, parseListen } from "../broker/listen.ts";
import { type MesosOptions, mesosVariables } from "../broker/mesos.ts";
import { brokerEvents, type Say, speaker } from "../broker/say.ts";
import { systemdUnit } from "../broker/unit.ts";
import { BROKER_GRACE_MS, Broker } from "../broker/workerd.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { interrupts } from "../job/interrupts.ts";

interface ServeOptions extends MesosOptions {
  data: string;
  listen: string;
  tlsCert?: string;
  tlsKey?: string;
  secretFile?: string;
  agentUrl?: string;
  jsonLogs?: boolean;
  printUnit?: boolean;
  user: string;
}

/** Below this the broker would end under a few thousand nodes. */
const WANTED_OPEN_FILES = 16_384;

export function addServe(program: Command, app: App): void {
  const command = program
    .command("serve")
    .description("run a broker on this machine, for leagues whose nodes are anywhere")
    .requiredOption("--data <folder>", "where everything is kept; made when it is not there")
    .option("--listen <address>", "HOST:PORT; :PORT is every address", DEFAULT_LISTEN)
    .option("--tls-cert <file>", "certificate chain (PEM); with --tls-key the broker speaks HTTPS")
    .option("--tls-key <file>", "its private key (PEM)")
    .option("--secret-file <file>", "HANSA_SECRET, the key of all tokens (else: secret in the data folder, made once)")
    .option("--agent-url <url>", "where compiled agents and SHA256SUMS are, for GET /install (else: AGENT_URL)")
    .option("--mesos <league[:role]>", "serve Mesos frameworks without credentials for this league (else: HANSA_MESOS)")
    .option("--mesos-heartbeat <seconds>", "signs of life on their streams; default 5 (else: HANSA_MESOS_HEARTBEAT)")
    .option("--json-logs", "messages as lines of JSON")
    .option("--print-unit", "print a systemd unit for these options, and do nothing else")
    .option("--user <name>", "with --print-unit: who it runs as", "hansa")
    .addHelpText(
      "after",
      `
TERM ends it, HUP lets it read bundle and certificate anew. HANSA_SECRET_PREVIOUS in the
environment still verifies tokens that an earlier secret made.`,
    );
  does(app, command, async (options: ServeOptions) =>
    options.printUnit ? printUnit(app, options) : serve(app, options),
  );
}

function printUnit(app: App, options: ServeOptions): ExitCode {
  const { data, listen, tlsCert, tlsKey, secretFile, agentUrl, mesos, mesosHeartbeat, jsonLogs, user } = options;
  tlsFiles(options);
  mesosVariables(options, {});
  const { port } = parseListen(listen);
  const files: [string, string | undefined][] = [
    ["--tls-cert", tlsCert],
    ["--tls-key", tlsKey],
    ["--secret-file", secretFile],
  ];
  const script = resolve(process.argv[1] ?? "hansa.mjs");
  const command = [
    ...[process.execPath, script, "serve", "--data", resolve(data), "--listen", listen],
    ...files.flatMap(([option, file]) => (file === undefined ? [] : [option, resolve(file)])),
    ...(agentUrl === undefined ? [] : ["--agent-url", agentUrl]),
    ...(mesos === undefined ? [] : ["--mesos", mesos]),
    ...(mesosHeartbeat === undefined ? [] : ["--mesos-heartbeat", mesosHeartbeat]),
    ...(jsonLogs ? ["--json-logs"] : []),
  ];
  app.terminal.out(systemdUnit({ command, data: resolve(data), user, port }).trimEnd());
  return EXIT.ok;
}

function tlsFiles({ tlsCert, tlsKey }: ServeOptions): { certificate: string; key: string } | null {
  if (tlsCert !== undefined && tlsKey !== undefined) return { certificate: resolve(tlsCert), key: resolve(tlsKey) };
  if (tlsCert === undefined && tlsKey === undefined) return null;
  throw new Problem("invalid-request", "--tls-cert and --tls-key go together");
}

async function serve(app: App, options: ServeOptions): Promise<ExitCode> {
  const { terminal, self, env } = app;
  const jsonLogs = options.jsonLogs ?? false;
  const say = speaker(terminal, jsonLogs);
  const listen = parseListen(options.listen);
  const tls = tlsFiles(options);
  const mesos = mesosVariables(options, env);
  const data = dataFolder(options.data);
  createFolders(data);
  const held = hold(data);
  const { first: ending, release } = interrupts(["SIGINT", "SIGTERM"]);
  try {
    await endLeftovers(held.before);
    const secretFile = options.secretFile === undefined ? data.secret : resolve(options.secretFile);
    const secret = options.secretFile === undefined ? ensureSecret(secretFile) : readSecret(secretFile);
    const previousSecret = env.HANSA_SECRET_PREVIOUS || null;
    const agentUrl = options.agentUrl ?? (env.AGENT_URL || null);
    const plan = { data, listen, tls, secret, previousSecret, agentUrl, mesos, jsonLogs, log: null };
    const note = () =>
      held.note({
        pid: process.pid,
        command: "serve",
        url: broker.url,
        children: knownProcesses([{ pid: broker.pid, graceMs: BROKER_GRACE_MS }]),
      });
    const broker = new Broker(plan, brokerEvents(say, note));
    process.on("SIGHUP", () => broker.restart());
    warnOfFewFiles(say);
    await broker.start(ending);
    terminal.out(`hansa serves at ${broker.url}, data in ${data.root}`);
    say("hint", `a league's first admin token: ${self} token root --league NAME --secret-file ${secretFile}`);
    if (!ending.aborted) await once(ending, "abort");
    await broker.stop();
  } catch (error) {
    if (!ending.aborted) throw error;
  } finally {
    held.release();
    release();
  }
  say("stopped", "the broker is stopped; everything is on disk");
  return EXIT.ok;
}

function warnOfFewFiles(say: Say): void {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  if (soft === undefined || Number(soft) >= WANTED_OPEN_FILES) return;
  const sentence = `only ${soft} open files are allowed: enough for about ${Math.floor(Number(soft) / 4)} nodes. Raise LimitNOFILE (ulimit -n)`;
  say("few-files", sentence, { limit: Number(soft) });
}
