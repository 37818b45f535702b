/** A broker of a test: `hansa serve` as a process, with workerd below it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dataFolder, readOwner } from "../../cli/broker/dataFolder.ts";
import { freePort } from "../../cli/broker/listen.ts";
import { cleanEnvironment, lives, signal, until } from "./processes.ts";

const CLI = "dist/hansa.mjs";

export class BrokerProcess {
  readonly data: string;
  readonly port: number;
  readonly #log: string;
  readonly #words: readonly string[];
  #serve: ChildProcess | null = null;

  /** @param words more for its command line */
  constructor(root: string, port: number, name = "broker", words: readonly string[] = []) {
    this.#words = words;
    this.data = join(root, name);
    this.#log = join(root, `${name}.log`);
    this.port = port;
  }

  static async on(root: string, name?: string, words?: readonly string[]): Promise<BrokerProcess> {
    const port = await freePort({ host: "127.0.0.1", port: 0 });
    if (port === null) throw new Error("no free port");
    return new BrokerProcess(root, port, name, words);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get secret(): string {
    return readFileSync(join(this.data, "secret"), "utf8").trim();
  }

  get log(): string {
    return readFileSync(this.#log, "utf8");
  }

  /** of workerd */
  get pid(): number {
    const pid = readOwner(dataFolder(this.data))?.children[0]?.pid;
    if (pid === undefined) throw new Error("the broker does not run");
    return pid;
  }

  /** @returns when it answers */
  async start(): Promise<void> {
    const log = openSync(this.#log, "a");
    const words = [CLI, "serve", "--data", this.data, "--listen", `127.0.0.1:${this.port}`, ...this.#words];
    const serve = spawn(process.execPath, words, {
      stdio: ["ignore", log, log],
      detached: true,
      env: cleanEnvironment(),
    });
    closeSync(log);
    this.#serve = serve;
    await until("the broker answers", async () => {
      if (serve.exitCode !== null) throw new Error(`serve ended:\n${this.log}`);
      return fetch(`${this.url}/healthz`).then(
        (response) => response.ok,
        () => false,
      );
    });
  }

  /** Nothing of it gets to say or write a last word. */
  async kill(): Promise<void> {
    const workerd = this.pid;
    const serve = this.#serve;
    // serve first: it would start workerd again
    if (serve?.pid !== undefined) await killed(serve);
    signal(workerd, "SIGKILL");
    await until("workerd is dead", () => !lives(workerd));
  }

  /** Asked to end, as a service manager asks. @returns its exit code */
  async stop(): Promise<number | null> {
    const serve = this.#serve;
    if (!serve || serve.exitCode !== null || serve.signalCode !== null) return null;
    const end = once(serve, "exit");
    serve.kill("SIGTERM");
    await end;
    return serve.exitCode;
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = once(child, "exit");
  child.kill("SIGKILL");
  await end;
}
