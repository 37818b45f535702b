import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { startTicks } from "./child.ts";
import { endLeftovers, knownProcesses } from "./leftovers.ts";

const owner = (children: ReturnType<typeof knownProcesses>) => ({ pid: 1, command: "start", url: null, children });

it("what an owner left running is ended, whether it heeds TERM or not", async () => {
  const meek = spawn("sleep", ["100"]);
  const stubborn = spawn("sh", ["-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"]);
  await once(stubborn.stdout, "data");
  const pids = [meek.pid ?? null, stubborn.pid ?? null];
  expect(await endLeftovers(owner(knownProcesses(pids.map((pid) => ({ pid, graceMs: 100 })))))).toBe(2);
  expect(pids.map((pid) => startTicks(pid ?? 0))).toEqual([null, null]);
});

it("another process that got the number since then is left alone", async () => {
  const other = spawn("sleep", ["100"]);
  const known = knownProcesses([{ pid: other.pid ?? null, graceMs: 100 }]).map((process) => ({
    ...process,
    startTicks: "1",
  }));
  expect(await endLeftovers(owner(known))).toBe(0);
  expect(startTicks(other.pid ?? 0)).not.toBeNull();
  other.kill();
});

it("who ended cleanly left nothing", async () => {
  expect(await endLeftovers(null)).toBe(0);
});
