/**
 * A driver whose tasks find in their folder what their job wants fetched. It fetches beside the attempts' folders, so
 * until the driver behind it starts an attempt nothing of it is there: an agent that dies meanwhile leaves one that was
 * never started, and a folder that the next agent removes.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Attempt, Exit, Found } from "../../core/types.ts";
import { uptimeMs } from "../clock.ts";
import type { Driver, DriverEvents, DriverHealth } from "../driver.ts";
import { messageOf } from "../files.ts";
import type { Log } from "../log.ts";
import { emptyEnd } from "../process/output.ts";
import type { User } from "../process/user.ts";
import { randomBytes } from "../random.ts";
import type { FetchOptions } from "./fetch.ts";

const PREFIX = "fetch-";
const CLOSED_MODE = 0o700;

export interface FetchingOptions extends DriverEvents {
  tasks: string;
  user: User;
  fetch: FetchOptions;
  log: Log;
}

interface Fetching {
  stopping: AbortController;
  /** as it was last asked for */
  graceMs: number;
}

export class FetchingDriver implements Driver {
  readonly #driver: Driver;
  readonly #options: FetchingOptions;
  /** by key */
  readonly #fetches = new Map<string, Fetching>();
  /** fetches, and the clearing away behind them */
  readonly #works = new Set<Promise<void>>();
  #closed = false;

  constructor(driver: Driver, options: FetchingOptions) {
    this.#driver = driver;
    this.#options = options;
  }

  start(attempt: Attempt): void {
    const { key, template } = attempt;
    // what an earlier version journaled has none
    if ((template.uris ?? []).length === 0) this.#driver.start(attempt);
    else if (!this.#fetches.has(key) && !this.#driver.running().has(key)) this.#fetch(attempt);
  }

  #fetch(attempt: Attempt): void {
    const stopping = new AbortController();
    const fetching: Fetching = { stopping, graceMs: Number.POSITIVE_INFINITY };
    this.#fetches.set(attempt.key, fetching);
    const work = this.#begin(attempt, fetching).finally(() => this.#works.delete(work));
    this.#works.add(work);
  }

  async #begin(attempt: Attempt, fetching: Fetching): Promise<void> {
    const { signal } = fetching.stopping;
    const { key, template } = attempt;
    const folder = join(this.#options.tasks, `${PREFIX}${randomBytes(6).toString("hex")}`);
    let tell = () => {};
    try {
      const found = await this.#find(key);
      if (found.is !== "never-started") tell = () => this.#tell(key, found, fetching);
      else {
        const { fetchAll } = await import("./fetch.ts");
        mkdirSync(folder, CLOSED_MODE);
        chmodSync(folder, CLOSED_MODE);
        const work = await fetchAll(
          template.uris,
          { ...this.#options.fetch, folder, user: this.#options.user },
          signal,
        );
        signal.throwIfAborted();
        // nothing else may happen between this look and the start
        this.#start(attempt, work);
      }
    } catch (error) {
      tell = signal.aborted
        ? () => this.#options.exited(key, { ...neverRan(), signal: "SIGTERM" })
        : () => this.#options.startFailed(key, messageOf(error));
    }
    this.#fetches.delete(key);
    if (!this.#closed) tell();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) =>
      this.#options.log("warn", `${folder} stays until the next start: ${messageOf(error)}`),
    );
  }

  #start(attempt: Attempt, work: string): void {
    const { key } = attempt;
    this.#fetches.delete(key);
    const { deadlineOf } = this.#options;
    // while it was fetched its time may have been renewed, or have run out
    const deadlineMs = deadlineOf ? deadlineOf(attempt) : attempt.deadlineMs;
    if (deadlineMs !== null && uptimeMs() >= deadlineMs) this.#options.exited(key, { ...neverRan(), byGuard: true });
    else this.#driver.start({ ...attempt, deadlineMs }, work);
  }

  /** Where its folder is there already it was started, by an agent before us or by a call before this one. */
  async #find(key: string): Promise<Found> {
    return existsSync(join(this.#options.tasks, key)) ? this.#driver.recover(key) : { is: "never-started" };
  }

  #tell(key: string, found: Found, { stopping, graceMs }: Fetching): void {
    const { started, startFailed, exited } = this.#options;
    if (found.is === "other-boot") startFailed(key, "it ran in an earlier boot of this machine");
    else started(key);
    if (found.is === "running") {
      this.#driver.watch(key);
      if (stopping.signal.aborted) this.#driver.stop(key, graceMs);
    }
    if (found.is === "ended") exited(key, found.exit);
  }

  stop(key: string, graceMs: number): void {
    const fetch = this.#fetches.get(key);
    if (fetch) {
      fetch.graceMs = Math.min(fetch.graceMs, graceMs);
      fetch.stopping.abort(new Error("stopped"));
    } else this.#driver.stop(key, graceMs);
  }

  /** What is being fetched has no process yet. */
  running(): ReadonlyMap<string, number> {
    const fetched = [...this.#fetches.keys()].map((key): [string, number] => [key, 0]);
    return new Map([...fetched, ...this.#driver.running()]);
  }

  async sweep(known: ReadonlySet<string>): Promise<string[]> {
    const left =
      this.#fetches.size === 0 ? readdirSync(this.#options.tasks).filter((name) => name.startsWith(PREFIX)) : [];
    for (const name of left) await rm(join(this.#options.tasks, name), { recursive: true, force: true, maxRetries: 3 });
    return this.#driver.sweep(known);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { stopping } of this.#fetches.values()) stopping.abort(new Error("the agent ends"));
    await Promise.all(this.#works);
    await this.#driver.close();
  }

  probe(): Promise<DriverHealth> {
    return this.#driver.probe();
  }
  warmUp(): void {
    this.#driver.warmUp();
  }
  recover(key: string): Promise<Found> {
    return this.#driver.recover(key);
  }
  watch(key: string): void {
    this.#driver.watch(key);
  }
  remove(key: string): Promise<void> {
    return this.#driver.remove(key);
  }
}

const neverRan = (): Exit => ({ code: null, signal: null, ranMs: 0, stdout: emptyEnd(), stderr: emptyEnd() });
