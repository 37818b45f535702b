import type { NetworkInterfaceInfo } from "node:os";
import { expect, test } from "vitest";
import { inventorySchema } from "../../src/protocol/agent.ts";
import { addressOf, buildInventory, isDiskLow, type Machine, type Offer, readMachine } from "./inventory.ts";

const machine: Machine = {
  cpus: 8,
  memMib: 16_000,
  freeDiskMib: 100_000,
  gpus: 0,
  arch: "x64",
  os: "linux",
  kernel: "6.1.0",
  hostName: "box",
  ip: "10.0.0.7",
  drivers: ["process", "sandbox"],
};
const nothing: Offer = { resources: {}, ports: [], labels: {}, roles: null, drivers: ["process"] };

test("a node offers its machine, less a reserve of disk, and names what it is", () => {
  const inventory = buildInventory(machine, nothing, "n1", "0.1.0");
  expect(inventory.capacity).toEqual({ cpus: 8000, mem: 16_000_000, disk: 98_976_000 });
  expect(inventory.attributes).toMatchObject({ arch: "x64", node: "n1", host: "box", cores: "8" });
  expect(inventory.attributes).toMatchObject({ hostname: "box", ip: "10.0.0.7" });
  expect(inventory).not.toHaveProperty("roles");
});

test("what its owner says wins", () => {
  const offer: Offer = {
    resources: { cpus: 500, gpus: 1000 },
    ports: [],
    labels: { zone: "a", region: "eu", host: "other", ip: "192.0.2.1" },
    roles: [],
    drivers: ["process"],
  };
  const inventory = buildInventory(machine, offer, "n1", "0.1.0");
  expect(inventory.capacity).toMatchObject({ cpus: 500, gpus: 1000, mem: 16_000_000 });
  expect(inventory.attributes).toMatchObject({ zone: "a", region: "eu", host: "other", ip: "192.0.2.1" });
  expect(inventory.roles).toEqual([]);
});

test("it has the drivers that work and that its owner allows", () => {
  const driversFor = (drivers: Offer["drivers"]) =>
    buildInventory(machine, { ...nothing, drivers }, "n1", "0.1.0").drivers;
  expect(driversFor(null)).toEqual(["process", "sandbox"]);
  expect(driversFor(["sandbox", "docker"])).toEqual(["sandbox"]);
});

test("GPUs that the machine has are whole devices, and its owner may offer fewer", () => {
  const four = { ...machine, gpus: 4 };
  expect(buildInventory(four, nothing, "n1", "0.1.0").capacity.gpus).toBe(4000);
  const fewer = { ...nothing, resources: { gpus: 2000 } };
  expect(buildInventory(four, fewer, "n1", "0.1.0").capacity.gpus).toBe(2000);
});

test("ports are told as ranges and as their number", () => {
  const ports: [number, number][] = [
    [8080, 8080],
    [31_000, 31_009],
  ];
  const inventory = buildInventory(machine, { ...nothing, ports }, "n1", "0.1.0");
  expect(inventory).toMatchObject({ ports, capacity: { ports: 11_000 } });
  expect(inventorySchema.parse(inventory)).toEqual(inventory);
  expect(buildInventory(machine, nothing, "n1", "0.1.0")).not.toHaveProperty("ports");
});

test("this machine's own is what the protocol allows", () => {
  expect(
    inventorySchema.safeParse(buildInventory({ ...readMachine("/"), drivers: [] }, nothing, "n1", "0.1.0")).success,
  ).toBe(true);
});

test("its address is the first of IPv4 that others can know", () => {
  const address = (family: "IPv4" | "IPv6", address: string, internal = false) =>
    ({ family, address, internal }) as NetworkInterfaceInfo;
  const lo = [address("IPv4", "127.0.0.1", true), address("IPv6", "::1", true)];
  const eth0 = [address("IPv6", "2001:db8::7"), address("IPv4", "192.0.2.7")];
  expect(addressOf({ lo, eth0, eth1: [address("IPv4", "192.0.2.8")] })).toBe("192.0.2.7");
  expect(addressOf({ lo })).toBe("127.0.0.1");
});

test("a disk is low below a GiB or a twentieth", () => {
  expect(isDiskLow({ bavail: 999, blocks: 10_000, bsize: 2 ** 20 })).toBe(true);
  expect(isDiskLow({ bavail: 4_999, blocks: 100_000, bsize: 2 ** 20 })).toBe(true);
  expect(isDiskLow({ bavail: 5_000, blocks: 100_000, bsize: 2 ** 20 })).toBe(false);
});
