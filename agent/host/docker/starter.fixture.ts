/** An agent reduced to its docker driver, as a process that a test can kill when it has said that its task is started. */
import { bootId } from "../clock.ts";
import { attemptOf } from "../process/attempt.fixture.ts";
import { taskUser } from "../process/user.ts";
import { DockerDriver } from "./driver.ts";

const [socket = "", tasks = "", data = "", image = "", command = ""] = process.argv.slice(2);
const driver = new DockerDriver({
  ...{ socket: { path: socket }, tasks, data, boot: bootId(), user: taskUser(null) },
  ...{ place: { league: "l", cluster: "c", node: "n" }, hidesGpus: false, nvidia: false, log: () => {} },
  started: (key) => process.stdout.write(`${key}\n`),
  startFailed: (_key, message) => process.stdout.write(`${message}\n`),
  exited: () => {},
});
driver.start(attemptOf({ driver: "docker", image, command, resources: { mem: 64_000 } }));
