/** What a machine may do to an agent and its guard: a full disk, clocks that leap, a network that goes dead. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { needs } from "../test/support/debian.ts";
import { until } from "../test/support/until.ts";
import { BootClock, Disk, Network } from "./spaces.fixture.ts";
import { dead, exitOf, onNodes, type TestNode } from "./testNode.fixture.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const onNode = onNodes();
const STOP_AFTER_MS = 60_000;
const KEEP = { stopAfterMs: null };
const LEASED = { stopAfterMs: STOP_AFTER_MS, stopGraceMs: 1000 };
const DEAF = "trap '' TERM; echo $$ >pid; while :; do sleep 0.05; done";
const HOUR_MS = 3_600_000;
const RETRY = 2;
/** So many that what is to be written of their ends is more than a block. */
const MANY = Array.from({ length: 30 }, (_, index) => `job1.${index}`);

beforeAll(() => needs("util-linux:unshare", "iproute2:ip", "iptables", "socat", "faketime"));

const shown = (node: TestNode, tasks: number) =>
  node.broker.until(() => node.broker.polls.at(-1)?.running.length === tasks);

describe.concurrent("a disk that is full", () => {
  test("ends the agent, not its tasks; once there is room each end is told once, and nothing has run twice", (context) =>
    onNode(async (node) => {
      const disk = await Disk.under(node, "data");
      const first = node.start();
      const command = `${node.mark()}; echo $$ >pid; ${node.waitFor("go")}; exit 3`;
      for (const task of MANY) node.broker.give({ command, ...LEASED }, task);
      node.broker.give({ command: `${node.mark()}; echo $$ >pid; ${node.waitFor("over")}`, ...LEASED }, "job2.0");
      const pid = await node.pidOf("job2.0@1");
      await shown(node, MANY.length + 1);
      // what is forgotten makes room
      node.broker.acks = false;
      disk.fill();
      node.sign("go");
      expect(await exitOf(first)).toBe(RETRY);
      for (let tries = 0; tries < 3; tries++) {
        disk.fill();
        const polls = node.broker.polls.length;
        const next = node.start();
        await until(() => next.exitCode !== null || node.broker.polls.length > polls);
        await node.killAgents();
      }
      disk.free();
      node.broker.acks = true;
      node.start();
      for (const task of MANY) expect(await node.broker.end(`${task}@1`)).toMatchObject({ state: "failed", code: 3 });
      expect(dead(pid)).toBe(false);
      node.sign("over");
      expect(await node.broker.end("job2.0@1")).toMatchObject({ state: "succeeded" });
      const keys = [...MANY, "job2.0"].map((task) => `${task}@1`);
      for (const key of keys) await node.forgotten(key);
      expect(node.marked).toEqual(keys.toSorted());
    })(context));

  test("below the run folder keeps tasks from starting, since no guard can be told; those that run go on", (context) =>
    onNode(async (node) => {
      const disk = await Disk.under(node, "run");
      node.start();
      node.broker.give({ command: `${node.mark()}; echo $$ >pid; ${node.waitFor("over")}`, ...LEASED }, "job1.0");
      const pid = await node.pidOf("job1.0@1");
      await shown(node, 1);
      disk.fill();
      node.broker.give({ command: node.mark(), ...LEASED }, "job2.0");
      expect(await node.broker.end("job2.0@1")).toMatchObject({ state: "failed", reason: "node-fault" });
      process.kill(node.guardPid, "SIGKILL");
      await node.broker.until(() => node.broker.polls.at(-1)?.pressure.includes("no-guard") ?? false);
      node.broker.give({ command: node.mark(), ...KEEP }, "job3.0");
      await node.polled(3);
      expect(node.broker.polls.at(-1)?.running).toEqual([["job1.0", 1]]);
      expect(dead(pid)).toBe(false);
      disk.free();
      expect(await node.broker.end("job3.0@1")).toMatchObject({ state: "succeeded" });
      node.sign("over");
      expect(await node.broker.end("job1.0@1")).toMatchObject({ state: "succeeded" });
      await node.forgotten("job1.0@1");
      expect(node.marked).toEqual(["job1.0@1", "job3.0@1"]);
    })(context));
});

describe.concurrent("a clock that leaps", () => {
  test("on the wall changes nothing, there and back", (context) =>
    onNode(async (node) => {
      const wall = join(node.root, "wall");
      writeFileSync(wall, "+0");
      const files = execFileSync("dpkg", ["-L", "libfaketime"], { encoding: "utf8" }).split("\n");
      const library = files.find((path) => path.endsWith("/libfaketimeMT.so.1"));
      const faked = { FAKETIME_TIMESTAMP_FILE: wall, FAKETIME_NO_CACHE: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1" };
      const environment = { ...faked, LD_PRELOAD: library };
      const agent = node.start({ environment });
      node.broker.give({ command: `${node.mark()}; echo $$ >pid; ${node.waitFor("over")}`, ...LEASED }, "job1.0");
      const pid = await node.pidOf("job1.0@1");
      for (const days of [900, -900, 0]) {
        writeFileSync(wall, `${days < 0 ? "" : "+"}${days}d`);
        agent.kill("SIGUSR1");
        const year = new Date(Date.now() + days * 24 * HOUR_MS).getUTCFullYear();
        await until(() =>
          node.log.split("\n").some((line) => line.startsWith(`${year}-`) && line.includes("status {")),
        );
        await node.polled(2);
        expect(node.broker.polls.at(-1)?.running).toEqual([["job1.0", 1]]);
      }
      expect(dead(pid)).toBe(false);
      node.sign("over");
      const { ranMs = Number.NaN, ...end } = await node.broker.end("job1.0@1");
      expect(end).toMatchObject({ state: "succeeded" });
      expect(ranMs).toBeLessThan(HOUR_MS);
      await node.forgotten("job1.0@1");
      expect(node.marked).toEqual(["job1.0@1"]);
    })(context));

  test("since boot, for less than a task may run unrenewed, is not noticed", (context) =>
    onNode(async (node) => {
      const clock = await BootClock.of(node);
      node.start();
      node.broker.give({ command: `${node.mark()}; ${node.waitFor("over")}`, ...LEASED }, "job1.0");
      await shown(node, 1);
      for (let leaps = 0; leaps < 5; leaps++) {
        await node.polled(2);
        clock.leap(STOP_AFTER_MS / 4);
      }
      node.sign("over");
      expect(await node.broker.end("job1.0@1")).toMatchObject({ state: "succeeded" });
      await node.forgotten("job1.0@1");
      expect(node.marked).toEqual(["job1.0@1"]);
    })(context));

  test.for([true, false])(
    "since boot, for longer: the task is dead at once and not revived (its agent lives: %s)",
    (lives, context) =>
      onNode(async (node) => {
        const clock = await BootClock.of(node);
        const agent = node.start();
        node.broker.give({ command: `${node.mark()}; ${DEAF}`, ...LEASED }, "job1.0");
        node.broker.give({ command: `${node.mark()}; ${node.waitFor("over")}`, ...KEEP }, "job2.0");
        const pid = await node.pidOf("job1.0@1");
        await shown(node, 2);
        if (!lives) agent.kill("SIGKILL");
        await Promise.all(lives ? [] : [exitOf(agent)]);
        clock.leap(HOUR_MS);
        const leaptAtMs = clock.nowMs;
        node.broker.wake();
        await until(() => dead(pid));
        expect(clock.nowMs - leaptAtMs).toBeLessThan(10_000);
        if (!lives) node.start();
        expect(await node.broker.end("job1.0@1")).toMatchObject({ state: "failed", reason: "deadline" });
        node.broker.give({ command: node.mark(), ...LEASED }, "job1.0", 2);
        expect(await node.broker.end("job1.0@2")).toMatchObject({ state: "succeeded" });
        node.sign("over");
        expect(await node.broker.end("job2.0@1")).toMatchObject({ state: "succeeded" });
        await node.forgotten("job2.0@1");
        expect(node.marked).toEqual(["job1.0@1", "job1.0@2", "job2.0@1"]);
      })(context),
  );
});

test.concurrent("a connection that dies without a word is left for a new one before a task's time is over", (context) =>
  onNode(async (node) => {
    const network = await Network.of(node);
    node.start();
    const lease = { stopAfterMs: 30_000, stopGraceMs: 1000 };
    node.broker.give({ command: `${node.mark()}; ${node.waitFor("over")}; exit 4`, ...lease }, "job1.0");
    await shown(node, 1);
    network.die();
    node.sign("over");
    await until(() => node.log.includes("no answer"));
    network.heal();
    expect(await node.broker.end("job1.0@1")).toMatchObject({ state: "failed", code: 4 });
    await node.forgotten("job1.0@1");
    expect(node.marked).toEqual(["job1.0@1"]);
  })(context));
