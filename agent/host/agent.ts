/**
 * A running agent, put together in the order that makes a crash at any point harmless: lock → journal → what became of
 * the attempts → what nobody knows is swept away → guard → what the machine has. Nothing is accepted before the last of
 * them, so the first poll leaves as soon as it can say truly what runs here: at once, when the journal knows of nothing.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Transport } from "#agent/transport";
import { openAttempts } from "../core/records.ts";
import { noOutput } from "../core/reply.ts";
import { initialState } from "../core/step.ts";
import type { Exit } from "../core/types.ts";
import { VERSION } from "../version.ts";
import { Broker } from "./broker/broker.ts";
import { WakeSocket } from "./broker/wakeSocket.ts";
import { bootId, uptimeMs } from "./clock.ts";
import { Drain } from "./drain.ts";
import type { DriverEvents, Drivers } from "./driver.ts";
import { serveEndpoints } from "./endpoints.ts";
import { EXIT } from "./exitCodes.ts";
import { messageOf } from "./files.ts";
import { Fingerprint } from "./fingerprint.ts";
import { makeRunFolder, makeTasksFolder } from "./folders.ts";
import { Host } from "./host.ts";
import { type Identity, writeIdentity } from "./identity.ts";
import { Journal } from "./journal/journal.ts";
import type { Log } from "./log.ts";
import { machineId } from "./machineId.ts";
import type { AgentOptions } from "./options.ts";
import { Outputs } from "./outputs.ts";
import { Pressure } from "./pressure.ts";
import { foldersIn } from "./process/folder.ts";
import type { User } from "./process/user.ts";
import { type AgentStatus, LOOP_STILL_MS } from "./status.ts";
import { Uploads } from "./uploads.ts";

const JOURNAL_FILE = "journal";
/** How long an agent that leaves waits for the broker to hear the ends of its tasks. */
const FAREWELL_MS = 2000;
/** Beyond the longest grace: a process that can't be killed must not hold the agent for ever. */
const STUCK_MS = 15_000;
/** A guard that was killed leaves behind the second that it was waiting. */
const LEFTOVERS_MS = 10_000;

export interface Running {
  /** resolves with the exit code when the agent has ended by itself */
  ended: Promise<number>;
  /** ends the agent; tasks live on, or are stopped first */
  stop(stopTasks: boolean): Promise<void>;
  /** what may change while it runs: labels, resources, ports, roles, drivers */
  reload(options: AgentOptions): void;
  status(): AgentStatus;
}

/** The lock is held and the data folder is there. @throws when this machine can't run an agent */
export async function runAgent(options: AgentOptions, identity: Identity, user: User, log: Log): Promise<Running> {
  const boot = bootId();
  const uid = process.getuid?.() ?? 0;
  const tasks = makeTasksFolder(options.data, user);
  const run = makeRunFolder(options.runFolder, options.data, uid, process.env);
  const { journal, records, damagedLines } = Journal.open(join(options.data, JOURNAL_FILE));
  if (damagedLines > 0) log("warn", `the journal has ${damagedLines} lines that can't be read; the disk lost them`);

  const ending = Promise.withResolvers<number>();
  const closers = new Closers();
  closers.add(() => journal.close());
  const transport = new Transport({ url: identity.url, caFile: options.caFile, environment: process.env });
  closers.add(() => transport.close());
  const broker = new Broker(transport, identity.credential);
  const pressure = new Pressure(tasks);
  const outputs = new Outputs(tasks, options.maxOutputBytes);
  const uploads: Uploads = new Uploads({
    outputs,
    upload: (chunk) => broker.upload(chunk),
    uploaded: (key) => host.forgetIfUploaded(key),
    nowMs: uptimeMs,
    random: Math.random,
    log,
  });
  closers.add(() => uploads.close());
  const start = initialState(records, {
    machine: await machineId(options.data),
    boot,
    nonce: crypto.randomUUID(),
    inventory: null,
    nowMs: uptimeMs(),
  });
  const host: Host = new Host(start, {
    journal,
    uploads,
    poll: (request, waitS, signal) => broker.poll(request, waitS, signal),
    saveCredential: (credential) => {
      broker.credential = credential;
      writeIdentity(options.data, { ...identity, credential });
    },
    pressure: () => pressure.look(),
    nowMs: uptimeMs,
    random: Math.random,
    log,
    exit: (code, message) => {
      log("error", message);
      void closers.close().then(() => ending.resolve(code));
    },
  });
  closers.add(() => host.stop());

  for (const record of records) if (record.type === "accept") outputs.add(record.key, record.template.env);
  const open = openAttempts(records);
  // where nothing can run, known to the journal or not, the first poll need not wait for what would see to it
  const isBare = open.size === 0 && foldersIn(tasks).every((key) => host.state.attempts.has(key));
  if (isBare) {
    host.start({ type: "recovered", attempts: [] });
    await host.spoken;
  }

  const finish = (key: string, exit: Exit): Promise<Exit> =>
    outputs.finish(key, exit).catch((error: unknown) => {
      log("error", `${key}: its output is not sent, since it can't be gone through: ${messageOf(error)}`);
      return { ...exit, stdout: noOutput().stdout, stderr: noOutput().stderr };
    });
  const events: DriverEvents = {
    started: (key) => {
      const attempt = host.state.attempts.get(key);
      if (attempt) outputs.add(key, attempt.template.env);
      host.started(key);
    },
    startFailed: (key, message, nodeFault) => host.startFailed(key, message, nodeFault),
    exited: (key, exit) => void finish(key, exit).then((finished) => host.exited(key, finished)),
    deadlineOf: (attempt) => (host.state.attempts.get(attempt.key) ?? attempt).deadlineMs,
  };
  const { buildInventory, makeNotifier, readMachine, recountGpus, serveStatus, Workshop } = await import(
    "./afterPoll.ts"
  );
  const machine = readMachine(tasks);
  const workshop = Workshop.open({
    ...{ options, identity, user, boot, tasks, run, records, events, log },
    gpus: machine.gpus,
  });
  const { driver, guard, cgroups } = workshop;
  closers.add(() => driver.close());
  closers.add(() => driver.running().size > 0 && guard.leave());
  host.equip(workshop);

  const recovered = await workshop.recover(boot, open);
  for (const { key, found } of recovered.attempts) if (found.is === "ended") found.exit = await finish(key, found.exit);
  // before anything may start that is not known now
  const swept = await driver.sweep(new Set(host.state.attempts.keys()));
  if (swept.length > 0) log("warn", `ended and removed, because the journal does not know them: ${swept.join(", ")}`);
  if (!isBare) host.start(recovered);
  const guardSeen = guard.ready().then((alive) => {
    if (!alive) log("error", "the guard does not come up: no task will be started");
    host.dispatch({ type: "guard", alive });
  });
  driver.warmUp();

  const fingerprint = new Fingerprint(options, {
    look: async (before) => ({
      ...readMachine(tasks, before?.gpus ?? machine.gpus),
      ...(before !== null && { gpus: (await recountGpus(process.env)) ?? before.gpus }),
      drivers: await workshop.workingDrivers(options.drivers),
    }),
    build: (found, offer) => buildInventory(found, offer, identity.node, VERSION),
    busy: () => driver.running().size > 0,
    changed: (inventory) => {
      if (host.state.inventory !== null)
        log("info", "what this node has or accepts is not what it was; telling the broker");
      host.dispatch({ type: "inventory", inventory });
    },
  });
  closers.add(() => fingerprint.stop());
  const drain: Drain = new Drain({
    begin: () => {
      log("info", "draining: nothing new is taken");
      pressure.draining = true;
      host.dispatch({ type: "pressure", pressure: pressure.look() });
    },
    left: () => host.left,
    watch: (changed) => host.watch(changed),
    leave: () => stop(true),
  });
  const server = serveStatus(run, {
    status: () => statusOf(),
    drain: (deadlineMs, tell) => drain.start(deadlineMs, tell),
  });
  closers.add(() => server.close());
  if (options.listen) {
    const endpoints = await serveEndpoints(options.listen, () => statusOf(), log);
    closers.add(() => endpoints.close());
  }
  const wake = new WakeSocket({
    open: (headers) =>
      transport.request({ method: "GET", path: "/agent/v1/wake", headers: { ...broker.headers(), ...headers } }),
    called: () => host.dispatch({ type: "wake" }),
    changed: (open) => host.dispatch({ type: "wake-socket", open }),
    random: Math.random,
    log,
  });
  closers.add(() => wake.close());
  const notifier = makeNotifier(process.env, process.pid, log);
  closers.add(() => notifier.stopping());

  const statusOf = (): AgentStatus => {
    const nowMs = uptimeMs();
    const { state, polls } = host;
    const pids = driver.running();
    return {
      version: VERSION,
      pid: process.pid,
      ...{ node: identity.node, cluster: identity.cluster, league: identity.league, url: identity.url },
      data: options.data,
      runAs: user.name,
      isolation: workshop.isolation,
      session: state.session,
      action: state.action,
      loop: loopOf(),
      polls: {
        answers: polls.answers,
        failures: polls.failures,
        answeredAgoMs: polls.answeredAtMs === null ? null : nowMs - polls.answeredAtMs,
        lastFailure: polls.lastFailure?.message ?? null,
      },
      guard: { alive: state.guarded, pid: guard.beat?.pid ?? null },
      wake: state.wakeable,
      pressure: state.pressure,
      draining: drain.begun,
      journalBytes: journal.bytes,
      uploadsWaiting: uploads.unfinished,
      attempts: [...state.attempts.values()].map(({ key, phase, deadlineMs }) => ({
        key,
        phase,
        pid: pids.get(key) ?? null,
        deadlineInMs: deadlineMs === null ? null : deadlineMs - nowMs,
      })),
    };
  };

  const loopOf = () => {
    const progressAgoMs = uptimeMs() - host.progressAtMs;
    return { turning: progressAgoMs < LOOP_STILL_MS, progressAgoMs };
  };
  let stopping = false;
  const stop = async (stopTasks: boolean) => {
    if (stopping) return;
    stopping = true;
    if (stopTasks) {
      await farewell(host, driver);
      await closers.close();
      if (driver.running().size === 0) {
        await guardSeen;
        await guard.end();
        rmSync(run, { recursive: true, force: true });
        await until(() => cgroups?.removeAll() ?? true, LEFTOVERS_MS);
      }
    } else await closers.close();
    ending.resolve(EXIT.ok);
  };

  if (options.wake) wake.start();
  void fingerprint.start();
  notifier.ready(`node ${identity.node} of ${identity.cluster} in ${identity.league}`);
  notifier.watch(() => loopOf().turning);
  log(
    "info",
    `node ${identity.node} of ${identity.cluster} in ${identity.league}, session ${start.state.session}, tasks run as ${user.name}`,
  );

  return {
    ended: ending.promise,
    stop,
    reload: (changed) => {
      if (!fingerprint.offer(changed)) log("info", "nothing of what the broker knows of this node has changed");
    },
    status: statusOf,
  };
}

/** What has to be closed, the newest first. What comes when all is closed is closed at once. */
class Closers {
  #close: (() => unknown)[] | null = [];

  add(close: () => unknown): void {
    if (this.#close) this.#close.unshift(close);
    else void close();
  }

  async close(): Promise<void> {
    const all = this.#close ?? [];
    this.#close = null;
    for (const close of all) await close();
  }
}

/** Stops every task, and gives the broker a moment to hear of it. */
async function farewell(host: Host, driver: Drivers): Promise<void> {
  const graces = [...host.state.attempts.values()].map(({ template }) => template.stopGraceMs);
  host.dispatch({ type: "leave" });
  await until(() => driver.running().size === 0, Math.max(0, ...graces) + STUCK_MS);
  await until(() => host.isEmpty, FAREWELL_MS);
}

async function until(holds: () => boolean, mostMs: number): Promise<void> {
  const endMs = performance.now() + mostMs;
  while (!holds() && performance.now() < endMs) await sleep(10);
}
