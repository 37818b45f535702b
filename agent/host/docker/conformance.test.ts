/** The docker driver does what every driver must, on a real daemon. */
import { join } from "node:path";
import { afterAll } from "vitest";
import { IMAGE, Podman } from "../../../test/support/podman.ts";
import { bootId } from "../clock.ts";
import { conforms } from "../conformance.fixture.ts";
import type { DriverEvents } from "../driver.ts";
import { Guard } from "../guard/guard.ts";
import { taskUser } from "../process/user.ts";
import { DockerDriver } from "./driver.ts";

const DATA = "c0ffee00";
const PIDS = 40;
const user = taskUser(null);
const podman = await Podman.start();
afterAll(() => podman.end(), 60_000);

const make = (tasks: string, events: DriverEvents) =>
  new DockerDriver({
    ...{ tasks, user, data: DATA, boot: bootId(), place: { league: "l", cluster: "c", node: "n" } },
    ...{ socket: () => ({ path: podman.socket }), hidesGpus: false, nvidia: false, volumes: [], log: () => {} },
    limits: { pids: PIDS, cpuQuota: false },
    ...events,
  });

conforms("docker", {
  user,
  health: await make("", { started: () => {}, startFailed: () => {}, exited: () => {} }).probe(),
  job: { driver: "docker", image: IMAGE },
  pids: PIDS,
  differs: { makesFolders: true, codeIsSignal: true },
  make,
  starter: (tasks, job) => [
    join(import.meta.dirname, "starter.fixture.ts"),
    podman.socket,
    tasks,
    DATA,
    JSON.stringify(job),
  ],
  guard: (run, tasks) => new Guard({ run, tasks, cgroups: null, uid: user.uid, boot: bootId(), log: () => {} }),
  traces: () => podman.containers(),
  end: () => {},
});
