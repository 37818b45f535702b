/** Drivers of commands as tests make them, also in a process that they kill. */

import { readFileSync } from "node:fs";
import { bootId } from "../clock.ts";
import type { DriverEvents } from "../driver.ts";
import { sandboxPlan } from "../sandbox/plan.ts";
import { Cgroups, openCgroups } from "./cgroups.ts";
import { ProcessDriver } from "./driver.ts";
import { type Hierarchy, hierarchiesOf } from "./hierarchies.ts";
import type { LimitOptions } from "./limits.ts";
import { taskUser } from "./user.ts";

export const TEST_LIMITS: LimitOptions = { pids: 40, cpuQuota: true };

/** `v1`: as on a machine without version 2 */
export type Mode = "as it is" | "v1" | "none";
export function testCgroups(hash: string, mode: Mode = "as it is"): Cgroups | null {
  if (mode === "none") return null;
  const all: Hierarchy[] = hierarchiesOf(readFileSync("/proc/self/mountinfo", "utf8"));
  const opened = openCgroups(
    hash,
    taskUser(null),
    TEST_LIMITS,
    mode === "v1" ? all.filter(({ version }) => version === 1) : all,
  );
  return opened instanceof Cgroups ? opened : null;
}

export function driverFor(
  name: string,
  tasks: string,
  cgroups: Cgroups | null,
  events: DriverEvents,
  hidden: string[] = [],
): ProcessDriver {
  const user = taskUser(null);
  const shared = { tasks, cgroups, user, boot: bootId(), hidesGpus: false };
  return new ProcessDriver({
    ...shared,
    ...(name === "sandbox" && { plan: sandboxPlan({ ...shared, hidden, trial: `${tasks}-trial` }) }),
    place: { league: "l", cluster: "c", node: "n" },
    log: () => {},
    ...events,
  });
}
