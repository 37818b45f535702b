/**
 * An agent reduced to its docker driver, and a guard if it is given a deadline, as a process that a test can kill when it
 * has said that its task is started.
 */
import { mkdirSync } from "node:fs";
import { bootId, uptimeMs } from "../clock.ts";
import { fetching } from "../fetch/driver.fixture.ts";
import { Guard } from "../guard/guard.ts";
import { attemptOf } from "../process/attempt.fixture.ts";
import { DEFAULT_LIMITS } from "../process/limits.ts";
import { taskUser } from "../process/user.ts";
import { DockerDriver } from "./driver.ts";

const [socket = "", tasks = "", data = "", job = "{}", run = "", termInMs = "", deadlineInMs = ""] =
  process.argv.slice(2);
const user = taskUser(null);
const boot = bootId();
const deadlineMs = run === "" ? null : uptimeMs() + Number(deadlineInMs);
const attempt = attemptOf(JSON.parse(job), { deadlineMs });
if (run !== "") {
  mkdirSync(run, { recursive: true });
  const guard = new Guard({ run, tasks, cgroups: null, uid: user.uid, boot, log: () => {} });
  if (!(await guard.ready())) throw new Error("no guard");
  guard.setDeadlines([{ key: attempt.key, deadlineMs, termAtMs: uptimeMs() + Number(termInMs), stopAfterMs: 30_000 }]);
}
const events = {
  started: (key: string) => void process.stdout.write(`${key}\n`),
  startFailed: (_key: string, message: string) => void process.stdout.write(`${message}\n`),
  exited: () => {},
};
const driver = new DockerDriver({
  ...{ socket: () => ({ path: socket }), tasks, data, boot, user },
  ...{
    place: { league: "l", cluster: "c", node: "n" },
    hidesGpus: false,
    limits: DEFAULT_LIMITS,
    nvidia: false,
    volumes: [],
    log: () => {},
  },
  ...events,
});
fetching(driver, tasks, events, "/").start(attempt);
