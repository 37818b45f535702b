/** An agent reduced to its driver, as a process that tests can kill: starts one attempt and says so. */

import { bootId } from "../clock.ts";
import { attemptOf } from "./attempt.fixture.ts";
import { Cgroups, openCgroups } from "./cgroups.ts";
import { ProcessDriver } from "./driver.ts";
import { taskUser } from "./user.ts";

const [tasks = "", hash = "", command = ""] = process.argv.slice(2);
const user = taskUser(null);
const cgroups = hash === "" ? null : openCgroups(hash, user);
const driver = new ProcessDriver({
  tasks,
  cgroups: cgroups instanceof Cgroups ? cgroups : null,
  user,
  boot: bootId(),
  place: { league: "l", cluster: "c", node: "n" },
  hidesGpus: false,
  log: () => {},
  started: () => process.stdout.write("started\n"),
  startFailed: (_key, message) => process.stdout.write(`${message}\n`),
  exited: () => {},
});
driver.start(attemptOf({ command }));
