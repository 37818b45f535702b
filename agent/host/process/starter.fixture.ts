/** An agent reduced to its driver, as a process that tests can kill: starts one attempt and says so. */
import type { Template } from "../../../src/model/job.ts";
import { attemptOf } from "./attempt.fixture.ts";
import { driverFor, testCgroups } from "./driver.fixture.ts";

const [name = "process", tasks = "", hash = "", job = "{}", mode = "as it is"] = process.argv.slice(2);
const template: Partial<Template> = JSON.parse(job);
const driver = driverFor(name, tasks, hash === "" ? null : testCgroups(hash, mode === "v1" ? "v1" : "as it is"), {
  started: () => process.stdout.write("started\n"),
  startFailed: (_key, message) => process.stdout.write(`${message}\n`),
  exited: () => {},
});
driver.start(attemptOf(template));
