/** The npm package `mesos-framework` in a process of a test. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { cleanEnvironment, until } from "./processes.ts";

const PROGRAM = resolve("test/system/mesosClient.cjs");

export interface ClientTask {
  command: string;
  instances: number;
  cpus: number;
}

export interface ClientEvent {
  event: "error" | "subscribed" | "offers" | "heartbeat" | "update";
  id?: string;
  task?: string;
  state?: string;
  agent?: string;
  uuid?: string | null;
  message?: string;
}

export class MesosClient {
  readonly events: ClientEvent[] = [];
  /** what it writes of its own */
  readonly log: string[] = [];
  readonly #child: ChildProcess;

  /** @param folder for its logs, which it wants to be there */
  constructor(folder: string, port: number, tasks: Record<string, ClientTask>, frameworkId?: string) {
    mkdirSync(resolve(folder, "logs"), { recursive: true });
    const told = JSON.stringify({ port, tasks, ...(frameworkId && { frameworkId }) });
    const child = spawn(process.execPath, ["--no-deprecation", PROGRAM, told], {
      cwd: folder,
      env: cleanEnvironment(),
      stdio: ["pipe", "pipe", "pipe"],
    });
    createInterface({ input: child.stderr }).on("line", (line) => this.log.push(line));
    this.#child = child;
    createInterface({ input: child.stdout }).on("line", (line) => this.events.push(JSON.parse(line) as ClientEvent));
  }

  say(...words: string[]): void {
    this.#child.stdin?.write(`${words.join(" ")}\n`);
  }

  /** The first event that is so. */
  async heard(what: string, isIt: (event: ClientEvent) => boolean, timeoutMs = 30_000): Promise<ClientEvent> {
    let found: ClientEvent | undefined;
    await until(
      `the client hears ${what}`,
      () => {
        found = this.events.find(isIt);
        return found !== undefined;
      },
      timeoutMs,
    );
    return found as ClientEvent;
  }

  /** Updates in the order that they came. */
  get updates(): ClientEvent[] {
    return this.events.filter(({ event }) => event === "update");
  }

  /** Agents by task, of those whose last update says that they run. */
  get running(): Map<string, string> {
    const last = new Map(this.updates.map((update) => [update.task ?? "", update]));
    return new Map(
      [...last].flatMap(([task, { state, agent }]) => (state === "TASK_RUNNING" ? [[task, agent ?? ""]] : [])),
    );
  }

  get errors(): string[] {
    return this.events.flatMap(({ event, message }) => (event === "error" ? [message ?? ""] : []));
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async kill(): Promise<void> {
    if (!this.isAlive) return;
    const end = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await end;
  }
}
