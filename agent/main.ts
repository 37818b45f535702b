/** The `hansa-agent` command. What only some of its words need is loaded for them alone. */

import { HELP } from "./help.ts";
import { type Running, runAgent } from "./host/agent.ts";
import { bootId } from "./host/clock.ts";
import type { DrainNews } from "./host/drain.ts";
import { EXIT } from "./host/exitCodes.ts";
import { messageOf } from "./host/files.ts";
import { findRunFolder, makeDataFolder } from "./host/folders.ts";
import { type Identity, readIdentity } from "./host/identity.ts";
import { join } from "./host/join.ts";
import { LOCK_FILE, releaseLock, takeLock } from "./host/journal/lock.ts";
import { type Log, stderrLog } from "./host/log.ts";
import {
  type AgentOptions,
  isConfigNamed,
  lastingSettings,
  readOptions,
  readToken,
  UsageError,
} from "./host/options.ts";
import { taskUser } from "./host/process/user.ts";
import { SIGNALS, wishOf } from "./host/signals.ts";
import { VERSION } from "./version.ts";

const ELSEWHERE = `tasks need Linux yet, and this is ${process.platform}; what works here: help, version, doctor`;
const JOIN_TRIES = 8;

async function main(argv: string[]): Promise<number> {
  const options = readOptions(argv, process.env, process.getuid?.() ?? 0);
  const log = stderrLog(process.env);
  switch (options.command) {
    case "help":
      process.stdout.write(HELP);
      return EXIT.ok;
    case "version":
      process.stdout.write(`${VERSION}\n`);
      return EXIT.ok;
    case "doctor":
      return doctor(options);
  }
  if (process.platform !== "linux") throw new UsageError(ELSEWHERE);
  switch (options.command) {
    case "status":
      return status(options);
    case "drain":
      return drain(options);
    case "install": {
      const { install } = await import("./host/install.ts");
      return install({
        options,
        lasting: lastingSettings(argv, process.env),
        namedConfig: isConfigNamed(argv, process.env),
        join: () => holdingLock(options, log, () => joinOrCode(options, log)),
        say: (line) => process.stdout.write(`${line}\n`),
        complain: (line) => process.stderr.write(`hansa-agent: ${line}\n`),
      });
    }
    case "uninstall": {
      const { uninstall } = await import("./host/uninstall.ts");
      return uninstall({
        options,
        endTasks: () => holdingLock(options, log, () => endTasks(options, log)),
        say: (line) =>
          process.stdout.write(`${line}
`),
      });
    }
    case "join":
      return holdingLock(options, log, async () => {
        const joined = await joinNow(options, log);
        if ("message" in joined) return giveUp(joined, log);
        process.stdout.write(`joined as ${joined.node} of ${joined.cluster} in ${joined.league}\n`);
        return EXIT.ok;
      });
    case "run":
      return holdingLock(options, log, () => run(options, argv, log));
  }
}

/** Only one agent at a time uses a data folder. */
async function holdingLock<T>(options: AgentOptions, log: Log, work: () => Promise<T>): Promise<T | number> {
  makeDataFolder(options.data, taskUser(options.runAs));
  const path = `${options.data}/${LOCK_FILE}`;
  const holder = takeLock(path, bootId());
  if (holder) {
    log("error", `another agent, process ${holder.pid}, uses ${options.data}`);
    return EXIT.retry;
  }
  try {
    return await work();
  } finally {
    releaseLock(path, bootId());
  }
}

async function joinNow(options: AgentOptions, log: Log): Promise<Identity | { message: string; final: boolean }> {
  const { url, token, name, data, caFile } = options;
  if (url === null || token === null) throw new UsageError("joining needs --url and --token");
  return join({ url, token: readToken(token), name, data, caFile, environment: process.env, log, tries: JOIN_TRIES });
}

function giveUp({ message, final }: { message: string; final: boolean }, log: Log): number {
  log("error", `not joined: ${message}`);
  return final ? EXIT.stay : EXIT.retry;
}

async function joinOrCode(options: AgentOptions, log: Log): Promise<Identity | number> {
  const joined = await joinNow(options, log);
  return "message" in joined ? giveUp(joined, log) : joined;
}

async function run(options: AgentOptions, argv: string[], log: Log): Promise<number> {
  const identity = readIdentity(options.data) ?? (await joinNow(options, log));
  if ("message" in identity) return giveUp(identity, log);
  const user = taskUser(options.runAs);
  // a defect must end the agent: its supervisor starts one that reads its journal
  process.on("uncaughtException", (error) => {
    log("error", `internal error: ${error.stack ?? error.message}`);
    process.exit(EXIT.retry);
  });
  // the broker may have moved since
  const up = runAgent(options, { ...identity, url: options.url ?? identity.url }, user, log);
  let leaving = false;
  const leave = (stopTasks: boolean) => {
    leaving = true;
    void up.then((agent) => agent.stop(stopTasks));
  };
  // from now on, though the agent is only coming up
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      switch (wishOf(signal, leaving)) {
        case "leave":
          return leave(options.stopTasksOnExit);
        case "leave-with-tasks":
          return leave(true);
        case "exit":
          return process.exit(EXIT.ok);
        case "reload":
          return void up.then((agent) => reload(agent, argv, log));
        case "tell":
          return void up.then((agent) => log("info", `status ${JSON.stringify(agent.status())}`));
      }
    });
  }
  const agent = await up;
  return agent.ended;
}

/** Takes over what another agent has left, only to stop it. */
async function endTasks(options: AgentOptions, log: Log): Promise<void> {
  const identity = readIdentity(options.data);
  if (!identity) return;
  const quiet: Log = (level, text) => level !== "info" && log(level, text);
  const agent = await runAgent(
    { ...options, wake: false, listen: null },
    { ...identity, url: options.url ?? identity.url },
    taskUser(options.runAs),
    quiet,
  );
  await agent.stop(true);
}

/** A file with a mistake changes nothing. What only a start can change (where, who) is left as it is. */
function reload(agent: Running, argv: string[], log: Log): void {
  try {
    agent.reload(readOptions(argv, process.env, process.getuid?.() ?? 0));
  } catch (error) {
    log("error", `the config is not read anew: ${messageOf(error)}`);
  }
}

async function status(options: AgentOptions): Promise<number> {
  const run = findRunFolder(options.runFolder, options.data, process.getuid?.() ?? 0, process.env);
  const { askStatus } = await import("./host/statusSocket.ts");
  const line = await askStatus(run);
  if (line === null) {
    process.stderr.write(`no agent runs on ${options.data}\n`);
    return EXIT.unwell;
  }
  process.stdout.write(options.json ? `${line}\n` : `${JSON.stringify(JSON.parse(line), null, 2)}\n`);
  return EXIT.ok;
}

async function drain(options: AgentOptions): Promise<number> {
  const run = findRunFolder(options.runFolder, options.data, process.getuid?.() ?? 0, process.env);
  const { askDrain } = await import("./host/statusSocket.ts");
  const last = await askDrain(run, options.deadlineMs, (news) => {
    process.stdout.write(options.json ? `${JSON.stringify(news)}\n` : `${drainLine(news)}\n`);
  });
  if (last === null) process.stderr.write(`no agent runs on ${options.data}\n`);
  else if (!last.over) process.stderr.write("the agent ended before it was empty\n");
  return last?.over ? EXIT.ok : EXIT.unwell;
}

function drainLine({ left, over }: DrainNews): string {
  if (over === "empty") return "drained: nothing runs here, the agent ends";
  if (over === "deadline") return `the deadline has come: stopping ${left}, then the agent ends`;
  return `draining: ${left} left`;
}

async function doctor(options: AgentOptions): Promise<number> {
  const user = process.platform === "linux" ? taskUser(options.runAs) : null;
  if (user) makeDataFolder(options.data, user);
  const identity = readIdentity(options.data);
  const { examine } = await import("./host/doctor.ts");
  const findings = await examine(options, options.url ?? identity?.url ?? null, identity, user);
  if (!user) findings.push({ hop: "platform", level: "fail", detail: ELSEWHERE });
  for (const { hop, level, detail } of findings) {
    process.stdout.write(
      options.json ? `${JSON.stringify({ hop, level, detail })}\n` : `${level.padEnd(5)}${hop.padEnd(12)}${detail}\n`,
    );
  }
  return findings.some(({ level }) => level === "fail") ? EXIT.unwell : EXIT.ok;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`hansa-agent: ${messageOf(error)}\n`);
    process.exit(error instanceof UsageError ? EXIT.usage : EXIT.retry);
  },
);
