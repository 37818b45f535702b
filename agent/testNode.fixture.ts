/** A node of a test: the agent as it is shipped, a broker that is played, and a folder below which everything of it is. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, type TestContext } from "vitest";
import type { Update } from "../src/protocol/agent.ts";
import { agentCommand } from "../test/support/agentUnderTest.ts";
import { type Built, builtExecutable } from "../test/support/executable.ts";
import { until } from "../test/support/until.ts";
import { endAllOf, processesOf } from "../test/system/processes.ts";
import { removeTraces } from "../test/system/traces.ts";
import { FakeBroker } from "./host/fakeBroker.fixture.ts";
import { folderHash } from "./host/folders.ts";
import { isAlive } from "./host/procfs.ts";

/** Tasks run as another user, who must be able to pass and to leave marks. */
const PASSABLE_MODE = 0o711;
const OPEN_MODE = 0o777;
/** What a data folder keeps for the next agent. */
const LASTING = ["join-key", "journal", "node.json", "tasks", "tasks-root", "tasks-root.mounts"];
const HIERARCHIES = "/sys/fs/cgroup";

export const dead = (pid: number): boolean => !isAlive(pid, Number.POSITIVE_INFINITY);

export interface StartOptions {
  words?: readonly string[];
  environment?: NodeJS.ProcessEnv;
}

/** Where a node's agents run; its files are at `root` as seen from here. */
export interface Space {
  readonly root: string;
  /** what runs a command in there */
  readonly enter: readonly string[];
  end(): Promise<void>;
}

export class TestNode {
  readonly root: string;
  readonly broker: FakeBroker;
  /** as the agent names them */
  data: string;
  run: string;
  /** what the agent is told; else the broker's own */
  url: string | null = null;
  space: Space | null = null;
  readonly #marks: string;
  readonly #agentPath: string;
  readonly #agents: ChildProcess[] = [];

  private constructor(agentPath: string, root: string, broker: FakeBroker) {
    this.#agentPath = agentPath;
    this.root = root;
    this.broker = broker;
    this.data = join(root, "data");
    this.run = join(root, "run");
    this.#marks = join(root, "marks");
  }

  static async make(agentPath: string): Promise<TestNode> {
    const root = mkdtempSync(join(tmpdir(), "hansa-node-"));
    chmodSync(root, PASSABLE_MODE);
    const broker = new FakeBroker();
    await broker.listen();
    const node = new TestNode(agentPath, root, broker);
    mkdirSync(node.#marks);
    chmodSync(node.#marks, OPEN_MODE);
    return node;
  }

  /** Starts an agent; what it logs goes to the one log of the node. */
  start({ words = ["run"], environment = {} }: StartOptions = {}): ChildProcess {
    const where = ["--data", this.data, "--run-dir", this.run];
    const [program = "", ...rest] = [
      ...(this.space?.enter ?? []),
      ...agentCommand(this.#agentPath),
      ...words,
      ...where,
    ];
    const log = openSync(join(this.root, "agent.log"), "a");
    const agent = spawn(program, rest, {
      cwd: "/",
      env: {
        PATH: process.env.PATH,
        HANSA_AGENT_URL: this.url ?? this.broker.url,
        HANSA_AGENT_TOKEN: "hns_join_x",
        ...environment,
      },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.#agents.push(agent);
    return agent;
  }

  get log(): string {
    return readFileSync(join(this.root, "agent.log"), "utf8");
  }

  /** A path of the agent's as this process can open it. */
  seen(path: string): string {
    return join(this.space?.root ?? "/", path);
  }

  /** What a command does to be counted: its task runs for the first time, or fails with 99. */
  mark(name = "$HANSA_TASK@$HANSA_EPOCH"): string {
    return `(set -C; : >${this.#marks}/${name}) || exit 99`;
  }

  get marked(): string[] {
    return readdirSync(this.#marks).sort();
  }

  /** What a command does to go on only after `sign(name)`. */
  waitFor(name: string): string {
    return `while [ ! -e ${this.root}/${name} ]; do sleep 0.02; done`;
  }

  sign(name: string): void {
    writeFileSync(join(this.root, name), "");
  }

  /** Of a task that says `echo $$ >pid`. */
  async pidOf(key: string, name = "pid"): Promise<number> {
    const path = this.seen(join(this.data, "tasks", key, "work", name));
    await until(() => existsSync(path) && readFileSync(path, "utf8").endsWith("\n"));
    return Number(readFileSync(path, "utf8"));
  }

  get guardPid(): number {
    return Number(readFileSync(this.seen(join(this.run, "beat")), "utf8").split(" ")[0]);
  }

  /** Each different end that was ever told of the attempt: one, if all is well. */
  endsTold(key: string): Update[] {
    const told = this.broker.polls.flatMap(({ updates }) => updates).filter((update) => keyOf(update) === key);
    return [...new Map(told.map((update) => [JSON.stringify(update), update])).values()];
  }

  get attemptsTold(): string[] {
    return [...new Set(this.broker.polls.flatMap(({ updates }) => updates).map(keyOf))].sort();
  }

  /** Polls that the broker held are answered, and so many more have come. */
  async polled(times = 1): Promise<void> {
    const wanted = this.broker.polls.length + times;
    await until(() => {
      this.broker.wake();
      return this.broker.polls.length >= wanted;
    });
  }

  async forgotten(key: string): Promise<void> {
    await until(() => !existsSync(this.seen(join(this.data, "tasks", key))));
  }

  /** One more agent finds nothing that runs or has to be told, and goes with all that it and those before it made. */
  async leavesNothing(): Promise<void> {
    await this.killAgents();
    this.broker.odd = null;
    const last = this.start({ words: ["run", "--stop-tasks-on-exit"] });
    await this.polled();
    expect(this.broker.polls.at(-1)).toMatchObject({ running: [], updates: [] });
    last.kill("SIGTERM");
    expect(await exitOf(last)).toBe(0);
    expect(readdirSync(this.seen(join(this.data, "tasks"))), "folders of tasks").toEqual([]);
    expect(existsSync(this.seen(this.run)), "the run folder").toBe(false);
    expect(
      readdirSync(this.seen(this.data)).filter((name) => !LASTING.includes(name)),
      "files",
    ).toEqual([]);
    expect(cgroupsOf(this.data), "cgroups").toEqual([]);
    await this.#leaveSpace();
    await until(() => processesOf(this.root).length === 0);
    for (const key of this.attemptsTold) expect(this.endsTold(key), `ends of ${key}`).toHaveLength(1);
  }

  async killAgents(): Promise<void> {
    for (const agent of this.#agents) agent.kill("SIGKILL");
    await Promise.all(this.#agents.map(exitOf));
  }

  async #leaveSpace(): Promise<void> {
    const { space } = this;
    this.space = null;
    await space?.end();
  }

  /** Whatever is left, also by a test that failed. */
  async end(): Promise<void> {
    await this.killAgents();
    await endAllOf(this.root);
    await this.#leaveSpace();
    await this.broker.close();
    removeTraces(this.data);
    rmSync(this.root, { recursive: true, force: true, maxRetries: 3 });
  }
}

const keyOf = ({ task, epoch }: Update): string => `${task}@${epoch}`;

export async function exitOf(agent: ChildProcess): Promise<number | null> {
  if (agent.exitCode === null && agent.signalCode === null) await once(agent, "exit");
  return agent.exitCode;
}

export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Folders of the agent's in any hierarchy. */
function cgroupsOf(data: string): string[] {
  const trees = [HIERARCHIES, ...readdirSync(HIERARCHIES).map((name) => join(HIERARCHIES, name))];
  return trees.map((tree) => join(tree, "hansa.slice", folderHash(data))).filter((path) => existsSync(path));
}

/** For the tests of a file: builds the executable for them, and gives each a node of its own, of which nothing may be left. */
export function onNodes(): (check: (node: TestNode) => Promise<void>) => (context: TestContext) => Promise<void> {
  let built: Built;
  beforeAll(async () => {
    built = await builtExecutable();
  });
  afterAll(() => built.remove());
  return (check) =>
    async ({ onTestFinished }) => {
      const node = await TestNode.make(built.path);
      onTestFinished(() => node.end());
      await check(node);
      await node.leavesNothing();
    };
}
