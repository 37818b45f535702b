/** An agent reduced to its driver and guard, as a process that tests can stop and kill. */
import { mkdirSync } from "node:fs";
import { bootId, uptimeMs } from "../clock.ts";
import { attemptOf } from "../process/attempt.fixture.ts";
import { Cgroups, openCgroups } from "../process/cgroups.ts";
import { ProcessDriver } from "../process/driver.ts";
import { taskUser } from "../process/user.ts";
import { Guard } from "./guard.ts";

const [tasks = "", run = "", hash = "", command = "", termInMs = "", deadlineInMs = ""] = process.argv.slice(2);
const user = taskUser(null);
const found = hash === "" ? null : openCgroups(hash, user);
const cgroups = found instanceof Cgroups ? found : null;
const boot = bootId();
mkdirSync(run, { recursive: true });
const guard = new Guard({ run, tasks, cgroups, uid: user.uid, boot, log: () => {} });
if (!(await guard.ready())) throw new Error("no guard");
const attempt = attemptOf({ command }, { deadlineMs: uptimeMs() + Number(deadlineInMs) });
guard.setDeadlines([
  { key: attempt.key, deadlineMs: attempt.deadlineMs, termAtMs: uptimeMs() + Number(termInMs), stopAfterMs: 30_000 },
]);
const driver = new ProcessDriver({
  tasks,
  cgroups,
  user,
  boot,
  place: { league: "l", cluster: "c", node: "n" },
  hidesGpus: false,
  log: () => {},
  started: () => process.stdout.write(`${guard.beat?.pid}\n`),
  startFailed: (_key, message) => process.stdout.write(`${message}\n`),
  exited: () => {},
});
driver.start(attempt);
