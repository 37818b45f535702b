/**
 * Control groups of one agent's attempts: in one tree they are found and ended, all processes of a task at once, also
 * those that left its process group; in that or others they are limited. Version 2, version 1, or both, as on the
 * machine.
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
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { hasCode, messageOf, readIfThere } from "../files.ts";
import { type Hierarchy, hierarchiesOf, type Place, trackingOf } from "./hierarchies.ts";
import {
  CONTROLLERS,
  type Controller,
  DEFAULT_LIMITS,
  type LimitOptions,
  type Limits,
  lastingWrites,
  limitFile,
  parseLimit,
  shareOfAll,
  wasOutOfMemory,
  writesOf,
} from "./limits.ts";
import type { User } from "./user.ts";

const SLICE = "hansa.slice";
/** The guard's own, beside the attempts', so that it outlives the service unit of the agent. */
export const GUARD_CGROUP = "guard";
const PROBE_CGROUP = "probe";

export class Cgroups {
  /** where tasks are found and ended */
  readonly base: string;
  readonly #places: readonly Place[];
  readonly #options: LimitOptions;

  /** @param places the folder of each tree that tasks are in, that of `base` first */
  constructor(base: string, places: readonly Place[] = [{ base, knobs: [] }], options = DEFAULT_LIMITS) {
    this.base = base;
    this.#places = places;
    this.#options = options;
  }

  get options(): LimitOptions {
    return this.#options;
  }

  /** How many trees a task is in, each entered by its own descriptor. */
  get trees(): number {
    return this.#places.length;
  }

  get controllers(): Controller[] {
    return this.#places.flatMap(({ knobs }) => knobs.map(({ controller }) => controller));
  }

  path(name: string): string {
    return join(this.base, name);
  }

  /**
   * @param opened gets descriptors of `cgroup.procs`, one a tree: whoever writes `0` to it is in, also after it gave up
   * its rights
   */
  create(name: string, opened: number[]): void {
    for (const { base, knobs } of this.#places) {
      const folder = join(base, name);
      mkdirSync(folder, { recursive: true });
      opened.push(openSync(join(folder, "cgroup.procs"), "w"));
      for (const knob of knobs)
        for (const [file, text] of lastingWrites(knob, this.#options)) writeFileSync(join(folder, file), text);
    }
  }

  /** @param before what its limits are @throws when the kernel does not take them */
  limit(name: string, limits: Limits, before: Limits): void {
    for (const { base, knobs } of this.#places)
      for (const knob of knobs)
        for (const [file, text] of writesOf(knob, limits, before, this.#options))
          writeFileSync(join(base, name, file), text);
  }

  /** @returns its limit if the kernel ended a process of it because of that, ever; null if not */
  outOfMemory(name: string): { limitBytes: number } | null {
    for (const { base, knobs } of this.#places) {
      const memory = knobs.find(({ controller }) => controller === "memory");
      if (!memory) continue;
      const read = (file: string) => readIfThere(join(base, name, file)) ?? "";
      if (!wasOutOfMemory(memory.version, read)) continue;
      const limitBytes = parseLimit(read(limitFile(memory.version)));
      if (limitBytes !== null) return { limitBytes };
    }
    return null;
  }

  /** Pids in it; none when it is not there. */
  members(name: string): number[] {
    const text = readIfThere(join(this.path(name), "cgroup.procs"));
    return text ? text.trim().split("\n").filter(Boolean).map(Number) : [];
  }

  /** Nothing but zombies is in it, or it is not there. */
  isEmpty(name: string): boolean {
    const events = readIfThere(join(this.path(name), "cgroup.events"));
    return events === null ? this.members(name).length === 0 : !/^populated 1$/m.test(events);
  }

  /** Ends all of it with SIGKILL; in version 2 forks in flight included, else it is to be repeated until it is empty. */
  kill(name: string): void {
    if (!existsSync(join(this.path(name), "cgroup.kill"))) {
      for (const pid of this.members(name)) killIfThere(pid);
      return;
    }
    try {
      writeFileSync(join(this.path(name), "cgroup.kill"), "1");
    } catch (error) {
      if (!hasCode(error, "ENOENT") && !hasCode(error, "ENODEV")) throw error;
    }
  }

  /** @returns false while something lives in it */
  remove(name: string): boolean {
    // the tree that is listed last, so that what a crash leaves is found
    return this.#places.toReversed().every(({ base }) => removeFolder(join(base, name)));
  }

  /**
   * Removes the folders themselves; what is shared with other agents stays.
   *
   * @returns false while something lives in them
   */
  removeAll(): boolean {
    for (const name of [...this.list(), GUARD_CGROUP, PROBE_CGROUP]) this.remove(name);
    return this.#places.toReversed().every(({ base }) => removeFolder(base));
  }

  /** Names of the attempts' cgroups that are there. */
  list(): string[] {
    if (!existsSync(this.base)) return [];
    return readdirSync(this.base, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== GUARD_CGROUP && entry.name !== PROBE_CGROUP)
      .map((entry) => entry.name);
  }
}

/** Removes what agents of root share, unless another has something in it. */
export function removeSlice(): void {
  for (const { mount } of hierarchiesOf(readFileSync("/proc/self/mountinfo", "utf8"))) {
    try {
      rmdirSync(join(mount, SLICE));
    } catch {
      // another agent's too, or it never was there
    }
  }
}

function removeFolder(path: string): boolean {
  try {
    rmdirSync(path);
  } catch (error) {
    if (hasCode(error, "EBUSY") || hasCode(error, "ENOTEMPTY")) return false;
    if (!hasCode(error, "ENOENT")) throw error;
  }
  return true;
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}

/** The kernel's own place for us, for an agent that is not root. @param ownCgroups /proc/self/cgroup */
export function ownCgroup(ownCgroups: string): string | null {
  return /^0::(\/.*)$/m.exec(ownCgroups)?.[1] ?? null;
}

/**
 * @param hierarchies those to use, else what is mounted
 * @returns cgroups that were seen to work for tasks of this user, or why there are none
 */
export function openCgroups(
  hash: string,
  user: User,
  options: LimitOptions = DEFAULT_LIMITS,
  hierarchies: readonly Hierarchy[] = hierarchiesOf(readFileSync("/proc/self/mountinfo", "utf8")),
): Cgroups | { missing: string } {
  const tracking = trackingOf(hierarchies);
  if (tracking === null) return { missing: "no cgroup hierarchy is mounted" };
  // outside the agent's own cgroup where possible: a service manager that stops the agent then leaves the tasks alone
  const own = tracking.version === 2 ? ownCgroup(readFileSync("/proc/self/cgroup", "utf8")) : null;
  const slice = process.getuid?.() === 0 ? SLICE : join(own ?? "/", SLICE);
  const base = join(tracking.mount, slice, hash);
  try {
    const first: Place = { base, knobs: knobsIn(tracking, slice, hash) };
    const others = hierarchies
      .filter((one) => one !== tracking && one.version === 1)
      .flatMap((one): Place[] => {
        try {
          return [{ base: join(one.mount, SLICE, hash), knobs: knobsIn(one, SLICE, hash) }];
        } catch {
          // not ours to limit: health says so
          return [];
        }
      });
    const places = [first, ...others];
    const entered = placesEntered(places, user);
    if (typeof entered === "string") return { missing: `a task can't be put into one: ${entered}` };
    return new Cgroups(base, entered, options);
  } catch (error) {
    return { missing: messageOf(error) };
  }
}

/** Makes the agent's folder in a tree, with what can be limited there. @throws when there can be none */
function knobsIn({ mount, version, controllers }: Hierarchy, slice: string, hash: string): Place["knobs"] {
  const folder = join(mount, slice, hash);
  mkdirSync(folder, { recursive: true });
  const here = version === 1 ? controllers : handDown([mount, join(mount, slice), folder]);
  const probe = join(folder, PROBE_CGROUP);
  mkdirSync(probe, { recursive: true });
  const swapFile = version === 2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes";
  const knobs = here.map((controller) => ({ controller, version, swap: existsSync(join(probe, swapFile)) }));
  for (const knob of knobs) {
    for (const path of [join(mount, slice), folder]) {
      for (const [file, text] of shareOfAll(knob, availableParallelism())) {
        try {
          writeFileSync(join(path, file), text);
        } catch {
          // the owner of the tree decides
        }
      }
    }
  }
  return knobs;
}

/** In version 2 a controller must be handed down from folder to folder. @returns those that arrive */
function handDown(folders: readonly string[]): Controller[] {
  return CONTROLLERS.filter((name) =>
    folders.every((folder) => {
      const has = (file: string) => (readIfThere(join(folder, file)) ?? "").split(/\s/).includes(name);
      if (has("cgroup.subtree_control")) return true;
      if (!has("cgroup.controllers")) return false;
      try {
        writeFileSync(join(folder, "cgroup.subtree_control"), `+${name}`);
        return true;
      } catch {
        // processes live in it, or it is another's
        return false;
      }
    }),
  );
}

/** Has a process of the user enter the probe in each tree. @returns those that it could, or why not even the first */
function placesEntered(places: readonly Place[], user: User): Place[] | string {
  const probes = new Cgroups(places[0]?.base ?? "", places);
  const opened: number[] = [];
  try {
    probes.create(PROBE_CGROUP, opened);
    const script = opened.map((_, i) => `echo 0 >&${3 + i} && echo ${i}`).join("\n");
    const { stdout, stderr } = spawnSync("/bin/sh", ["-c", script], {
      stdio: ["ignore", "pipe", "pipe", ...opened],
      ...user.ids,
      cwd: "/",
    });
    const entered = stdout.toString().split("\n");
    if (!entered.includes("0")) return stderr.toString().trim();
    return places.filter((_, i) => entered.includes(String(i)));
  } finally {
    for (const fd of opened) closeSync(fd);
    probes.remove(PROBE_CGROUP);
  }
}
