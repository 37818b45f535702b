/**
 * A running agent, put together in the order that makes a crash at any point harmless: lock → journal → guard → what
 * became of the attempts → what nobody knows is swept away → the first poll.
 */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Transport } from "#agent/transport";
import type { DriverName } from "../../src/model/driver.ts";
import { noOutput } from "../core/reply.ts";
import { initialState } from "../core/step.ts";
import type { AgentEvent, Exit, JournalRecord } from "../core/types.ts";
import { VERSION } from "../version.ts";
import { Broker } from "./broker/broker.ts";
import { WakeSocket } from "./broker/wakeSocket.ts";
import { bootId, uptimeMs } from "./clock.ts";
import { DockerDriver } from "./docker/driver.ts";
import { findSocket } from "./docker/socket.ts";
import { Drain } from "./drain.ts";
import { type Driver, type DriverEvents, Drivers } from "./driver.ts";
import { serveEndpoints } from "./endpoints.ts";
import { EXIT } from "./exitCodes.ts";
import { messageOf } from "./files.ts";
import { Fingerprint } from "./fingerprint.ts";
import { folderHash, makeRunFolder, makeTasksFolder } from "./folders.ts";
import { recountGpus } from "./gpus.ts";
import { KILL_MARGIN_MS } from "./guard/deadlines.ts";
import { Guard } from "./guard/guard.ts";
import { Host } from "./host.ts";
import { type Identity, writeIdentity } from "./identity.ts";
import { buildInventory, type Offer, readMachine } from "./inventory.ts";
import { Journal } from "./journal/journal.ts";
import type { Log } from "./log.ts";
import { makeNotifier } from "./notify.ts";
import type { AgentOptions } from "./options.ts";
import { Outputs } from "./outputs.ts";
import { Pressure } from "./pressure.ts";
import { Cgroups, openCgroups } from "./process/cgroups.ts";
import { ProcessDriver } from "./process/driver.ts";
import type { User } from "./process/user.ts";
import { sandboxPlan } from "./sandbox/plan.ts";
import { type AgentStatus, LOOP_STILL_MS } from "./status.ts";
import { serveStatus } from "./statusSocket.ts";
import { Uploads } from "./uploads.ts";

const JOURNAL_FILE = "journal";
/** How long an agent that leaves waits for the broker to hear the ends of its tasks. */
const FAREWELL_MS = 2000;
/** Beyond the longest grace: a process that can't be killed must not hold the agent for ever. */
const STUCK_MS = 15_000;
/** A guard that was killed leaves behind the second that it was waiting. */
const LEFTOVERS_MS = 2000;

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

  const opened = openCgroups(folderHash(options.data), user, options.limits);
  const cgroups = opened instanceof Cgroups ? opened : null;
  if (!(opened instanceof Cgroups))
    log("warn", `no cgroups (${opened.missing}): a task that leaves its process group is not seen`);
  const guard = new Guard({ run, tasks, cgroups, uid: user.uid, boot, log });
  // one that lives is seen now; one that has to come up first keeps tasks from starting, and not the first poll
  guard.check();

  const machine = readMachine(tasks);
  const pressure = new Pressure(tasks);
  const notifier = makeNotifier(process.env, process.pid, log);
  const transport = new Transport({ url: identity.url, caFile: options.caFile, environment: process.env });
  const broker = new Broker(transport, identity.credential);
  const outputs = new Outputs(tasks, options.maxOutputBytes);
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
  };
  const hidesGpus = machine.gpus > 0 || (options.resources.gpus ?? 0) > 0;
  const commands = { tasks, cgroups, user, boot, place: identity, hidesGpus, log, ...events };
  const all = new Map<DriverName, Driver>([
    ["process", new ProcessDriver(commands)],
    ["sandbox", new ProcessDriver({ ...commands, plan: sandboxPlan({ ...commands, hidden: [options.data, run] }) })],
    [
      "docker",
      new DockerDriver({
        ...{ tasks, user, boot, place: identity, hidesGpus, log, ...events },
        socket: findSocket(options.dockerHost, process.env),
        data: folderHash(options.data),
        nvidia: machine.gpus > 0,
      }),
    ],
  ]);
  const working = await workingDrivers(all, options.drivers, log);
  const driver = new Drivers(all, events, driversOf(records));
  const offerOf = (said: AgentOptions): Offer => ({
    ...said,
    drivers: said.drivers === null ? working : working.filter((name) => said.drivers?.includes(name)),
  });
  const inventory = buildInventory(machine, offerOf(options), identity.node, VERSION);
  const uploads: Uploads = new Uploads({
    folder: (key) => join(tasks, key),
    outputs,
    upload: (chunk) => broker.upload(chunk),
    uploaded: (key) => host.forgetIfUploaded(key),
    nowMs: uptimeMs,
    random: Math.random,
    log,
  });

  const ending = Promise.withResolvers<number>();
  const start = initialState(records, {
    boot,
    nonce: randomUUID(),
    inventory,
    nowMs: uptimeMs(),
  });
  const host: Host = new Host(start, {
    journal,
    driver,
    guard,
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
      void close().then(() => ending.resolve(code));
    },
  });

  for (const record of records) if (record.type === "accept") outputs.add(record.key, record.template.env);
  const recovered = await recover(driver, guard, records, boot);
  for (const { key, found } of recovered.attempts) if (found.is === "ended") found.exit = await finish(key, found.exit);
  const swept = await driver.sweep(new Set(start.state.attempts.keys()));
  if (swept.length > 0) log("warn", `ended and removed, because the journal does not know them: ${swept.join(", ")}`);

  driver.warmUp();

  const fingerprint = new Fingerprint(machine, offerOf(options), {
    look: async (before) => readMachine(tasks, (await recountGpus(process.env)) ?? before.gpus),
    build: (found, offer) => buildInventory(found, offer, identity.node, VERSION),
    busy: () => driver.running().size > 0,
    changed: (changed) => {
      log("info", "what this node has or accepts is not what it was; telling the broker");
      host.dispatch({ type: "inventory", inventory: changed });
    },
  });
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
  const endpoints = options.listen && serveEndpoints(options.listen, () => statusOf(), log);
  const wake = new WakeSocket({
    open: (headers) =>
      transport.request({ method: "GET", path: "/agent/v1/wake", headers: { ...broker.headers(), ...headers } }),
    called: () => host.dispatch({ type: "wake" }),
    changed: (open) => host.dispatch({ type: "wake-socket", open }),
    random: Math.random,
    log,
  });
  const close = async () => {
    notifier.stopping();
    fingerprint.stop();
    host.stop();
    uploads.close();
    wake.close();
    await driver.close();
    server.close();
    endpoints?.close();
    transport.close();
    journal.close();
  };
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
      isolation: opened instanceof Cgroups ? "cgroup" : `process group only: ${opened.missing}`,
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
      await close();
      if (driver.running().size === 0) {
        await guardSeen;
        await guard.end();
        rmSync(run, { recursive: true, force: true });
        await until(() => cgroups?.removeAll() ?? true, LEFTOVERS_MS);
      }
    } else await close();
    ending.resolve(EXIT.ok);
  };

  host.start(recovered);
  const guardSeen = guard.ready().then((alive) => {
    if (!alive) log("error", "the guard does not come up: no task will be started");
    host.dispatch({ type: "guard", alive });
  });
  if (options.wake) wake.start();
  fingerprint.start();
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
      if (!fingerprint.offer(offerOf(changed)))
        log("info", "nothing of what the broker knows of this node has changed");
    },
    status: statusOf,
  };
}

/** Those that work on this machine now; of one that was asked for by name it is said why not. */
async function workingDrivers(
  all: ReadonlyMap<DriverName, Driver>,
  named: readonly DriverName[] | null,
  log: Log,
): Promise<DriverName[]> {
  const working: DriverName[] = [];
  for (const [name, driver] of all) {
    const { healthy, detail } = await driver.probe();
    if (healthy) {
      working.push(name);
      log("info", `driver ${name}: ${detail}`);
    } else if (named?.includes(name)) log("warn", `driver ${name} does not work here: ${detail}`);
  }
  return working;
}

/** By key, with what each attempt was started. */
const driversOf = (records: readonly JournalRecord[]): [string, DriverName][] =>
  records.flatMap((record) => (record.type === "accept" ? [[record.key, record.template.driver]] : []));

/** What became of every attempt that the journal knows and that has no end in it. */
async function recover(
  driver: Drivers,
  guard: Guard,
  records: readonly JournalRecord[],
  boot: string,
): Promise<Extract<AgentEvent, { type: "recovered" }>> {
  const open = new Map<string, { boot: string }>();
  for (const record of records) {
    if (record.type === "accept") open.set(record.key, record);
    else if (record.type !== "session") open.delete(record.key);
  }
  const attempts: Extract<AgentEvent, { type: "recovered" }>["attempts"] = [];
  for (const [key, accepted] of open) {
    const entry = guard.entries.get(key);
    attempts.push({
      key,
      found: accepted.boot === boot ? await driver.recover(key) : { is: "other-boot" },
      deadlineMs: entry ? entry.killAtMs + KILL_MARGIN_MS : null,
    });
  }
  return { type: "recovered", attempts };
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
