/** A thousand tasks and some thousand polls leave an agent as it was. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { until } from "../test/support/until.ts";
import { childrenOf, rssMib } from "../test/system/processes.ts";
import { descriptorsOf, onNodes, type TestNode } from "./testNode.fixture.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 30_000 });

const onNode = onNodes();
const TASKS = 1000;
const AT_ONCE = 20;
/** Until buffers and pools have their size. */
const WARM_POLLS = 2000;
const POLLS = 5000;
/** What a growth of 4 KiB a poll would be. */
const GROWTH_MIB = ((POLLS - WARM_POLLS) * 4) / 1024;

/** Guard and shims included; those of a task that has just ended are still going. */
async function atRest(pid: number): Promise<{ descriptors: number; children: number }> {
  let before = "";
  let now = { descriptors: 0, children: 0 };
  await until(() => {
    const last = before;
    now = { descriptors: descriptorsOf(pid), children: childrenOf(pid).length };
    before = JSON.stringify(now);
    return before === last;
  });
  return now;
}

async function runAll(node: TestNode, job: string, tasks: number): Promise<void> {
  const keys = Array.from({ length: tasks }, (_, index) => `${job}.${index}@1`);
  let given = 0;
  const over = () => keys.slice(0, given).filter((key) => node.broker.ends.has(key)).length;
  while (given < tasks) {
    node.broker.give({ command: `${node.mark()}; echo $HANSA_INDEX`, stopAfterMs: 60_000 }, `${job}.${given++}`);
    if (given - over() >= AT_ONCE) await node.broker.until(() => given - over() < AT_ONCE);
  }
  await node.broker.until(() => over() === tasks);
  await until(() => !readdirSync(join(node.data, "tasks")).some((name) => name.includes("@")));
  for (const [index, key] of keys.entries()) {
    expect(node.endsTold(key), key).toMatchObject([{ state: "succeeded" }]);
    expect(node.broker.output.get(`${key}/stdout`)?.toString(), key).toBe(`${index}\n`);
  }
  expect(node.marked.filter((name) => name.startsWith(job))).toEqual(keys.toSorted());
}

test("a thousand short tasks run once each, and leave no process, descriptor, cgroup or file", (context) =>
  onNode(async (node) => {
    const agent = node.start();
    await runAll(node, "job1", AT_ONCE);
    const before = await atRest(agent.pid ?? 0);
    await runAll(node, "job2", TASKS);
    const after = await atRest(agent.pid ?? 0);
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + AT_ONCE);
    expect(after.children).toBeLessThanOrEqual(before.children + AT_ONCE);
  })(context));

test("thousands of polls take neither descriptors nor memory", (context) =>
  onNode(async (node) => {
    const agent = node.start();
    const pid = agent.pid ?? 0;
    node.broker.holds = false;
    await node.broker.until(() => node.broker.polls.length >= WARM_POLLS);
    const before = { ...(await atRest(pid)), mib: rssMib(pid) };
    await node.broker.until(() => node.broker.polls.length >= POLLS);
    const after = { ...(await atRest(pid)), mib: rssMib(pid) };
    node.broker.holds = true;
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
    expect(after.children).toBe(before.children);
    expect(after.mib - before.mib).toBeLessThan(GROWTH_MIB);
  })(context));
