/** Processes as /proc shows them: who lives, who belongs to a folder, what they cost. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** How often a condition that no event tells of is looked at. */
const LOOK_MS = 20;
/** USER_HZ, the same on every Linux that Node runs on. */
const TICKS_PER_S = 100;
const PAGE_KIB = 4;
const COMMAND_CHARS = 200;

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function workingFolder(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}

/** Fields of `/proc/PID/stat` from the third (state) on. */
function statFields(pid: number): string[] | null {
  const stat = read(`/proc/${pid}/stat`);
  return stat === null ? null : stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** A zombie is dead. */
export function lives(pid: number): boolean {
  const state = statFields(pid)?.[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

export const allPids = (): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** Living processes that name the folder on their command line or in their environment, or work inside it. */
export function processesOf(folder: string): number[] {
  return allPids().filter((pid) => {
    if (pid === process.pid || !lives(pid)) return false;
    if (workingFolder(pid).startsWith(folder)) return true;
    return [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`].some((path) => read(path)?.includes(folder));
  });
}

/** The beginning of it, on one line. */
export const commandOf = (pid: number): string =>
  (read(`/proc/${pid}/cmdline`) ?? "")
    .replaceAll(/[\0\s]+/g, " ")
    .trim()
    .slice(0, COMMAND_CHARS);

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // it has ended
  }
}

/** Looks until it holds. @throws with `what` when it does not in time */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const startedAt = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedAt > timeoutMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(LOOK_MS);
  }
}

/** Kills whatever belongs to the folder, also what starts meanwhile. */
export async function endAllOf(folder: string): Promise<void> {
  await until(`everything of ${folder} is dead`, () => {
    const left = processesOf(folder);
    for (const pid of left) signal(pid, "SIGKILL");
    return left.length === 0;
  });
}

const ticksMs = (ticks: readonly string[]): number =>
  (ticks.reduce((sum, count) => sum + Number(count), 0) * 1000) / TICKS_PER_S;

/** User and system time. */
export const cpuMs = (pid: number): number => ticksMs(statFields(pid)?.slice(11, 13) ?? []);

/** The same of its children that have ended. */
export const childrenCpuMs = (pid: number): number => ticksMs(statFields(pid)?.slice(13, 15) ?? []);

/** The same of everything on this machine since it booted. */
export function machineCpuMs(): number {
  const [line = ""] = (read("/proc/stat") ?? "").split("\n");
  const [user = "0", nice = "0", system = "0", , , irq = "0", softirq = "0"] = line.split(/ +/).slice(1);
  return ticksMs([user, nice, system, irq, softirq]);
}

export function rssMib(pid: number): number {
  const pages = Number(read(`/proc/${pid}/statm`)?.split(" ")[1] ?? 0);
  return (pages * PAGE_KIB) / 1024;
}

export function childrenOf(parent: number): number[] {
  return allPids().filter((pid) => Number(statFields(pid)?.[1]) === parent);
}

/** Ours, without what would change what Hansa does. */
export const cleanEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^HANSA_|_proxy$|^npm_/i.test(name)));
