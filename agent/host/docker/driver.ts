/**
 * The docker driver: an attempt is a container of the machine's daemon, made, started, watched and ended over its API.
 * Its name is made of the attempt's key, so that it can be made once only; it is never started twice, because nobody
 * starts what is not seen to be "created" by this very call; and after its gate is closed it never starts at all.
 */
import { appendFileSync, closeSync, existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Attempt, Exit, Found } from "../../core/types.ts";
import { uptimeMs } from "../clock.ts";
import type { Driver, DriverEvents, DriverHealth } from "../driver.ts";
import { messageOf } from "../files.ts";
import type { Log } from "../log.ts";
import type { Place } from "../process/environment.ts";
import { createFolder, endedByGuard, readRun, removeFolder } from "../process/folder.ts";
import type { LimitOptions } from "../process/limits.ts";
import { emptyEnd, measure } from "../process/output.ts";
import { CONTAINER_LINE, startLine } from "../process/runFile.ts";
import { RUN_FILE, WORK_FOLDER } from "../process/shim.ts";
import type { User } from "../process/user.ts";
import { isAlive } from "../procfs.ts";
import { DockerApi, DockerError } from "./api.ts";
import { Containers, lacksInit } from "./containers.ts";
import { examineDaemon } from "./daemon.ts";
import { closeGate } from "./gate.ts";
import { ensureImage } from "./image.ts";
import { endedForMemory, readKernelLog } from "./kernelLog.ts";
import { copyOutput } from "./output.ts";
import type { Socket } from "./socket.ts";
import { containerName, createBody, LABELS, type SpecOptions } from "./spec.ts";
import { exitOf, type Inspected } from "./state.ts";
import { type AllowedVolume, mountsOf } from "./volumes.ts";

/** A daemon that does not answer is asked again this often. */
const ASK_AGAIN_MS = 1000;
/** How long a start waits for a daemon that is away: a task that failed for it would be back at once. */
const AWAY_MS = 60_000;
/** How long an agent that starts waits for the daemon's word on a container. */
const RECOVER_MS = 10_000;
/** The same of one that was silent just now, about the next container. */
const RECOVER_AGAIN_MS = 500;
/** A daemon may hang while it is waited for, so it is asked anew. */
const WAIT_MS = 60_000;
/** SIGKILL is repeated this often. */
const KILL_AGAIN_MS = 1000;
/** How long after the end of the container a daemon that follows its output is waited for. Podman's may never end. */
const FOLLOW_ON_MS = 1000;
/** How long the rest of the output may take, which is read then. */
const OUTPUT_MS = 30_000;
/** A daemon that is silent for so long will not tell any more how a dead process ended. */
const GONE_MS = 600_000;

export interface DockerOptions extends DriverEvents {
  /** where the daemon is now: it may come later than the agent */
  socket: () => Socket;
  tasks: string;
  /** names the data folder */
  data: string;
  boot: string;
  place: Place;
  user: User;
  hidesGpus: boolean;
  nvidia: boolean;
  limits: LimitOptions;
  volumes: readonly AllowedVolume[];
  log: Log;
  /** for tests: how long one question waits for its answer */
  askMs?: number;
  goneMs?: number;
}

interface Live {
  key: string;
  name: string;
  pid: number;
  /** the daemon was seen to run it */
  runs: boolean;
  watched: boolean;
  killAtMs: number;
  killTimer: NodeJS.Timeout | null;
  /** on its way */
  signalling: "SIGTERM" | "SIGKILL" | null;
  /** stops what goes on before it runs: a pull */
  prelude: AbortController;
}

export class DockerDriver implements Driver {
  readonly #options: DockerOptions;
  readonly #api: DockerApi;
  readonly #containers: Containers;
  readonly #live = new Map<string, Live>();
  readonly #closing = new AbortController();
  #rootless = false;
  #patienceMs: number;
  /** until the daemon says that it has none */
  #init = true;

  constructor(options: DockerOptions) {
    this.#options = options;
    this.#patienceMs = options.askMs ?? RECOVER_MS;
    const socket = options.socket();
    this.#api = new DockerApi("path" in socket ? socket.path : "/nowhere");
    this.#containers = new Containers(this.#api);
  }

  #folder(key: string): string {
    return join(this.#options.tasks, key);
  }
  #name(key: string): string {
    return containerName(this.#options.data, key);
  }

  async probe(): Promise<DriverHealth> {
    const { limits } = this.#options;
    const socket = this.#options.socket();
    if ("path" in socket) this.#api.socketPath = socket.path;
    const { rootless, ...health } = await examineDaemon(socket, limits);
    this.#rootless = rootless;
    return health;
  }

  /** Nothing of it can be had ahead of time. */
  warmUp(): void {}

  running(): Map<string, number> {
    return new Map([...this.#live].map(([key, { pid }]) => [key, pid]));
  }

  start(attempt: Attempt, work?: string): void {
    const { key } = attempt;
    if (this.#live.has(key)) return;
    const live = this.#add(key);
    void this.#begin(live, attempt, work).catch((error: unknown) => {
      if (!this.#closing.signal.aborted) this.#failed(live, messageOf(error), isNodeFault(error));
    });
  }

  #add(key: string): Live {
    const live: Live = {
      ...{ key, name: this.#name(key), pid: 0, runs: false, watched: false },
      ...{ killAtMs: Number.POSITIVE_INFINITY, killTimer: null, signalling: null, prelude: new AbortController() },
    };
    this.#live.set(key, live);
    return live;
  }

  #drop(live: Live): void {
    if (live.killTimer) clearTimeout(live.killTimer);
    this.#live.delete(live.key);
  }

  #failed(live: Live, message: string, nodeFault: boolean): void {
    this.#drop(live);
    this.#options.startFailed(live.key, message, nodeFault);
  }

  #tellEnd(live: Live, exit: Exit): void {
    this.#drop(live);
    this.#options.exited(live.key, exit);
  }

  async #begin(live: Live, attempt: Attempt, work?: string): Promise<void> {
    const { key, template } = attempt;
    if (existsSync(this.#folder(key))) return this.#adopt(live, attempt, work);
    this.#makeFolder(key, work);
    // what it may not have is told before anything is waited for
    this.#body(attempt);
    await this.#awaitDaemon(live);
    try {
      await ensureImage(
        this.#api,
        template.image ?? "",
        template.container?.forcePull ?? false,
        live.prelude.signal,
        this.#options.log,
      );
    } catch (error) {
      if (!live.prelude.signal.aborted) throw error;
    }
    if (!live.prelude.signal.aborted) await this.#create(attempt);
    this.#closing.signal.throwIfAborted();
    // the last look before the one call that can't be taken back
    if (live.prelude.signal.aborted) return this.#tellEnd(live, { ...neverRan(), signal: "SIGTERM" });
    const deadlineMs = this.#deadlineOf(attempt);
    if (deadlineMs !== null && uptimeMs() >= deadlineMs) return this.#tellEnd(live, { ...neverRan(), byGuard: true });
    try {
      await this.#containers.start(live.name);
    } catch (error) {
      closeGate(this.#folder(key));
      const inspected = await this.#inspectSurely(live);
      if (inspected === null || inspected.stage === "created") throw error;
    }
    await this.#runs(live, await this.#inspectSurely(live));
    this.#options.started(key);
    // asked for while it was starting
    if (live.killTimer) this.#signal(live, "SIGTERM");
    this.watch(key);
  }

  /** Pulling may have taken longer than its time was at first. */
  #deadlineOf(attempt: Attempt): number | null {
    const { deadlineOf } = this.#options;
    return deadlineOf ? deadlineOf(attempt) : attempt.deadlineMs;
  }

  /** @throws when it stays away */
  async #awaitDaemon(live: Live): Promise<void> {
    const startedMs = performance.now();
    const signal = live.prelude.signal;
    while (!signal.aborted) {
      try {
        await this.#containers.inspect(live.name);
        return;
      } catch (error) {
        if (performance.now() - startedMs > AWAY_MS) throw error;
        await sleep(ASK_AGAIN_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  #makeFolder(key: string, work?: string): void {
    const folder = this.#folder(key);
    const opened: number[] = [];
    try {
      createFolder(folder, this.#options.user, opened);
      writeFileSync(join(folder, RUN_FILE), CONTAINER_LINE);
      if (work !== undefined) renameSync(work, join(folder, WORK_FOLDER));
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  }

  async #create(attempt: Attempt): Promise<void> {
    const name = this.#name(attempt.key);
    const body = this.#body(attempt);
    try {
      if (await this.#containers.create(name, body)) return;
    } catch (error) {
      if (!this.#init || !lacksInit(error)) throw error;
      this.#init = false;
      return this.#create(attempt);
    }
    // made by a call before this one, whose folder was removed since: it has not run, or this would be a second time
    const inspected = await this.#containers.inspect(name);
    if (inspected !== null && (inspected.labels[LABELS.key] !== attempt.key || inspected.stage !== "created"))
      throw new Error(`there is a container ${name} already, and it has run`);
    await this.#containers.remove(name);
    if (!(await this.#containers.create(name, body))) throw new Error(`there is a container ${name} already`);
  }

  /** @throws when it may not be as its job wants it */
  #body(attempt: Attempt): Record<string, unknown> {
    const { user, volumes } = this.#options;
    const mounts = mountsOf(attempt.template.container?.volumes ?? [], volumes, user);
    return createBody(attempt, join(this.#folder(attempt.key), WORK_FOLDER), mounts, this.#spec());
  }

  #spec(): SpecOptions {
    const { data, boot, place, user, hidesGpus, nvidia, limits } = this.#options;
    return { data, boot, place, user, hidesGpus, nvidia, limits, rootless: this.#rootless, init: this.#init };
  }

  /** Its folder is there: it was started by an agent before us, or by a call before this one. */
  async #adopt(live: Live, attempt: Attempt, work?: string): Promise<void> {
    const { key } = attempt;
    const found = await this.recover(key);
    switch (found.is) {
      case "never-started":
        if (work === undefined) await this.#begin(live, attempt);
        else this.#failed(live, "there was a folder of it already, and it had not started", false);
        return;
      case "running":
        this.#options.started(key);
        this.watch(key);
        return;
      case "ended":
        this.#options.started(key);
        this.#tellEnd(live, found.exit);
        return;
      case "other-boot":
        this.#failed(live, "it ran in an earlier boot of this machine", false);
    }
  }

  /** Has the guard know its first process. */
  async #runs(live: Live, inspected: Inspected | null): Promise<void> {
    live.runs = true;
    live.pid = inspected?.pid ?? 0;
    if (live.pid > 0 && !readRun(this.#folder(live.key))?.start)
      appendFileSync(join(this.#folder(live.key), RUN_FILE), startLine(live.pid, uptimeMs(), this.#options.boot));
  }

  async recover(key: string): Promise<Found> {
    const folder = this.#folder(key);
    const name = this.#name(key);
    const start = readRun(folder)?.start ?? null;
    const seen = await this.#look(name);
    // with the gate closed the daemon's next word stands
    if (start === null && (seen === "silent" || seen?.stage === "created")) closeGate(folder);
    const inspected = seen === "silent" || seen?.stage !== "created" ? seen : await this.#look(name);
    if (inspected === "silent") {
      // what became of it is told by `watch` when the daemon answers; until then its deadline stands
      const live = this.#live.get(key) ?? this.#add(key);
      if (start && isAlive(start.pid, start.upMs)) live.pid = start.pid;
      live.runs = true;
      return { is: "running", ...(start && { startedAtMs: start.upMs }) };
    }
    if (inspected === null) {
      if (start !== null) return { is: "ended", exit: await this.#vanished(key) };
      return this.#neverStarted(key);
    }
    if (inspected.labels[LABELS.boot] !== this.#options.boot) return { is: "other-boot" };
    switch (inspected.stage) {
      case "created":
        return this.#neverStarted(key);
      case "running": {
        await this.#runs(this.#live.get(key) ?? this.#add(key), inspected);
        return { is: "running", startedAtMs: start?.upMs ?? uptimeMs() };
      }
      case "ended":
        return { is: "ended", exit: await this.#describe(key, inspected) };
    }
  }

  async #look(name: string): Promise<Inspected | null | "silent"> {
    try {
      const inspected = await this.#containers.inspect(name, this.#patienceMs);
      this.#patienceMs = this.#options.askMs ?? RECOVER_MS;
      return inspected;
    } catch (error) {
      this.#patienceMs = RECOVER_AGAIN_MS;
      this.#options.log("warn", `${name}: ${messageOf(error)}`);
      return "silent";
    }
  }

  async #neverStarted(key: string): Promise<Found> {
    await this.remove(key);
    return { is: "never-started" };
  }

  /** Asks until there is an answer, or nothing to ask about. @throws only when this driver is closed */
  async #inspectSurely(live: Live): Promise<Inspected | null> {
    const startedMs = performance.now();
    for (;;) {
      try {
        return await this.#containers.inspect(live.name, this.#options.askMs);
      } catch {
        const silentMs = performance.now() - startedMs;
        const start = readRun(this.#folder(live.key))?.start;
        if (silentMs > (this.#options.goneMs ?? GONE_MS) && start && !isAlive(start.pid, start.upMs)) return null;
        await sleep(ASK_AGAIN_MS, undefined, { signal: this.#closing.signal });
      }
    }
  }

  watch(key: string): void {
    const live = this.#live.get(key);
    if (!live || live.watched) return;
    live.watched = true;
    void this.#watch(live).catch((error: unknown) => {
      if (!this.#closing.signal.aborted) this.#options.log("error", `${key}: ${messageOf(error)}`);
    });
  }

  async #watch(live: Live): Promise<void> {
    const following = new AbortController();
    const signal = AbortSignal.any([following.signal, this.#closing.signal]);
    const followed = this.#follow(live, signal);
    const inspected = await this.#waitForEnd(live);
    const late = setTimeout(() => following.abort(), FOLLOW_ON_MS);
    await followed;
    clearTimeout(late);
    this.#closing.signal.throwIfAborted();
    const exit = inspected === null ? await this.#vanished(live.key) : await this.#describe(live.key, inspected);
    this.#tellEnd(live, exit);
  }

  /** Until the output ends with the container. A daemon that goes away and comes back is followed on. */
  async #follow(live: Live, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        return await copyOutput(this.#api, live.name, this.#folder(live.key), true, signal);
      } catch (error) {
        if (signal.aborted || (error instanceof DockerError && error.status === 404)) return;
        await sleep(ASK_AGAIN_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** @returns null when it is not there any more */
  async #waitForEnd(live: Live): Promise<Inspected | null> {
    for (;;) {
      try {
        await this.#containers.wait(live.name, this.#options.askMs ?? WAIT_MS, this.#closing.signal);
      } catch {
        this.#closing.signal.throwIfAborted();
        await sleep(ASK_AGAIN_MS, undefined, { signal: this.#closing.signal });
      }
      const inspected = await this.#inspectSurely(live);
      if (inspected?.stage !== "running") return inspected;
      if (live.pid === 0) await this.#runs(live, inspected);
    }
  }

  stop(key: string, graceMs: number): void {
    const live = this.#live.get(key);
    if (!live) return;
    const killAtMs = performance.now() + graceMs;
    if (killAtMs >= live.killAtMs) return;
    if (live.killTimer) clearTimeout(live.killTimer);
    live.killAtMs = killAtMs;
    live.killTimer = setTimeout(() => this.#kill(live), graceMs);
    if (live.runs) this.#signal(live, "SIGTERM");
    else live.prelude.abort();
  }

  #signal(live: Live, signal: "SIGTERM" | "SIGKILL"): void {
    if (live.signalling === signal) return;
    live.signalling = signal;
    this.#containers
      .kill(live.name, signal)
      .catch((error: unknown) => {
        if (this.#closing.signal.aborted || !this.#live.has(live.key)) return;
        this.#options.log("warn", `${live.key}: ${signal} does not get through: ${messageOf(error)}`);
        this.#signalProcess(live.key, signal);
      })
      .finally(() => {
        if (live.signalling === signal) live.signalling = null;
      });
  }

  /** Past a daemon that is silent: the container ends with its first process, which its run file names. */
  #signalProcess(key: string, signal: "SIGTERM" | "SIGKILL"): void {
    const start = readRun(this.#folder(key))?.start;
    if (!start || start.pid <= 1 || start.boot !== this.#options.boot || !isAlive(start.pid, start.upMs)) return;
    try {
      process.kill(start.pid, signal);
    } catch (error) {
      this.#options.log("warn", `${key}: nor to process ${start.pid}: ${messageOf(error)}`);
    }
  }

  #kill(live: Live): void {
    if (!this.#live.has(live.key)) return;
    if (live.runs) this.#signal(live, "SIGKILL");
    live.killTimer = setTimeout(() => this.#kill(live), KILL_AGAIN_MS);
  }

  /** Of one that is over. An end is told whatever the disk or the daemon says. */
  async #describe(key: string, inspected: Inspected): Promise<Exit> {
    const folder = this.#folder(key);
    try {
      await copyOutput(this.#api, inspected.id, folder, false, AbortSignal.timeout(OUTPUT_MS));
    } catch (error) {
      this.#options.log("warn", `${key}: its output may lack its end: ${messageOf(error)}`);
    }
    if (inspected.stage === "created") return { ...neverRan(), vanished: true };
    const isLimited = inspected.memoryBytes > 0 && !inspected.oomKilled;
    const exit = exitOf(inspected, {
      guard: endedByGuard(folder),
      kernelForMemory: isLimited && endedForMemory(readKernelLog(), inspected.id),
    });
    return { ...exit, ...(inspected.ranMs !== null && { ranMs: inspected.ranMs }), ...(await this.#output(key)) };
  }

  async #vanished(key: string): Promise<Exit> {
    const byGuard = endedByGuard(this.#folder(key)) && { byGuard: true };
    return { code: null, signal: null, vanished: true, ...byGuard, ...(await this.#output(key)) };
  }

  async #output(key: string): Promise<Pick<Exit, "stdout" | "stderr">> {
    try {
      const [stdout, stderr] = await Promise.all(
        ["stdout", "stderr"].map((stream) => measure(join(this.#folder(key), stream))),
      );
      return { stdout: stdout ?? emptyEnd(), stderr: stderr ?? emptyEnd() };
    } catch (error) {
      this.#options.log("error", `${key}: can't read its output: ${messageOf(error)}`);
      return { stdout: emptyEnd(), stderr: emptyEnd() };
    }
  }

  async remove(key: string): Promise<void> {
    try {
      await this.#containers.remove(this.#name(key));
    } catch (error) {
      this.#options.log("warn", `${key}: its container stays until the next start: ${messageOf(error)}`);
    }
    try {
      await removeFolder(this.#folder(key));
    } catch (error) {
      this.#options.log("warn", `${key}: can't remove its folder: ${messageOf(error)}`);
    }
  }

  async sweep(known: ReadonlySet<string>): Promise<string[]> {
    if ("missing" in this.#options.socket()) return [];
    try {
      const strangers = (await this.#containers.list(this.#options.data)).filter(({ key }) => !known.has(key));
      for (const { id, key } of strangers) {
        await this.#containers.remove(id);
        if (/^[^/]+@\d+$/.test(key)) rmSync(this.#folder(key), { recursive: true, force: true });
      }
      return strangers.map(({ key }) => key);
    } catch (error) {
      this.#options.log("info", `containers are not swept: ${messageOf(error)}`);
      return [];
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const { killTimer, prelude } of this.#live.values()) {
      if (killTimer) clearTimeout(killTimer);
      prelude.abort();
    }
  }
}

const neverRan = (): Exit => ({ code: null, signal: null, ranMs: 0, stdout: emptyEnd(), stderr: emptyEnd() });

/** The daemon is away: another node may do better. */
const isNodeFault = (error: unknown): boolean => error instanceof DockerError && error.status === null;
