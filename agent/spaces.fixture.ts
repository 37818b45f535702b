/** Namespaces of a test's own: a disk that fills, a boot clock that leaps, a network that goes dead, for its agent alone. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { until } from "../test/support/until.ts";
import { parseUptime } from "./host/clock.ts";
import type { Space, TestNode } from "./testNode.fixture.ts";

/** Where ip and iptables are, whoever runs the tests. */
const ADMIN_PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

/** A process in namespaces of its own, which last as long as it; it ends with this process, however that ends. */
class Holder implements Space {
  readonly enter: readonly string[];
  readonly root: string;
  readonly pid: number;
  readonly #process: ChildProcess;

  private constructor(holder: ChildProcess, kind: string) {
    this.#process = holder;
    this.pid = holder.pid ?? 0;
    this.enter = ["nsenter", "-t", String(this.pid), kind, "--"];
    this.root = `/proc/${this.pid}/root`;
  }

  /** @param kind `-m` or `-n` @param script makes it what it shall be */
  static async start(kind: string, script: string): Promise<Holder> {
    const held = spawn("unshare", [kind, "sh", "-ec", `${script}\necho ready\nexec cat`], {
      cwd: "/",
      env: { ...process.env, PATH: ADMIN_PATH },
      detached: true,
      stdio: ["pipe", "pipe", "inherit"],
    });
    const [word] = await Promise.race([once(held.stdout, "data"), once(held, "exit")]);
    if (!String(word).startsWith("ready")) throw new Error(`no namespace: ${script}`);
    return new Holder(held, kind);
  }

  /** In there, as it is now. */
  do(...words: string[]): void {
    const [program = "", ...rest] = [...this.enter, ...words];
    execFileSync(program, rest, { env: { ...process.env, PATH: ADMIN_PATH }, stdio: ["ignore", "ignore", "inherit"] });
  }

  /** With what its script has left running: they are one group. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, "exit");
    process.kill(-this.pid, "SIGKILL");
    await gone;
  }
}

const ROOMY = "2g";
const BLOCK = 4096;

/** A file system in memory, as a folder of the node, that can be full. */
export class Disk {
  readonly #holder: Holder;
  readonly #path: string;

  private constructor(holder: Holder, path: string) {
    this.#holder = holder;
    this.#path = path;
  }

  /** @param keeps which of the node's folders is on it */
  static async under(node: TestNode, keeps: "data" | "run"): Promise<Disk> {
    const path = join(node.root, "disk");
    mkdirSync(path);
    const holder = await Holder.start("-m", `mount -t tmpfs -o size=${ROOMY},mode=711 disk ${path}`);
    node.space = holder;
    node[keeps] = join(path, keeps);
    return new Disk(holder, path);
  }

  /** Not a block more; again, after something has made room. */
  fill(): void {
    const fill = `
      shrink() { mount -o remount,size=$(($(df --output=used -B ${BLOCK} ${this.#path} | tail -1) * ${BLOCK})) ${this.#path}; }
      until shrink 2>/dev/null; do :; done
      ! cat /dev/zero >>${this.#path}/filling 2>/dev/null`;
    this.#holder.do("sh", "-ec", fill);
  }

  free(): void {
    this.#holder.do("sh", "-ec", `mount -o remount,size=${ROOMY} ${this.#path}; rm ${this.#path}/filling`);
  }
}

/** So that no process ever began later than the node's clock says. */
const AHEAD_MS = 10_000;
const TICK_MS = 20;

/** /proc/uptime of the node: the machine's, and what it was suspended for. */
export class BootClock {
  readonly #fd: number;
  readonly #timer: NodeJS.Timeout;
  #aheadMs = AHEAD_MS;

  private constructor(path: string) {
    this.#fd = openSync(path, "w");
    this.#tell();
    this.#timer = setInterval(() => this.#tell(), TICK_MS);
  }

  static async of(node: TestNode): Promise<BootClock> {
    const path = join(node.root, "uptime");
    const clock = new BootClock(path);
    const holder = await Holder.start("-m", `mount --bind ${path} /proc/uptime`);
    node.space = {
      enter: holder.enter,
      root: holder.root,
      end: async () => {
        clearInterval(clock.#timer);
        await holder.end();
        closeSync(clock.#fd);
      },
    };
    return clock;
  }

  get nowMs(): number {
    return parseUptime(readFileSync("/proc/uptime", "utf8")) + this.#aheadMs;
  }

  leap(ms: number): void {
    this.#aheadMs += ms;
    this.#tell();
  }

  #tell(): void {
    writeSync(this.#fd, `${(this.nowMs / 1000).toFixed(2)} 0.00\n`, 0);
  }
}

const PORT = 8080;

/** Loopback of the node's own, on which packets can be lost; a relay in it leads to the broker. */
export class Network {
  readonly #holder: Holder;

  private constructor(holder: Holder) {
    this.#holder = holder;
  }

  static async of(node: TestNode): Promise<Network> {
    const door = join(node.root, "broker.sock");
    const server = await serveBroker(door, node.broker.url);
    const relay = `setpriv --pdeathsig KILL socat TCP-LISTEN:${PORT},bind=127.0.0.1,fork,backlog=64 UNIX-CONNECT:${door} </dev/null >/dev/null &`;
    const holder = await Holder.start("-n", `ip link set lo up\n${relay}`);
    const listens = new RegExp(`: 0100007F:${PORT.toString(16).toUpperCase()} \\S+ 0A`);
    await until(() => listens.test(readFileSync(`/proc/${holder.pid}/net/tcp`, "utf8")));
    node.url = `http://127.0.0.1:${PORT}`;
    node.space = {
      enter: holder.enter,
      root: holder.root,
      end: async () => {
        await holder.end();
        server.close();
      },
    };
    return new Network(holder);
  }

  /** No packet arrives, and nobody is told. */
  die(): void {
    for (const port of ["--dport", "--sport"])
      this.#holder.do("iptables", "-A", "INPUT", "-p", "tcp", port, String(PORT), "-j", "DROP");
  }

  heal(): void {
    this.#holder.do("iptables", "-F");
  }
}

/** The broker at a path too: that leads into every network namespace. */
async function serveBroker(path: string, url: string): Promise<Server> {
  const { port } = new URL(url);
  const server = createServer((near) => {
    const far = connect(Number(port), "127.0.0.1");
    pipeline(near, far, near, () => {});
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}
