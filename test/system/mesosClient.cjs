/**
 * The npm package `mesos-framework` as it is, driven over standard input and output: a line of JSON for each event that it
 * emits, and a word for each thing that it is to do. It is a process of its own, for it may end itself.
 */
const { createInterface } = require("node:readline");
const { Scheduler, Mesos } = require("mesos-framework");

const { port, frameworkId, tasks } = JSON.parse(process.argv[2]);
const mesos = Mesos.getMesos();
const say = (event, told = {}) => process.stdout.write(`${JSON.stringify({ event, ...told })}\n`);

const described = Object.entries(tasks).map(([name, { command, instances, cpus }]) => [
  name,
  {
    priority: 1,
    instances,
    commandInfo: new mesos.CommandInfo(null, null, true, command, null, null),
    resources: { cpus, mem: 64, ports: 1, disk: 0 },
  },
]);
const scheduler = new Scheduler({
  masterUrl: "127.0.0.1",
  port,
  frameworkName: "demo",
  frameworkFailoverTimeout: 604_800,
  logging: { level: "error", path: "./logs", fileName: "framework.log" },
  restartStates: [],
  tasks: Object.fromEntries(described),
});
if (frameworkId) scheduler.frameworkId = frameworkId;
scheduler.on("error", (error) => say("error", { message: String(error.message ?? error) }));
scheduler.on("subscribed", ({ frameworkId: id, mesosStreamId }) => say("subscribed", { id, stream: mesosStreamId }));
scheduler.on("offers", ({ offers }) => say("offers", { agents: offers.map(({ agent_id }) => agent_id.value) }));
scheduler.on("heartbeat", () => say("heartbeat"));
scheduler.on("update", ({ status }) =>
  say("update", {
    task: status.task_id.value,
    state: status.state,
    agent: status.agent_id?.value ?? null,
    uuid: status.uuid ?? null,
    message: status.message ?? "",
  }),
);
scheduler.on("ready", () => scheduler.subscribe());

createInterface({ input: process.stdin }).on("line", (line) => {
  const [word, task, agent] = line.split(" ");
  if (word === "kill") scheduler.kill(task, agent);
  else if (word === "reconcile") scheduler.reconcile(task, agent);
  else if (word === "teardown") scheduler.teardown();
  else say("error", { message: `what is ${line}?` });
});
