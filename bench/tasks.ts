/**
 * `npm run bench:tasks -- --clusters 2 --agents 10 --tasks 1000`: how fast a league runs tasks that do nothing, with a
 * real broker, real agents and a real `sh -c 'exit 0'` each; then how long one such task takes from its submission.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { League } from "../test/system/league.ts";
import { childrenCpuMs, cpuMs, machineCpuMs, rssMib } from "../test/system/processes.ts";
import { Ends } from "./ends.ts";
import { type Figures, fsyncMsP50, numbers, percentile, printLine, progress, rounded, spread } from "./line.ts";

const COMMAND = "exit 0";
const { clusters, agents, tasks, singles, seed } = numbers({
  clusters: 2,
  agents: 10,
  tasks: 1000,
  singles: 100,
  seed: 1,
});
const startedAtMs = performance.now();

const clusterNames = Array.from({ length: clusters }, (_, i) => `c${i + 1}`);
const league = await League.start(clusterNames);
try {
  for (let i = 0; i < agents; i++)
    league.addAgent(clusterNames[i % clusters] ?? "", `n${Math.floor(i / clusters) + 1}`);
  await league.allUp(60_000);
  progress(`${agents} agents in ${clusters} clusters are up`);
  const ends = new Ends(league.client);
  const figures = await measure(ends);
  await ends.close();
  printLine("tasks", seed, startedAtMs, figures);
  process.exitCode = figures.succeeded === tasks && figures.duplicated === 0 ? 0 : 1;
} finally {
  await league.end();
}
progress(floor());

async function measure(ends: Ends): Promise<Figures> {
  await runJob(ends, "warm-up", COMMAND, agents);
  const fsync_ms_p50 = fsyncMsP50(league.root);
  const broker = league.broker.pid;

  const before = cpuOf(broker);
  const { ms, id } = await runJob(ends, "all", COMMAND, tasks);
  const after = cpuOf(broker);
  const perTask = (part: keyof Cpu) => rounded((after[part] - before[part]) / tasks);
  const views = await league.tasks(id);
  const attempts = sum(views.map((task) => task.attempts.length));
  const parts = (["broker", "agents", "children", "machine"] as const).map((part) => `${part} ${perTask(part)}`);
  progress(`${tasks} tasks in ${Math.round(ms)} ms; CPU ms per task: ${parts.join(", ")}`);

  const done: number[] = [];
  const running: number[] = [];
  for (let n = 0; n < singles; n++) {
    done.push((await runJob(ends, `done-${n}`, COMMAND, 1)).ms);
    running.push(await submitToRunningMs(ends, n));
  }
  const agentRss = league.agents.map(({ pid }) => rssMib(pid));
  return {
    clusters,
    agents,
    tasks,
    succeeded: views.filter(({ state }) => state === "succeeded").length,
    failed: views.filter(({ state }) => state === "failed").length,
    duplicated: attempts - views.length,
    tasks_per_s: rounded((tasks / ms) * 1000),
    ...(singles > 0 && { submit_to_running_ms: spread(running), submit_to_done_ms: spread(done) }),
    broker_rss_mib: rounded(rssMib(broker)),
    agent_rss_mib: rounded(percentile(agentRss, 0.5)),
    broker_cpu_ms_per_task: perTask("broker"),
    fsync_ms_p50,
  };
}

interface Cpu {
  broker: number;
  agents: number;
  /** of the agents: shims and commands */
  children: number;
  /** all of the above, this process, and whatever else ran */
  machine: number;
}

function cpuOf(broker: number): Cpu {
  return {
    broker: cpuMs(broker),
    agents: sum(league.agents.map(({ pid }) => cpuMs(pid))),
    children: sum(league.agents.map(({ pid }) => childrenCpuMs(pid))),
    machine: machineCpuMs(),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** @returns ms from the sending of the POST to the arrival of the job's last event */
async function runJob(ends: Ends, key: string, command: string, count: number): Promise<{ ms: number; id: string }> {
  const sentAtMs = performance.now();
  const { id } = await league.submit({ command, count }, `bench-${seed}-${key}`);
  const { atMs, event } = await ends.of(id);
  if (event.state !== "succeeded") throw new Error(`job ${id} ended ${event.state}`);
  return { ms: atMs - sentAtMs, id };
}

/** By the clock that the task itself reads: both are on this machine. */
async function submitToRunningMs(ends: Ends, n: number): Promise<number> {
  const mark = join(league.marks, `running-${n}`);
  const sentAt = performance.timeOrigin + performance.now();
  await runJob(ends, `running-${n}`, `date +%s%N >${mark}`, 1);
  return Number(readFileSync(mark, "utf8")) / 1e6 - sentAt;
}

/** What this machine does without any broker. */
function floor(): string {
  const lines = [availableAt(1), availableAt(2), availableAt(10)];
  return `floor of this machine: ${lines.join(", ")}`;
}

function availableAt(parallel: number): string {
  const startedAt = performance.now();
  const input = Array.from({ length: tasks }, (_, i) => i).join("\n");
  spawnSync("xargs", ["-P", String(parallel), "-n", "1", "sh", "-c", COMMAND], { input });
  return `xargs -P ${parallel} ${Math.round((tasks / (performance.now() - startedAt)) * 1000)} a second`;
}
