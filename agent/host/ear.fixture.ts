/** What a driver tells, as a queue that a test can wait on. */
import type { Exit } from "../core/types.ts";
import type { DriverEvents } from "./driver.ts";

export type Told = { started: string } | { failed: string } | { exited: string; exit: Exit };

export class Ear implements DriverEvents {
  readonly #told: Told[] = [];
  #wake: () => void = () => {};
  #tell(told: Told): void {
    this.#told.push(told);
    this.#wake();
  }
  // each its own, because a test may hand them on one by one
  readonly started = (key: string) => this.#tell({ started: key });
  readonly startFailed = (_key: string, failed: string) => this.#tell({ failed });
  readonly exited = (key: string, exit: Exit) => this.#tell({ exited: key, exit });
  async next(): Promise<Told> {
    for (;;) {
      const told = this.#told.shift();
      if (told) return told;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
  /** @throws when it could not be started */
  async end(): Promise<{ exited: string; exit: Exit }> {
    for (;;) {
      const told = await this.next();
      if ("failed" in told) throw new Error(told.failed);
      if ("exit" in told) return told;
    }
  }
  async exit(): Promise<Exit> {
    return (await this.end()).exit;
  }
}
