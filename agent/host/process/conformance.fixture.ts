/** The suite of every driver, for drivers of commands. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bootId } from "../clock.ts";
import type { Subject } from "../conformance.fixture.ts";
import { Guard } from "../guard/guard.ts";
import { driverFor, type Mode, TEST_LIMITS, testCgroups } from "./driver.fixture.ts";
import { hierarchiesOf } from "./hierarchies.ts";
import { taskUser } from "./user.ts";

const NO_EVENTS = { started: () => {}, startFailed: () => {}, exited: () => {} };

export async function subjectOf(name: "process" | "sandbox", tasks: string, mode: Mode = "as it is"): Promise<Subject> {
  const hash = `test-${name}-${mode.replaceAll(" ", "-")}-${process.pid}`;
  const cgroups = testCgroups(hash, mode);
  const user = taskUser(null);
  return {
    user,
    health: await driverFor(name, tasks, cgroups, NO_EVENTS).probe(),
    job: {},
    pids: TEST_LIMITS.pids,
    make: (tasks, events) => driverFor(name, tasks, cgroups, events),
    starter: (tasks, job) => [
      join(import.meta.dirname, "starter.fixture.ts"),
      ...[name, tasks, cgroups ? hash : "", JSON.stringify(job), mode],
    ],
    guard: (run, tasks) => new Guard({ run, tasks, cgroups, uid: user.uid, boot: bootId(), log: () => {} }),
    traces: () =>
      hierarchiesOf(readFileSync("/proc/self/mountinfo", "utf8"))
        .flatMap(({ mount }) => foldersIn(join(mount, "hansa.slice", hash)))
        .filter((folder) => folder !== "guard"),
    end: () => cgroups?.removeAll(),
  };
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}
