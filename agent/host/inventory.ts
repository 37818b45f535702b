/** What this node has and accepts: the machine's own, or what its owner says instead. */
import { readFileSync, statfsSync } from "node:fs";
import os from "node:os";
import type { DriverName } from "../../src/model/driver.ts";
import type { Inventory } from "../../src/protocol/agent.ts";
import { countGpus } from "./gpus.ts";
import { countPorts, type PortRange } from "./ports.ts";

const MIB = 1024 * 1024;
/** Of a disk so much is never offered: the agent itself must be able to write. */
const DISK_RESERVE_MIB = 1024;

export interface Machine {
  cpus: number;
  memMib: number;
  freeDiskMib: number;
  gpus: number;
  arch: string;
  os: string;
  kernel: string;
  hostName: string;
  /** by which others may reach it */
  ip: string;
  /** that work */
  drivers: readonly DriverName[];
}

/** What the owner said; amounts in milli-units. */
export interface Offer {
  resources: Record<string, number>;
  ports: PortRange[];
  labels: Record<string, string>;
  roles: string[] | null;
  /** null: all that work */
  drivers: readonly DriverName[] | null;
}

/** @param data where tasks write @param gpus when they are counted already */
export function readMachine(data: string, gpus: number | null = null): Omit<Machine, "drivers"> {
  const { bavail, bsize } = statfsSync(data);
  // in a container with a memory limit, that limit
  const limit = process.constrainedMemory();
  return {
    cpus: os.availableParallelism(),
    memMib: Math.floor(Math.min(os.totalmem(), limit > 0 ? limit : Number.POSITIVE_INFINITY) / MIB),
    freeDiskMib: Math.floor((bavail * bsize) / MIB),
    gpus: gpus ?? countGpus(process.env),
    arch: os.arch(),
    os: os.platform(),
    kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(),
    hostName: os.hostname(),
    ip: addressOf(os.networkInterfaces()),
  };
}

/** The first of IPv4 that is not the machine's with itself; there may be none. */
export const addressOf = (interfaces: NodeJS.Dict<os.NetworkInterfaceInfo[]>): string =>
  Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";

export function buildInventory(machine: Machine, offer: Offer, node: string, version: string): Inventory {
  return {
    capacity: {
      cpus: machine.cpus * 1000,
      mem: machine.memMib * 1000,
      disk: Math.max(0, machine.freeDiskMib - DISK_RESERVE_MIB) * 1000,
      ...(machine.gpus > 0 && { gpus: machine.gpus * 1000 }),
      ...(offer.ports.length > 0 && { ports: countPorts(offer.ports) * 1000 }),
      ...offer.resources,
    },
    attributes: {
      arch: machine.arch,
      os: machine.os,
      kernel: machine.kernel,
      host: machine.hostName,
      hostname: machine.hostName,
      ip: machine.ip,
      node,
      cores: String(machine.cpus),
      ...offer.labels,
    },
    ...(offer.roles && { roles: offer.roles }),
    drivers: machine.drivers.filter((name) => offer.drivers?.includes(name) ?? true),
    ...(offer.ports.length > 0 && { ports: offer.ports }),
    version,
  };
}

/** Less free space than this, in MiB or as a part of the disk, and the node takes nothing new. */
const LOW_DISK_MIB = 1024;
const LOW_DISK_PART = 0.05;

export function isDiskLow({ bavail, blocks, bsize }: { bavail: number; blocks: number; bsize: number }): boolean {
  return (bavail * bsize) / MIB < LOW_DISK_MIB || bavail / blocks < LOW_DISK_PART;
}
