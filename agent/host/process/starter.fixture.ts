/** An agent reduced to its driver, as a process that tests can kill: starts one attempt and says so. */
import type { Template } from "../../../src/model/job.ts";
import { fetching } from "../fetch/driver.fixture.ts";
import { attemptOf } from "./attempt.fixture.ts";
import { driverFor, testCgroups } from "./driver.fixture.ts";

const [name = "process", tasks = "", hash = "", job = "{}", mode = "as it is"] = process.argv.slice(2);
const template: Partial<Template> = JSON.parse(job);
const events = {
  started: () => void process.stdout.write("started\n"),
  startFailed: (_key: string, message: string) => void process.stdout.write(`${message}\n`),
  exited: () => {},
};
const cgroups = hash === "" ? null : testCgroups(hash, mode === "v1" ? "v1" : "as it is");
const driver = fetching(driverFor(name, tasks, cgroups, events), tasks, events, "/");
driver.start(attemptOf(template));
