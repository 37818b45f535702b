/** Where the kernel's control groups are on this machine: the tree of version 2, those of version 1, or both. */
import type { Controller, Knobs } from "./limits.ts";
import { CONTROLLERS } from "./limits.ts";

export interface Hierarchy {
  mount: string;
  version: 1 | 2;
  /** those of ours that a mount of version 1 has */
  controllers: Controller[];
}

/** @param mountinfo /proc/self/mountinfo; what is mounted twice is told once */
export function hierarchiesOf(mountinfo: string): Hierarchy[] {
  const found = new Map<string, Hierarchy>();
  for (const line of mountinfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const [type, , options = ""] = right.split(" ");
    const mount = left.split(" ")[4];
    if (mount === undefined || (type !== "cgroup" && type !== "cgroup2")) continue;
    const words = options.split(",");
    const controllers = type === "cgroup2" ? [] : CONTROLLERS.filter((name) => words.includes(name));
    if (type === "cgroup" && controllers.length === 0) continue;
    const name = type === "cgroup2" ? type : controllers.join();
    if (!found.has(name)) found.set(name, { mount, version: type === "cgroup2" ? 2 : 1, controllers });
  }
  return [...found.values()];
}

/** The tree in which tasks are found and ended: that of version 2, which does it at once, else any. */
export function trackingOf(hierarchies: readonly Hierarchy[]): Hierarchy | null {
  return (
    hierarchies.find(({ version }) => version === 2) ??
    hierarchies.find(({ controllers }) => controllers.includes("pids")) ??
    hierarchies[0] ??
    null
  );
}

/** A folder of ours in one tree, and what can be set there. */
export interface Place {
  base: string;
  knobs: Knobs[];
}
