/**
 * What a task may take of its machine, in words of the kernel's control groups, versions 1 and 2.
 *
 * Memory and the number of processes are hard limits: what a task takes too much of them is missing for others. Cpus
 * are a weight by default: idle ones may be used by whoever runs, and when all are busy each task has its part. A quota,
 * which leaves cpus idle and slows every start of a program, is for those who need even times (`--cpu-quota`).
 */
import type { Resources } from "../../../src/model/resources.ts";
import type { DriverHealth } from "../driver.ts";

export const CONTROLLERS = ["cpu", "memory", "pids"] as const;
export type Controller = (typeof CONTROLLERS)[number];

export interface LimitOptions {
  /** processes and threads of one task */
  pids: number;
  /** cpus are a limit, also while others are idle */
  cpuQuota: boolean;
}
export const DEFAULT_LIMITS: LimitOptions = { pids: 4096, cpuQuota: false };

/** null: not limited */
export interface Limits {
  milliCpus: number | null;
  memBytes: number | null;
}
export const NO_LIMITS: Limits = { milliCpus: null, memBytes: null };

/** Where a controller is: beside others in the one hierarchy of version 2, or mounted by itself. */
export interface Knobs {
  controller: Controller;
  version: 1 | 2;
  /** it also counts what is swapped out */
  swap: boolean;
}

const MIB = 2 ** 20;
/** The shell between the agent and the task lives in the task's cgroup, and must outlive it. */
const LEAST_BYTES = 4 * MIB;
/** Of its limit, from where on a cgroup of version 1 that lost a process to want of memory is taken to be at fault. */
const NEARLY_ALL = 7 / 8;
const PAGE_BYTES = 4096;
const PERIOD_US = 100_000;
const LEAST_QUOTA_US = 1000;
const SHARES_PER_CPU = 1024;
const LEAST_SHARES = 2;
const WEIGHT_PER_CPU = 100;
const MOST_WEIGHT = 10_000;

/** @param resources in milli-units; what a job does not name is not limited */
export function limitsOf({ cpus, mem }: Resources): Limits {
  return {
    milliCpus: cpus ?? null,
    memBytes: mem === undefined ? null : Math.max(LEAST_BYTES, Math.ceil((mem * MIB) / 1000 / PAGE_BYTES) * PAGE_BYTES),
  };
}

type Write = readonly [file: string, text: string];

/** What makes `limits` of `before`, in an order that the kernel takes. */
export function writesOf(knobs: Knobs, limits: Limits, before: Limits, { cpuQuota }: LimitOptions): Write[] {
  const { controller } = knobs;
  if (controller === "memory" && limits.memBytes !== before.memBytes) return memoryWrites(knobs, limits, before);
  if (controller === "cpu" && limits.milliCpus !== before.milliCpus)
    return cpuWrites(knobs.version, limits.milliCpus, cpuQuota);
  return [];
}

function memoryWrites({ version, swap }: Knobs, { memBytes }: Limits, before: Limits): Write[] {
  if (version === 2) {
    const most: Write = ["memory.max", String(memBytes ?? "max")];
    return swap ? [most, ["memory.swap.max", memBytes === null ? "max" : "0"]] : [most];
  }
  const amount = String(memBytes ?? -1);
  const most: Write = ["memory.limit_in_bytes", amount];
  if (!swap) return [most];
  // memory with swap may never be less than without
  const both: Write = ["memory.memsw.limit_in_bytes", amount];
  const rises = (memBytes ?? Number.POSITIVE_INFINITY) > (before.memBytes ?? Number.POSITIVE_INFINITY);
  return rises ? [both, most] : [most, both];
}

function cpuWrites(version: 1 | 2, milliCpus: number | null, quota: boolean): Write[] {
  const cpus = (milliCpus ?? 1000) / 1000;
  const quotaUs = milliCpus === null ? null : Math.max(LEAST_QUOTA_US, Math.round(cpus * PERIOD_US));
  if (version === 2) {
    const weight: Write = ["cpu.weight", String(Math.min(MOST_WEIGHT, Math.max(1, Math.round(cpus * WEIGHT_PER_CPU))))];
    return quota ? [weight, ["cpu.max", `${quotaUs ?? "max"} ${PERIOD_US}`]] : [weight];
  }
  const shares: Write = ["cpu.shares", String(Math.max(LEAST_SHARES, Math.round(cpus * SHARES_PER_CPU)))];
  return quota ? [shares, ["cpu.cfs_quota_us", String(quotaUs ?? -1)]] : [shares];
}

/** What every task's cgroup has for good. */
export const lastingWrites = ({ controller }: Knobs, { pids }: LimitOptions): Write[] =>
  controller === "pids" ? [["pids.max", String(pids)]] : [];

/** All tasks together against the rest of the machine: as many programs as it has cpus. */
export function shareOfAll({ controller, version }: Knobs, cpus: number): Write[] {
  if (controller !== "cpu") return [];
  return version === 2
    ? [["cpu.weight", String(Math.min(MOST_WEIGHT, cpus * WEIGHT_PER_CPU))]]
    : [["cpu.shares", String(cpus * SHARES_PER_CPU)]];
}

/**
 * Whether the kernel ended a process of a cgroup because of the cgroup's own limit, and not because the whole machine
 * had no memory left.
 *
 * @param read gives the text of a file of the cgroup, nothing when it is not there
 */
export function wasOutOfMemory(version: 1 | 2, read: (file: string) => string): boolean {
  const kills = read(version === 2 ? "memory.events" : "memory.oom_control");
  if (!/^oom_kill [1-9]/m.test(kills)) return false;
  if (version === 2) return /^oom [1-9]/m.test(kills);
  // newer kernels do not count refusals in version 1 any more
  const limit = parseLimit(read(limitFile(version)));
  return limit !== null && Number(read("memory.max_usage_in_bytes")) > limit * NEARLY_ALL;
}
export const limitFile = (version: 1 | 2): string => (version === 2 ? "memory.max" : "memory.limit_in_bytes");

/** @param text of a limit file; `max`, and in version 1 a number near 2^63, is none */
export function parseLimit(text: string): number | null {
  const bytes = Number(text);
  return Number.isFinite(bytes) && bytes < 2 ** 60 ? bytes : null;
}

/** What a driver says of itself. */
export function limitHealth(
  has: readonly Controller[],
  { pids, cpuQuota }: LimitOptions,
): { limits: DriverHealth["limits"]; detail: string } {
  const cpus = !has.includes("cpu") ? "cpus not limited" : cpuQuota ? "cpus by quota" : "cpus by weight";
  const mem = has.includes("memory") ? "mem" : "mem not limited";
  const most = has.includes("pids") ? `${pids} pids` : "pids not limited";
  return {
    limits: [
      ...(has.includes("cpu") && cpuQuota ? (["cpus"] as const) : []),
      ...(has.includes("memory") ? (["mem"] as const) : []),
      ...(has.includes("pids") ? (["pids"] as const) : []),
    ],
    detail: [cpus, mem, most].join(", "),
  };
}
