/**
 * What runs attempts: one interface for every driver, and the one that hands each attempt to the driver that its job
 * asks for. Whatever the driver, an attempt has a folder `TASK@EPOCH` below the tasks folder with `stdout` and `stderr`
 * in it, starting is create-or-adopt by key, and the guard can end it without the agent.
 */
import type { DriverName } from "../../src/model/driver.ts";
import type { Attempt, Exit, Found } from "../core/types.ts";

export interface Driver {
  /** Whether it works on this machine now, and what it can limit. */
  probe(): Promise<DriverHealth>;
  /** Makes ready for the first start; after `sweep`. */
  warmUp(): void;
  /**
   * Starts it, or adopts what a call before this one started; told by `started`, `startFailed`, `exited`.
   *
   * @param work a folder of the tasks' user, to be its own; taken before this returns. Without: a new one
   */
  start(attempt: Attempt, work?: string): void;
  /** What became of an attempt that this agent did not start. After `never-started` it never will. */
  recover(key: string): Promise<Found>;
  /** From now on `exited` is told of an attempt that `recover` found running. */
  watch(key: string): void;
  /** TERM to every process of it, KILL after the grace. A second call can only shorten the grace. */
  stop(key: string, graceMs: number): void;
  /** Removes what is left of an attempt that is over; again does nothing. */
  remove(key: string): Promise<void>;
  /** By key what runs now, with the pid of its first process. */
  running(): ReadonlyMap<string, number>;
  /** Ends and removes what is its own and not named: left by an agent that lost its journal. @returns their keys */
  sweep(known: ReadonlySet<string>): Promise<string[]>;
  /** Attempts live on. */
  close(): Promise<void>;
}

export interface DriverHealth {
  healthy: boolean;
  /** its version, or why it does not work and what would help */
  detail: string;
  /** resources that a task can't take more of than it asked for */
  limits: readonly ("cpus" | "mem" | "pids")[];
}

export interface DriverEvents {
  started(key: string): void;
  /** @param nodeFault the task is not to blame */
  startFailed(key: string, message: string, nodeFault?: boolean): void;
  exited(key: string, exit: Exit): void;
  /** boot-time ms when it must be dead, as that is now; without it: as it was at its start */
  deadlineOf?(attempt: Attempt): number | null;
}

export class Drivers implements Omit<Driver, "probe"> {
  readonly #drivers: ReadonlyMap<DriverName, Driver>;
  readonly #events: DriverEvents;
  /** by key */
  readonly #used: Map<string, DriverName>;

  /** @param used by key, the drivers of attempts that an agent before this one started */
  constructor(
    drivers: ReadonlyMap<DriverName, Driver>,
    events: DriverEvents,
    used: Iterable<readonly [string, DriverName]>,
  ) {
    this.#drivers = drivers;
    this.#events = events;
    this.#used = new Map(used);
  }

  #of(key: string): Driver | undefined {
    const name = this.#used.get(key);
    return name && this.#drivers.get(name);
  }

  warmUp(): void {
    for (const driver of this.#drivers.values()) driver.warmUp();
  }

  start(attempt: Attempt): void {
    const { key, template } = attempt;
    this.#used.set(key, template.driver);
    const driver = this.#of(key);
    if (driver) driver.start(attempt);
    else this.#events.startFailed(key, `this node has no driver ${template.driver}`);
  }

  async recover(key: string): Promise<Found> {
    const gone = { size: 0, crc32: 0, dropped: 0 };
    const vanished = { code: null, signal: null, vanished: true, stdout: gone, stderr: gone };
    return this.#of(key)?.recover(key) ?? { is: "ended", exit: vanished };
  }

  watch(key: string): void {
    this.#of(key)?.watch(key);
  }
  stop(key: string, graceMs: number): void {
    this.#of(key)?.stop(key, graceMs);
  }

  async remove(key: string): Promise<void> {
    await this.#of(key)?.remove(key);
    this.#used.delete(key);
  }

  running(): ReadonlyMap<string, number> {
    return new Map([...this.#drivers.values()].flatMap((driver) => [...driver.running()]));
  }

  async sweep(known: ReadonlySet<string>): Promise<string[]> {
    const swept: string[] = [];
    for (const driver of this.#drivers.values()) swept.push(...(await driver.sweep(known)));
    return swept;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#drivers.values()].map((driver) => driver.close()));
  }
}
