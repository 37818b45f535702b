/** Why a node takes nothing new: its disk or its memory is nearly used up. It says so before something breaks. */
import { statfsSync } from "node:fs";
import { readIfThere } from "./files.ts";
import { isDiskLow } from "./inventory.ts";

export interface Memory {
  availableMib: number;
  totalMib: number;
}

const MIB = 1024 * 1024;
/** Memory is low below this part of all of it, or this much if that is less. */
const LOW = { part: 0.05, mib: 1024 };
/** Once low, it is well again only above this: else every second would bring the broker news. */
const WELL = { part: 0.08, mib: 1536 };

/** @param meminfo /proc/meminfo */
export function parseMeminfo(meminfo: string): Memory | null {
  const kib = (name: string) => new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(meminfo)?.[1];
  const [total, available] = [kib("MemTotal"), kib("MemAvailable")];
  if (total === undefined || available === undefined) return null;
  return { totalMib: Number(total) / 1024, availableMib: Number(available) / 1024 };
}

/**
 * What the limit of this container leaves, cgroup v2 or v1; null without a limit. File pages that nobody used lately
 * are counted as used by the kernel and given up at once.
 */
export function containerMemory(read: (path: string) => string | null): Memory | null {
  const root = "/sys/fs/cgroup";
  return (
    limitOf(read, `${root}/memory.max`, `${root}/memory.current`, `${root}/memory.stat`, "inactive_file") ??
    limitOf(
      read,
      `${root}/memory/memory.limit_in_bytes`,
      `${root}/memory/memory.usage_in_bytes`,
      `${root}/memory/memory.stat`,
      "total_inactive_file",
    )
  );
}

function limitOf(
  read: (path: string) => string | null,
  maxFile: string,
  currentFile: string,
  statFile: string,
  reclaimable: string,
): Memory | null {
  const max = Number(read(maxFile)?.trim());
  const current = Number(read(currentFile)?.trim());
  // v1 says an enormous number for "no limit", v2 says "max"
  if (!Number.isFinite(max) || !Number.isFinite(current) || max >= 2 ** 60) return null;
  const cache = Number(new RegExp(`^${reclaimable} (\\d+)$`, "m").exec(read(statFile) ?? "")?.[1] ?? 0);
  return { totalMib: max / MIB, availableMib: Math.max(0, max - current + cache) / MIB };
}

/** @param was whether it was low until now */
export function isMemoryLow({ availableMib, totalMib }: Memory, was: boolean): boolean {
  const bound = was ? WELL : LOW;
  return availableMib < Math.min(bound.part * totalMib, bound.mib);
}

/** The tighter of the machine's memory and the container's. */
export function readMemory(read: (path: string) => string | null): Memory | null {
  const found = [parseMeminfo(read("/proc/meminfo") ?? ""), containerMemory(read)].filter((memory) => memory !== null);
  return found.sort((a, b) => a.availableMib - b.availableMib)[0] ?? null;
}

export class Pressure {
  readonly #tasks: string;
  readonly #read: (path: string) => string | null;
  #memoryLow = false;
  /** set once a person wants this node to be empty */
  draining = false;

  /** @param tasks where tasks write */
  constructor(tasks: string, read: (path: string) => string | null = readIfThere) {
    this.#tasks = tasks;
    this.#read = read;
  }

  /** Reasons as they are now, in an order that does not change. */
  look(): string[] {
    const memory = readMemory(this.#read);
    this.#memoryLow = memory !== null && isMemoryLow(memory, this.#memoryLow);
    return [
      ...(isDiskLow(statfsSync(this.#tasks)) ? ["disk"] : []),
      ...(this.#memoryLow ? ["mem"] : []),
      ...(this.draining ? ["draining"] : []),
    ];
  }
}
