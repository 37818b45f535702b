/** Whatever is written down of a process that is dead, another one that has its number now is left alone. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { until } from "../test/support/until.ts";
import { uptimeMs } from "./host/clock.ts";
import { parseBeat } from "./host/guard/beat.ts";
import { taskUser } from "./host/process/user.ts";
import { dead, exitOf, onNodes, type TestNode } from "./testNode.fixture.ts";

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const onNode = onNodes();
const KEY = "job1.0@1";

/** As tasks run: with their user's rights, as the leader of a group. */
function stranger(): ChildProcess {
  return spawn("sleep", ["600"], { detached: true, stdio: "ignore", cwd: "/", ...taskUser(null).ids });
}

/** In all that the node wrote down. */
function rename(node: TestNode, from: number, to: number, ...path: string[]): void {
  const file = join(...path);
  const text = readFileSync(file, "utf8").replace(new RegExp(`\\b${from}\\b`), String(to));
  expect(text, file).toContain(String(to));
  writeFileSync(node.seen(file), text);
}

async function killed(...pids: number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await until(() => pids.every(dead));
}

/** Agent, guard and task are dead, and to each a stranger has its number. @returns whom all of it names now */
async function numbersTaken(node: TestNode, context: { onTestFinished(end: () => void): void }): Promise<number> {
  const agent = node.start();
  const lease = { stopAfterMs: 60_000, stopGraceMs: 1000 };
  node.broker.give({ command: `${node.mark()}; echo $PPID >shim; echo $$ >pid; sleep 600`, ...lease }, "job1.0");
  const [pid, shim] = [await node.pidOf(KEY), await node.pidOf(KEY, "shim")];
  await node.broker.until(() => node.broker.polls.at(-1)?.running.length === 1);
  const guard = node.guardPid;
  agent.kill("SIGKILL");
  await exitOf(agent);
  await killed(guard, shim, pid);
  const diedAtMs = uptimeMs();
  // its start is told in steps of 10 ms
  await until(() => uptimeMs() > diedAtMs + 20);
  const other = stranger();
  context.onTestFinished(() => void other.kill("SIGKILL"));
  const number = other.pid ?? 0;
  rename(node, shim, number, node.data, "tasks", KEY, "run");
  rename(node, guard, number, node.run, "beat");
  rename(node, agent.pid ?? 0, number, node.run, "deadlines");
  rename(node, agent.pid ?? 0, number, node.data, "lock");
  return number;
}

test("is not taken for the task, the guard or the agent that it was", (context) =>
  onNode(async (node) => {
    const number = await numbersTaken(node, context);
    node.start();
    expect(await node.broker.end(KEY)).toMatchObject({ state: "failed", reason: "vanished" });
    expect(node.broker.polls.filter(({ session }) => session === 2)[0]?.running).toEqual([]);
    expect(node.guardPid).not.toBe(number);
    await node.forgotten(KEY);
    expect(dead(number)).toBe(false);
  })(context));

test("is not ended for it when its deadline has passed", (context) =>
  onNode(async (node) => {
    const number = await numbersTaken(node, context);
    const deadlines = join(node.run, "deadlines");
    const past = readFileSync(deadlines, "utf8").replace(/^\d+ \d+ (?=job)/m, "1 1 ");
    expect(past).toContain(`1 1 ${KEY}`);
    writeFileSync(deadlines, past);
    node.broker.odd = () => true;
    const agent = node.start();
    const beats = () => parseBeat(readFileSync(join(node.run, "beat"), "utf8"));
    await until(() => ![number, undefined].includes(beats()?.pid));
    agent.kill("SIGSTOP");
    const first = beats()?.atMs ?? 0;
    await until(() => (beats()?.atMs ?? 0) > first);
    expect(dead(number)).toBe(false);
    node.broker.odd = null;
    agent.kill("SIGCONT");
    expect(await node.broker.end(KEY)).toMatchObject({ state: "failed" });
    await node.forgotten(KEY);
    expect(dead(number)).toBe(false);
  })(context));
