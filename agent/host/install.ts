/**
 * `hansa-agent install`: makes this machine a node that stays one. Config file, join, unit, start, and the node as the
 * broker sees it. Safe to run again: the node keeps its identity, what is not said again stays, tasks live on.
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Transport } from "#agent/transport";
import { formatAmount } from "../../src/model/resources.ts";
import { Broker, jsonIn } from "./broker/broker.ts";
import type { Answer } from "./broker/exchange.ts";
import { problemIn } from "./broker/replyShape.ts";
import { EXIT } from "./exitCodes.ts";
import { messageOf, PRIVATE_FILE_MODE, readIfThere, writeDurably } from "./files.ts";
import { findRunFolder, makeDataFolder } from "./folders.ts";
import { type Identity, readIdentity } from "./identity.ts";
import { type InstallPlan, type PlannedFile, planInstall, planLines, programOf } from "./installPlan.ts";
import { type AgentOptions, UsageError, type Value } from "./options.ts";
import { taskUser } from "./process/user.ts";
import type { AgentStatus } from "./status.ts";
import { askStatus } from "./statusSocket.ts";
import { endAgent, hasSystemd, lastLines, startDetached, stopUnit, systemctl } from "./supervisor.ts";
import { UNIT } from "./unit.ts";

/** For the first answer of the broker. */
const UP_MS = 30_000;
const LOOK_MS = 50;
const ASK_MS = 10_000;
/** What a node says in its first polls, and how long it may take until it says so no more. */
const COMING_UP = ["starting", "no-guard"];
const SETTLES_MS = 10_000;
const NEW_TOKEN = "the next step: make a new token with hansa token create --join CLUSTER, and run this again with it";

export interface Installer {
  options: AgentOptions;
  /** what was said now and is to be kept */
  lasting: Record<string, Value>;
  /** the config file was named */
  namedConfig: boolean;
  /** @returns the identity, or the exit code of a join that failed and was told */
  join(): Promise<Identity | number>;
  say(line: string): void;
  complain(line: string): void;
}

export async function install(installer: Installer): Promise<number> {
  const { options, say, complain } = installer;
  const { data, configFile } = options;
  const found = readIdentity(data);
  const known = found !== null && (await isRefused(found, options)) ? null : found;
  if (found !== null && known === null && options.token === null) {
    complain(`the broker does not know ${found.node} of ${found.cluster} any more: it was removed`);
    complain(NEW_TOKEN);
    return EXIT.stay;
  }
  if (known === null && (options.url === null || options.token === null))
    throw new UsageError("this machine is no node yet: install needs --url and --token");
  const plan = planInstall(
    {
      program: options.program === null ? calledAs() : [resolve(options.program)],
      data,
      configFile,
      namedConfig: installer.namedConfig,
      uid: process.getuid?.() ?? 0,
      systemd: hasSystemd(),
      environment: process.env,
    },
    installer.lasting,
    readIfThere(configFile),
  );
  if (options.dryRun) {
    for (const line of planLines(plan, known === null)) say(line);
    return EXIT.ok;
  }
  try {
    makeDataFolder(data, taskUser(options.runAs));
    for (const file of plan.files) {
      write(file);
      say(`wrote ${file.path}`);
    }
  } catch (error) {
    complain(messageOf(error));
    complain(
      "the next step: make room and see who may write there, or name another folder with --data; then run this again",
    );
    return EXIT.unwell;
  }
  const identity = known ?? (await installer.join());
  if (typeof identity === "number") {
    complain(NEW_TOKEN);
    return identity;
  }
  say(`${known ? "stays" : "joined as"} node ${identity.node} of ${identity.cluster} in ${identity.league}`);
  try {
    await start(plan, data);
    await firstAnswer(options);
  } catch (error) {
    complain(`the agent does not come up: ${messageOf(error)}`);
    for (const line of plan.starter === "detached" ? lastLines(plan.log) : []) complain(`  ${line}`);
    const logs = plan.starter === "systemd" ? `journalctl -u ${UNIT} -n 20` : plan.log;
    complain(`the next step: hansa-agent doctor says which hop fails; the log is ${logs}; then run this again`);
    return EXIT.unwell;
  }
  // the credential may have been renewed since
  for (const line of await nodeLines(readIdentity(data) ?? identity, options)) say(line);
  for (const line of afterwards(plan)) say(line);
  return EXIT.ok;
}

function write({ path, text, mode }: PlannedFile): void {
  mkdirSync(dirname(path), { recursive: true });
  // a unit holds no secret, and its folder is not ours to sync
  if (mode === PRIVATE_FILE_MODE) writeDurably(path, text);
  else writeFileSync(path, text, { mode });
}

/** How this program is called again. */
export const calledAs = (): string[] =>
  programOf(process.execPath, process.argv[1], (path) => existsSync(path) && statSync(path).isFile());

/** An agent that runs is ended first: its tasks live on, and the new one takes them over. */
async function start({ starter, command, log }: InstallPlan, data: string): Promise<void> {
  if (starter === "systemd") {
    stopUnit();
    await endAgent(data);
    systemctl("daemon-reload");
    systemctl("enable", UNIT);
    systemctl("start", UNIT);
    return;
  }
  await endAgent(data);
  startDetached(command, log);
}

async function firstAnswer({ runFolder, data }: AgentOptions): Promise<void> {
  const run = findRunFolder(runFolder, data, process.getuid?.() ?? 0, process.env);
  const startedAt = performance.now();
  let failure = "it does not answer on its socket";
  while (performance.now() - startedAt < UP_MS) {
    const line = await askStatus(run);
    if (line !== null) {
      const { polls }: AgentStatus = JSON.parse(line);
      if (polls.answers > 0) return;
      failure = `the broker has not answered it yet${polls.lastFailure ? ` (${polls.lastFailure})` : ""}`;
    }
    await sleep(LOOK_MS);
  }
  throw new Error(failure);
}

async function askOwnNode(identity: Identity, { url, caFile }: AgentOptions): Promise<Answer> {
  const transport = new Transport({ url: url ?? identity.url, caFile, environment: process.env });
  try {
    const headers = new Broker(transport, identity.credential).headers();
    return await transport.exchange({ method: "GET", path: "/agent/v1/node", headers, deadlineMs: ASK_MS });
  } finally {
    transport.close();
  }
}

/** By the broker itself: what a proxy says on the way, or silence, is no reason to become another node. */
async function isRefused(identity: Identity, options: AgentOptions): Promise<boolean> {
  try {
    return problemIn(jsonIn(await askOwnNode(identity, options)))?.code === "unauthenticated";
  } catch {
    return false;
  }
}

/** The node as the broker sees it, once it has come up. */
async function nodeLines(identity: Identity, options: AgentOptions): Promise<string[]> {
  const startedAt = performance.now();
  try {
    for (;;) {
      const answer = await askOwnNode(identity, options);
      if (answer.status !== 200) return [`the broker answers it; look with: hansa nodes -c ${identity.cluster}`];
      const seen: SeenNode = JSON.parse(answer.body.toString("utf8"));
      const comesUp = seen.pressure.some((reason) => COMING_UP.includes(reason));
      if (!comesUp || performance.now() - startedAt > SETTLES_MS) return shownNode(seen);
      await sleep(LOOK_MS);
    }
  } catch (error) {
    return [`the broker answers the agent, but not this command: ${messageOf(error)}`];
  }
}

export interface SeenNode {
  name: string;
  cluster: string;
  state: string;
  capacity: Record<string, number>;
  attributes: Record<string, string>;
  pressure: string[];
}

export function shownNode({ name, cluster, state, capacity, attributes, pressure }: SeenNode): string[] {
  const amounts = Object.entries(capacity).map(([resource, amount]) => `${resource} ${formatAmount(resource, amount)}`);
  const labels = Object.entries(attributes).map(([label, value]) => `${label}=${value}`);
  return [
    `node ${cluster}/${name} as the broker sees it: ${state}${pressure.length > 0 ? `, under pressure: ${pressure.join(", ")}` : ""}`,
    `  ${amounts.join(", ")}`,
    `  ${labels.join(" ")}`,
  ];
}

function afterwards({ starter, command, log }: InstallPlan): string[] {
  if (starter === "systemd") return ["it starts at every boot: systemctl status hansa-agent"];
  return [
    `it runs in the background, its log in ${log}`,
    "nothing starts it again at boot: run the same line as root on a machine with systemd, or have your init run",
    `  ${command.join(" ")}`,
  ];
}
