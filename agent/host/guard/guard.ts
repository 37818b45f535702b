/** The agent's side of the guard: keeps one alive, sees that it is, and tells it the deadlines. */
import { spawn } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { crc32 } from "#agent/crc32";
import type { Deadline } from "../../core/types.ts";
import { uptimeMs } from "../clock.ts";
import { hasCode, messageOf, PRIVATE_FILE_MODE, readIfThere } from "../files.ts";
import type { Log } from "../log.ts";
import { type Cgroups, GUARD_CGROUP } from "../process/cgroups.ts";
import { isAlive } from "../procfs.ts";
import { type Beat, isFresh, mayStartAnother, parseBeat, START_MS } from "./beat.ts";
import { deadlinesText, type Entries, entriesOf, mustWrite, parseDeadlines } from "./deadlines.ts";
import { BEAT_FILE, DEADLINES_FILE, GUARD_SCRIPT } from "./script.ts";

const END_MS = 1000;
/** Another version of the script is replaced. */
const VERSION = crc32(GUARD_SCRIPT).toString(16);

export interface GuardOptions {
  /** on a file system that does not outlive the boot */
  run: string;
  tasks: string;
  cgroups: Cgroups | null;
  /** of the tasks */
  uid: number;
  boot: string;
  log: Log;
}

export class Guard {
  readonly #options: GuardOptions;
  readonly #agent: { pid: number; seenMs: number; boot: string };
  #stored: Entries;
  #beat: Beat | null = null;
  #startedAtMs = Number.NEGATIVE_INFINITY;

  /** @throws when the deadlines file can't be written */
  constructor(options: GuardOptions) {
    this.#options = options;
    this.#agent = { pid: process.pid, seenMs: uptimeMs(), boot: options.boot };
    this.#stored = parseDeadlines(readIfThere(this.#path(DEADLINES_FILE)) ?? "", options.boot);
    this.#write(this.#stored);
  }

  #path(file: string): string {
    return join(this.#options.run, file);
  }

  /** What the file said when this agent started, and says now. */
  get entries(): Entries {
    return this.#stored;
  }

  get beat(): Beat | null {
    return this.#beat;
  }

  /** Before any start. @throws when it can't be written: then nothing may start */
  setDeadlines(deadlines: readonly Deadline[]): void {
    if (mustWrite(this.#stored, deadlines)) this.#write(entriesOf(deadlines));
  }

  #write(entries: Entries): void {
    const path = this.#path(DEADLINES_FILE);
    writeFileSync(`${path}.new`, deadlinesText(this.#agent, entries), { mode: PRIVATE_FILE_MODE });
    renameSync(`${path}.new`, path);
    this.#stored = entries;
  }

  /** Sees whether it lives, and starts one if not. @returns whether one is seen alive now */
  check(): boolean {
    const nowMs = uptimeMs();
    if (this.#lives(nowMs)) return true;
    if (mayStartAnother(this.#startedAtMs, nowMs)) this.#start(nowMs);
    return false;
  }

  #lives(nowMs: number): boolean {
    const beat = this.#readBeat();
    return isFresh(beat, VERSION, nowMs) && isAlive(beat.pid, beat.atMs);
  }

  /** The agent goes and what it ran lives on: with a guard, however short ago one was started. Of two the newer stays. */
  leave(): void {
    const nowMs = uptimeMs();
    if (!this.#lives(nowMs)) this.#start(nowMs);
  }

  /** A beat that is being written reads as nothing; the last one stands. */
  #readBeat(): Beat | null {
    this.#beat = parseBeat(readIfThere(this.#path(BEAT_FILE)) ?? "") ?? this.#beat;
    return this.#beat;
  }

  /** Waits until one is seen alive. @returns false when none came up in time */
  async ready(): Promise<boolean> {
    const endMs = uptimeMs() + START_MS;
    while (uptimeMs() < endMs) {
      if (this.check()) return true;
      await sleep(10);
    }
    return false;
  }

  #start(nowMs: number): void {
    this.#startedAtMs = nowMs;
    this.#killOld();
    const { run, tasks, cgroups, uid, log } = this.#options;
    try {
      if (cgroups) mkdirSync(cgroups.path(GUARD_CGROUP), { recursive: true });
      const guard = spawn(
        "/bin/sh",
        ["-c", GUARD_SCRIPT, "hansa-guard", run, tasks, cgroups?.base ?? "", String(uid), VERSION],
        { cwd: "/", env: { PATH: process.env.PATH ?? "/usr/bin:/bin" }, detached: true, stdio: "ignore" },
      );
      guard.on("error", (error) => log("error", `the guard can't be started: ${error.message}`));
      guard.unref();
      if (guard.pid !== undefined) protect(guard.pid);
    } catch (error) {
      log("error", `the guard can't be started: ${messageOf(error)}`);
    }
  }

  #killOld(): void {
    const beat = this.#beat;
    if (beat === null || !isAlive(beat.pid, beat.atMs)) return;
    try {
      // it leads a group: the sleep that it waits by goes with it
      process.kill(-beat.pid, "SIGKILL");
    } catch (error) {
      if (!hasCode(error, "ESRCH")) throw error;
    }
  }

  /** Nothing is left to watch over: ends it, and waits until it is gone. */
  async end(): Promise<void> {
    const beat = this.#readBeat();
    const endMs = uptimeMs() + END_MS;
    while (beat !== null && isAlive(beat.pid, beat.atMs) && uptimeMs() < endMs) {
      this.#killOld();
      await sleep(5);
    }
  }
}

/** The last to go when memory runs out, where we may say so. */
function protect(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, "-900");
  } catch {
    // without the right to, it stands in line like everyone
  }
}
