/**
 * One cgroup (v2) per attempt, used for what only it can do: end every process of a task at once, also those that left
 * its process group. Works in a hybrid hierarchy without any controller; limits are not its matter.
 */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { hasCode, messageOf, readIfThere } from "../files.ts";
import type { User } from "./user.ts";

const SLICE = "hansa.slice";
/** The guard's own, beside the attempts', so that it outlives the service unit of the agent. */
export const GUARD_CGROUP = "guard";
const PROBE_CGROUP = "probe";

export class Cgroups {
  readonly base: string;
  constructor(base: string) {
    this.base = base;
  }

  path(name: string): string {
    return join(this.base, name);
  }

  /** @returns a descriptor of `cgroup.procs`: whoever writes `0` to it is in, also after it gave up its rights */
  create(name: string): number {
    mkdirSync(this.path(name), { recursive: true });
    return openSync(join(this.path(name), "cgroup.procs"), "w");
  }

  /** Pids in it; none when it is not there. */
  members(name: string): number[] {
    const text = readIfThere(join(this.path(name), "cgroup.procs"));
    return text ? text.trim().split("\n").filter(Boolean).map(Number) : [];
  }

  /** Nothing but zombies is in it, or it is not there. */
  isEmpty(name: string): boolean {
    return !/^populated 1$/m.test(readIfThere(join(this.path(name), "cgroup.events")) ?? "");
  }

  /** Ends all of it with SIGKILL, forks in flight included. */
  kill(name: string): void {
    try {
      writeFileSync(join(this.path(name), "cgroup.kill"), "1");
    } catch (error) {
      if (!hasCode(error, "ENOENT") && !hasCode(error, "ENODEV")) throw error;
    }
  }

  /** @returns false while something lives in it */
  remove(name: string): boolean {
    try {
      rmdirSync(this.path(name));
    } catch (error) {
      if (hasCode(error, "EBUSY")) return false;
      if (!hasCode(error, "ENOENT")) throw error;
    }
    return true;
  }

  /** Removes the folder itself, once nothing lives in it; what is shared with other agents stays. */
  removeAll(): void {
    for (const name of [...this.list(), GUARD_CGROUP]) this.remove(name);
    try {
      rmdirSync(this.base);
    } catch (error) {
      if (!hasCode(error, "EBUSY") && !hasCode(error, "ENOENT")) throw error;
    }
  }

  /** Names of the attempts' cgroups that are there. */
  list(): string[] {
    return readdirSync(this.base, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== GUARD_CGROUP && entry.name !== PROBE_CGROUP)
      .map((entry) => entry.name);
  }
}

/** @param mountinfo /proc/self/mountinfo */
export function cgroup2Mount(mountinfo: string): string | null {
  for (const line of mountinfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    if (right.startsWith("cgroup2 ")) return left.split(" ")[4] ?? null;
  }
  return null;
}

/** The kernel's own place for us, for an agent that is not root. @param ownCgroups /proc/self/cgroup */
export function ownCgroup(ownCgroups: string): string | null {
  return /^0::(\/.*)$/m.exec(ownCgroups)?.[1] ?? null;
}

/** @returns cgroups that were seen to work for tasks of this user, or why there are none */
export function openCgroups(hash: string, user: User): Cgroups | { missing: string } {
  const mount = cgroup2Mount(readFileSync("/proc/self/mountinfo", "utf8"));
  if (mount === null) return { missing: "no cgroup v2 hierarchy is mounted" };
  // outside the agent's own cgroup where possible: a service manager that stops the agent then leaves the tasks alone
  const parent =
    process.getuid?.() === 0 ? SLICE : join(ownCgroup(readFileSync("/proc/self/cgroup", "utf8")) ?? "/", SLICE);
  const cgroups = new Cgroups(join(mount, parent, hash));
  try {
    const procs = cgroups.create(PROBE_CGROUP);
    try {
      if (!existsSync(join(cgroups.path(PROBE_CGROUP), "cgroup.kill")))
        return { missing: "the kernel is older than 5.14" };
      const probe = spawnSync("/bin/sh", ["-c", "echo 0 >&3"], {
        stdio: ["ignore", "ignore", "pipe", procs],
        ...user.ids,
        cwd: "/",
      });
      if (probe.status !== 0) return { missing: `a task can't be put into one: ${probe.stderr}`.trim() };
    } finally {
      closeSync(procs);
      cgroups.remove(PROBE_CGROUP);
    }
  } catch (error) {
    return { missing: messageOf(error) };
  }
  return cgroups;
}
