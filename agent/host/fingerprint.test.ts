import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Inventory } from "../../src/protocol/agent.ts";
import { Fingerprint, LOOK_EVERY_MS, settled } from "./fingerprint.ts";
import { buildInventory, type Machine, type Offer } from "./inventory.ts";

const machine: Machine = {
  ...{ cpus: 2, memMib: 4096, freeDiskMib: 100_000, gpus: 2 },
  ...{ arch: "x64", os: "linux", kernel: "6", hostName: "h", ip: "10.0.0.7", drivers: ["process"] },
};
const offer: Offer = { resources: {}, ports: [], labels: {}, roles: null, drivers: ["process"] };
let now: Machine;
let busy: boolean;
let told: Inventory[];
let fingerprint: Fingerprint;
beforeEach(async () => {
  vi.useFakeTimers();
  now = machine;
  busy = false;
  told = [];
  fingerprint = new Fingerprint(offer, {
    look: async () => now,
    build: (found, wanted) => buildInventory(found, wanted, "n1", "0"),
    busy: () => busy,
    changed: (inventory) => told.push(inventory),
  });
  await fingerprint.start();
});
/** Looks that are due are over when it resolves. */
async function pass(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

afterEach(() => {
  fingerprint.stop();
  vi.useRealTimers();
});

test("looks every few minutes and tells only what changed", async () => {
  expect(told.splice(0).map(({ capacity }) => capacity.gpus)).toEqual([2000]);
  await pass(3 * LOOK_EVERY_MS);
  expect(told).toEqual([]);
  now = { ...machine, gpus: 1 };
  await pass(LOOK_EVERY_MS - 1);
  expect(told).toEqual([]);
  await pass(1 + 3 * LOOK_EVERY_MS);
  expect(told.map(({ capacity }) => capacity.gpus)).toEqual([1000]);
});

test("free space is news when it moved far, and never while attempts write", () => {
  const free = (freeDiskMib: number) => ({ ...machine, freeDiskMib });
  expect(settled(machine, free(95_001), false).freeDiskMib).toBe(100_000);
  expect(settled(machine, free(95_000), false).freeDiskMib).toBe(95_000);
  expect(settled(machine, free(50_000), true).freeDiskMib).toBe(100_000);
  expect(settled(free(2000), free(1000), false).freeDiskMib).toBe(2000);
  expect(settled(machine, { ...free(50_000), cpus: 8 }, true).cpus).toBe(8);
});

test("what its owner says anew is told at once, and what is the same is not", () => {
  expect(fingerprint.offer({ ...offer })).toBe(false);
  expect(fingerprint.offer({ ...offer, labels: { zone: "a" } })).toBe(true);
  expect(told.at(-1)).toMatchObject({ attributes: { zone: "a" } });
});
