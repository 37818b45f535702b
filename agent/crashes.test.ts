/**
 * The agent dies at, or can't do, each write of its journal in turn, as strace has it: whatever was on disk by then, each
 * task runs once and its end is told once, and nothing is left behind.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Template } from "../src/model/job.ts";
import { agentCommand, chosenAgent } from "../test/support/agentUnderTest.ts";
import { needs } from "../test/support/debian.ts";
import { type Built, builtExecutable } from "../test/support/executable.ts";
import { IMAGE, Podman } from "../test/support/podman.ts";
import { until } from "../test/support/until.ts";
import { bootId } from "./host/clock.ts";
import { containerName } from "./host/docker/spec.ts";
import { FakeBroker } from "./host/fakeBroker.fixture.ts";
import { folderHash } from "./host/folders.ts";
import { holderOf } from "./host/journal/lock.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const TASKS = ["job1.0", "job1.1", "job2.0"];
const ENDED = { "job1.0": "succeeded", "job1.1": "succeeded", "job2.0": "failed" };
interface Kind {
  job: Partial<Template>;
  /** of the agent */
  words: string[];
  /** how often a task was started */
  runs(task: string): number;
}
const linesOf = (text: string): number => text.split("\n").filter(Boolean).length;
/** What a task does that others can see: a task in a sandbox or a container can write to no file of theirs. */
const kinds = {
  process: (): Kind => ({ job: {}, words: [], runs: (task) => linesOf(readFileSync(join(marks, task), "utf8")) }),
  sandbox: (): Kind => ({
    job: { driver: "sandbox" },
    words: [],
    runs: (task) => linesOf(broker.output.get(`${task}@1/stdout`)?.toString() ?? ""),
  }),
  docker: (): Kind => ({
    job: { driver: "docker", image: IMAGE },
    words: ["--docker-host", podman?.host ?? ""],
    runs: (task) => podman?.starts(containerName(folderHash(data), `${task}@1`)) ?? 0,
  }),
};
/** Far more than the writes of so few tasks. */
const MOST_WRITES = 40;

/** in Node, and as it is shipped: what they ask of the system for one write differs */
const SOURCE = join(import.meta.dirname, "main.ts");

let built: Built;
let agentPath: string;
let root: string;
let data: string;
let marks: string;
let broker: FakeBroker;
let podman: Podman | null = null;
let kind: Kind;
let agents: ChildProcess[];

beforeAll(async () => {
  needs("strace");
  built = await builtExecutable();
});
afterAll(async () => {
  built.remove();
  await podman?.end();
});
/** A node that never was, with a broker of its own. */
async function begin(): Promise<void> {
  root = mkdtempSync(join(tmpdir(), "hansa-crashes-"));
  chmodSync(root, 0o711);
  data = join(root, "data");
  marks = join(root, "marks");
  mkdirSync(marks);
  chmodSync(marks, 0o777);
  broker = new FakeBroker();
  await broker.listen();
  agents = [];
}
beforeEach(begin);
afterEach(async () => {
  for (const agent of agents) if (agent.exitCode === null && agent.signalCode === null) agent.kill("SIGKILL");
  await broker.close();
  rmSync(root, { recursive: true, force: true });
});

/** @param traced words of strace; none: without it */
function start(traced: string[], ...words: string[]): ChildProcess {
  const agent = [...agentCommand(agentPath), "run", "--data", data];
  const [command = "", ...rest] = [...traced, ...agent, "--run-dir", join(root, "run"), ...kind.words, ...words];
  const env = { PATH: process.env.PATH, HANSA_AGENT_URL: broker.url, HANSA_AGENT_TOKEN: "hns_join_x" };
  const child = spawn(command, rest, { env, stdio: "ignore" });
  agents.push(child);
  return child;
}
const over = async (agent: ChildProcess): Promise<void> => {
  if (agent.exitCode === null && agent.signalCode === null) await once(agent, "exit");
};
const atWrite = (n: number, fault: string): string[] => [
  ...["strace", "-qq", "-o", join(root, "trace"), "-P", join(data, "journal")],
  ...["-e", "trace=write,pwrite64", "-e", `inject=write,pwrite64:${fault}:when=${n}`],
];

function giveAll(): void {
  const common = { stopAfterMs: 60_000, ...kind.job };
  const says = "read id </proc/sys/kernel/random/uuid; echo $id";
  const leaves = kind.job.driver ? says : `${says} >>${marks}/$HANSA_TASK`;
  broker.give({ command: leaves, ...common }, "job1.0");
  broker.give({ command: leaves, ...common }, "job1.1");
  broker.give({ command: `${leaves}; sleep 0.2; exit 3`, ...common }, "job2.0");
}

/** @returns whether the fault was met */
async function livesThrough(fault: string, n: number): Promise<boolean> {
  giveAll();
  const first = start(atWrite(n, fault));
  const isOver = over(first).then(() => true);
  const ended = await Promise.race([isOver, until(() => TASKS.every(isForgotten)).then(() => false)]);
  // What is not vital the agent only tries again.
  const met = ended || readFileSync(join(root, "trace"), "utf8").includes("(INJECTED)");
  await kill(first);
  const next = start([]);
  await broker.until(() => TASKS.every((task) => broker.ends.has(`${task}@1`)));
  if (kind.job.driver) await broker.until(() => TASKS.every((task) => broker.ended.has(`${task}@1/stdout`)));
  for (const [task, state] of Object.entries(ENDED)) {
    expect(broker.ends.get(`${task}@1`), `${task} after ${fault} at ${n}`).toMatchObject({ state });
    expect(kind.runs(task), `${task} after ${fault} at ${n}`).toBe(1);
  }
  await kill(next);
  await nothingIsLeft();
  return met;
}

async function nothingIsLeft(): Promise<void> {
  const polls = broker.polls.length;
  const last = start([], "--stop-tasks-on-exit");
  await broker.until(() => broker.polls.length > polls);
  expect(broker.polls.at(-1)?.running).toEqual([]);
  await until(() => !readdirSync(join(data, "tasks")).some((name) => name.includes("@")));
  last.kill("SIGTERM");
  await over(last);
  expect(readdirSync(join(data, "tasks"))).toEqual([]);
  expect(cgroupsLeft()).toEqual([]);
}

/** Of what strace started the agent is a child. */
async function kill(agent: ChildProcess): Promise<void> {
  const holder = () => holderOf(join(data, "lock"), bootId());
  await until(() => agent.exitCode !== null || agent.signalCode !== null || holder() !== null);
  const pid = holder()?.pid;
  if (pid !== undefined) process.kill(pid, "SIGKILL");
  await over(agent);
}

/** Its end was acked, and that was written down. */
const isForgotten = (task: string): boolean =>
  broker.ends.has(`${task}@1`) && readFileSync(join(data, "journal"), "utf8").includes(`"forget","key":"${task}@1"`);

function cgroupsLeft(): string[] {
  const slices = ["/sys/fs/cgroup/unified/hansa.slice", "/sys/fs/cgroup/hansa.slice"];
  return slices.map((slice) => join(slice, folderHash(data))).filter((path) => existsSync(path));
}

const FAULTS = [
  ["killed", "signal=KILL"],
  ["told that the disk is full", "error=ENOSPC"],
] as const;
const chosen = chosenAgent();

const AGENTS = chosen ? [chosen] : [SOURCE, "the executable"];

test.each([
  ...AGENTS.flatMap((agent) =>
    FAULTS.map(([harm, fault]) => [harm, basename(agent), "process", agent, fault] as const),
  ),
  ...FAULTS.map(([harm, fault]) => [harm, "the executable", "sandbox", "the executable", fault] as const),
  ["killed", "the executable", "docker", "the executable", FAULTS[0][1]] as const,
])(
  "%s at any write of its journal, %s loses nothing and does nothing twice (driver %s)",
  async (_, __, driver, agent, fault) => {
    if (driver === "docker") podman ??= await Podman.start();
    kind = kinds[driver]();
    agentPath = agent === SOURCE ? SOURCE : built.path;
    let met = 0;
    for (let n = 1; n <= MOST_WRITES; n++) {
      if (!(await livesThrough(fault, n))) break;
      met += 1;
      rmSync(root, { recursive: true });
      await broker.close();
      await begin();
    }
    expect(met).toBeGreaterThan(4);
    expect(met).toBeLessThan(MOST_WRITES);
  },
);
