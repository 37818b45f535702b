import { expect, test } from "vitest";
import {
  AGENT,
  ID,
  info,
  launch,
  level,
  OTHER_AGENT,
  offer,
  running,
  type Scene,
  subscribed,
  unaware,
} from "../../test/support/frameworkScene.ts";

test("a task that runs: STARTING, RUNNING, its end, each after the one before is acknowledged", () => {
  const scene = subscribed();
  scene.launched("t");
  scene.tell({ tasks: [level("t", "running")] });
  const [starting, ...none] = scene.updates();
  expect(none).toEqual([]);
  expect(starting).toMatchObject({
    taskId: "t",
    state: "TASK_STARTING",
    source: "SOURCE_EXECUTOR",
    agentId: AGENT,
    executorId: "t",
    ip: "10.0.0.1",
  });
  scene.tell({ tasks: [level("t", "succeeded", { reason: "exit", code: 0 })] });
  expect(scene.updates()).toEqual([]);
  if (starting) scene.ack(starting);
  const [next] = scene.updates();
  expect(next).toMatchObject({ state: "TASK_RUNNING", source: "SOURCE_EXECUTOR" });
  if (next) scene.ack(next);
  const [end] = scene.updates();
  expect(end).toMatchObject({ state: "TASK_FINISHED", message: "Command exited with status 0", reason: null });
  expect(scene.tasks()[0]?.isCompleted).toBe(false);
  if (end) scene.ack(end);
  expect(scene.tasks()).toMatchObject([
    {
      isCompleted: true,
      statuses: [{ state: "TASK_STARTING" }, { state: "TASK_RUNNING" }, { state: "TASK_FINISHED" }],
    },
  ]);
  // Its Cluster did not hear the answer.
  scene.tell({ tasks: [level("t", "succeeded", { reason: "exit", code: 0 })] });
  expect(scene.updates()).toEqual([]);
});

const BEGIN = ["TASK_STARTING", "TASK_RUNNING"];
const ENDS: [Parameters<typeof level>[1], Partial<ReturnType<typeof level>>, string[], object, string?][] = [
  [
    "failed",
    { reason: "exit", code: 3 },
    BEGIN,
    { state: "TASK_FAILED", reason: null, message: "Command exited with status 3" },
  ],
  [
    "failed",
    { reason: "signal", signal: "SIGSEGV" },
    BEGIN,
    { state: "TASK_FAILED", reason: null, message: "Command terminated with signal Segmentation fault" },
  ],
  [
    "failed",
    { reason: "out-of-memory" },
    BEGIN,
    { state: "TASK_FAILED", reason: "REASON_CONTAINER_LIMITATION_MEMORY" },
  ],
  ["failed", { reason: "timeout" }, BEGIN, { state: "TASK_FAILED", reason: "REASON_MAX_COMPLETION_TIME_REACHED" }],
  ["failed", { reason: "start-failed" }, [], { state: "TASK_FAILED", reason: "REASON_CONTAINER_LAUNCH_FAILED" }],
  [
    "cancelled",
    { reason: "cancelled" },
    [],
    { state: "TASK_KILLED", reason: null, message: "Command terminated with signal Terminated" },
  ],
  ["failed", { reason: "drained" }, [], { state: "TASK_KILLED", reason: "REASON_AGENT_DRAINING" }],
  [
    "refused",
    { reason: "refused", message: "no such user" },
    [],
    { state: "TASK_ERROR", reason: "REASON_TASK_INVALID", message: "no such user" },
  ],
  ["failed", { reason: "reclaimed" }, [], { state: "TASK_GONE", reason: "REASON_CONTAINER_PREEMPTED" }, "TASK_LOST"],
  ["failed", { reason: "rebooted" }, [], { state: "TASK_GONE", reason: "REASON_AGENT_RESTARTED" }, "TASK_LOST"],
  ["failed", { reason: "vanished" }, [], { state: "TASK_GONE", reason: "REASON_EXECUTOR_TERMINATED" }, "TASK_LOST"],
  ["lost", { reason: "agent-lost" }, [], { state: "TASK_GONE", reason: "REASON_AGENT_REMOVED" }, "TASK_LOST"],
];
for (const [state, more, begin, end, unawareState] of ENDS) {
  test(`how a ${state} task ends whose reason is ${more.reason}`, () => {
    for (const of of [{}, { info: info(unaware) }]) {
      const scene = subscribed(of);
      scene.launched("t");
      scene.tell({ tasks: [level("t", state, more)] });
      const last = () => scene.tasks()[0]?.statuses.at(-1);
      const states = scene.drain();
      const expected = { ...end, ...("info" in of && unawareState !== undefined && { state: unawareState }) };
      expect(last()).toMatchObject(expected);
      expect(last()?.uuid).not.toBe(null);
      expect(states).toEqual([...begin, last()?.state]);
      expect(scene.tasks()[0]?.isCompleted).toBe(true);
    }
  });
}

test("TaskRunning: told with a uuid, its agent and its executor, which of a single task is the task", () => {
  const status = running().tasks()[0]?.statuses.at(-1);
  expect(status).toMatchObject({ taskId: "t", agentId: AGENT, executorId: "t", state: "TASK_RUNNING" });
  expect(Buffer.from(status?.uuid ?? "", "base64")).toHaveLength(16);
});

test("TASK_KILLING only to those that know it", () => {
  for (const [more, states] of [
    [{ info: info({ capabilities: ["TASK_KILLING_STATE"] }) }, ["TASK_KILLING"]],
    [{}, []],
  ] as const) {
    const scene = running(more);
    scene.tell({ tasks: [level("t", "killing")] });
    expect(scene.drain()).toEqual(states);
  }
});

test("ReregisterSlavePartitionAware: unreachable, and running again", () => {
  for (const [more, state] of [
    [{}, "TASK_UNREACHABLE"],
    [{ info: info(unaware) }, "TASK_LOST"],
  ] as const) {
    const scene = running(more);
    scene.tell({ tasks: [level("t", "unreachable")], lostAgents: [AGENT] });
    expect(scene.events()).toMatchObject([
      {
        type: "UPDATE",
        status: {
          state,
          source: "SOURCE_MASTER",
          reason: "REASON_AGENT_REMOVED",
          uuid: null,
          unreachableAtMs: 1_800_000_000_000,
        },
      },
      { type: "FAILURE", agentId: AGENT, executorId: null, status: null },
    ]);
    scene.tell({ tasks: [level("t", "unreachable")] });
    expect(scene.updates()).toEqual([]);
    scene.call({ type: "RECONCILE", tasks: [{ taskId: "t", agentId: null }] });
    expect(scene.updates()).toMatchObject([{ state, message: "Reconciliation: Task is unreachable" }]);
    scene.tell({ tasks: [level("t", "running")] });
    expect(scene.drain()).toEqual(["TASK_RUNNING"]);
    scene.tell({ tasks: [level("t", "unreachable")] });
    scene.tell({ tasks: [level("t", "succeeded")] });
    expect(scene.drain()).toEqual([state, "TASK_FINISHED"]);
  }
});

test("AgentWithTerminalTaskPartitioned: a task that has ended keeps its end", () => {
  const scene = running();
  scene.tell({ tasks: [level("t", "succeeded")] });
  scene.tell({ tasks: [level("t", "unreachable")] });
  scene.tell({ isWhole: true, incarnation: 2 });
  expect(scene.drain()).toEqual(["TASK_FINISHED"]);
});

test("what is not newer changes nothing, and nothing is written for it", () => {
  const scene = running();
  scene.tell({ rev: 50, tasks: [level("t", "killing")] });
  const { rowsWritten } = scene.home;
  expect(scene.tell({ rev: 50, tasks: [level("t", "succeeded")] })).toEqual({ isKnown: true, isActive: true });
  scene.tell({ rev: 49, offers: [offer("north.1.9")] });
  scene.tell({ rev: 51, tasks: [level("t", "killing")], rescinded: ["north.1.7"] });
  expect(scene.home.rowsWritten).toBe(rowsWritten);
  expect(scene.events()).toEqual([]);
});

test("an update is two rows, its acknowledgement one", () => {
  const scene = running();
  let { rowsWritten } = scene.home;
  scene.tell({ tasks: [level("t", "succeeded")] });
  // One replaces the other: SQLite counts the row that was there, too, not that of the clock.
  expect(scene.home.rowsWritten - rowsWritten).toBeLessThanOrEqual(2);
  rowsWritten = scene.home.rowsWritten;
  const [end] = scene.updates();
  if (end) scene.ack(end);
  expect(scene.home.rowsWritten - rowsWritten).toBe(1);
});

test("offers are sent once, and rescinded while nobody has answered them", () => {
  const scene = subscribed();
  scene.tell({ offers: [offer("north.1.1"), offer("north.1.2")] });
  expect(scene.events()).toMatchObject([{ type: "OFFERS", offers: [{ id: "north.1.1" }, { id: "north.1.2" }] }]);
  scene.call({ type: "DECLINE", offerIds: ["north.1.1", "north.1.7"], refuseMs: 6 });
  expect(scene.asked("decline")[0]?.args).toEqual({ framework: ID, offers: ["north.1.1"], refuseMs: 6 });
  scene.home.crash();
  expect(scene.asked("decline")).toHaveLength(1);
  scene.tell({ offers: [offer("north.1.1"), offer("north.1.2")], rescinded: ["north.1.1"] });
  expect(scene.events()).toEqual([]);
  scene.tell({ rescinded: ["north.1.2"] });
  expect(scene.events()).toEqual([{ type: "RESCIND", offerId: "north.1.2" }]);
  expect(scene.home.call("metrics", {})).toMatchObject({ offers_outstanding: 0, offers_rescinded_total: 1 });
  scene.home.crash();
  expect(scene.view().counts).toEqual({ sent: 2, accepted: 0, declined: 1, rescinded: 1 });
});

test("what an object that died had not said of its offers is said when its Cluster tells it again, and once", () => {
  const scene = subscribed();
  const unavailability = { startMs: 1, durationMs: null };
  const inverse = { id: "north.1.3", agentId: AGENT, hostname: "n1", ip: "10.0.0.1", unavailability };
  scene.tell({ offers: [offer("north.1.1"), offer("north.1.2")], inverseOffers: [inverse] });
  scene.call({ type: "DECLINE", offerIds: ["north.1.2"], refuseMs: 6 });
  scene.events();
  const gone = { rescinded: ["north.1.1", "north.1.2"], rescindedInverse: ["north.1.3"] };
  scene.tell(gone);
  scene.home.crash();
  scene.tell(gone);
  expect(scene.events()).toEqual([
    { type: "RESCIND", offerId: "north.1.1" },
    { type: "RESCIND_INVERSE_OFFER", inverseOfferId: "north.1.3" },
  ]);
  scene.tell(gone);
  expect(scene.events()).toEqual([]);
  scene.home.crash();
  scene.subscribe();
  scene.tell(gone);
  expect(scene.events()).toEqual([]);
});

test("a Cluster that begins anew: offers are no more, tasks unreachable, but for what was asked for just now", () => {
  const scene = running();
  scene.tell({ offers: [offer("north.1.5"), offer("north.1.6"), offer("north.1.7")] });
  scene.call({ type: "ACCEPT", offerIds: ["north.1.5"], operations: launch("u"), refuseMs: 0 });
  scene.events();
  scene.tell({ isWhole: true, incarnation: 2, offers: [offer("north.1.7")] });
  expect(scene.events()).toMatchObject([
    { type: "RESCIND", offerId: "north.1.6" },
    { type: "UPDATE", status: { taskId: "t", state: "TASK_UNREACHABLE", uuid: null } },
  ]);
  expect(scene.tasks().map(({ level: { taskId, state } }) => [taskId, state])).toEqual([
    ["u", "staging"],
    ["t", "unreachable"],
  ]);
  scene.home.crash();
  scene.tell({ incarnation: 2, tasks: [level("t", "running")] });
  expect(scene.drain()).toEqual(["TASK_RUNNING"]);
  expect(scene.tasks()).toHaveLength(2);
});

test("what a Cluster told of and does not know any more may run on its node, also when it did not begin anew", () => {
  const scene = running();
  scene.tell({ isWhole: true });
  expect(scene.updates()).toMatchObject([{ taskId: "t", state: "TASK_UNREACHABLE", uuid: null }]);
});

test("the end of a task is told once, however many have ended since its Cluster told of it", () => {
  const scene = running();
  scene.tell({ tasks: [level("t", "succeeded")] });
  expect(scene.drain()).toEqual(["TASK_FINISHED"]);
  for (let n = 0; n < 1_001; n++) {
    scene.launched(`u${n}`);
    scene.tell({ tasks: [level(`u${n}`, "cancelled", { reason: "cancelled" })] });
    scene.drain();
  }
  expect(scene.home.call("metrics", {})).toMatchObject({ tasks_completed: 1_000 });
  scene.tell({ tasks: [level("t", "succeeded")] });
  expect(scene.updates()).toEqual([]);
});

for (const [more, unreachable, gone] of [
  [{}, "TASK_UNREACHABLE", "TASK_GONE"],
  [{ info: info(unaware) }, "TASK_LOST", "TASK_LOST"],
] as const) {
  const missing = (): Scene => {
    const scene = running(more);
    scene.tell({ isWhole: true, incarnation: 2 });
    expect(scene.updates()).toMatchObject([
      { taskId: "t", state: unreachable, uuid: null, message: "Agent is unreachable" },
    ]);
    return scene;
  };

  test(`a task that a Cluster began anew without is ${unreachable}, and ${gone} once its node has stopped it`, () => {
    const scene = missing();
    // Told again, as its answer was lost.
    scene.tell({ isWhole: true, incarnation: 2 });
    scene.tell({ isWhole: true, incarnation: 3 });
    scene.pass(740_000);
    expect(scene.updates()).toEqual([]);
    scene.pass(61_000);
    const [end] = scene.updates();
    expect(end).toMatchObject({ state: gone, reason: "REASON_AGENT_REMOVED" });
    expect(end?.uuid).not.toBe(null);
    scene.tell({ incarnation: 3, tasks: [level("t", "running")] });
    if (end) scene.ack(end);
    scene.tell({ incarnation: 3, tasks: [level("t", "running")] });
    expect(scene.updates()).toEqual([]);
    expect(scene.tasks()).toMatchObject([{ isCompleted: true, level: { state: "lost" } }]);
  });

  test(`a task that was ${unreachable} goes on when its Cluster tells of it, and is counted anew the next time`, () => {
    const scene = missing();
    scene.pass(700_000);
    scene.tell({ incarnation: 2, tasks: [level("t", "running")] });
    expect(scene.drain()).toEqual(["TASK_RUNNING"]);
    scene.tell({ isWhole: true, incarnation: 3 });
    expect(scene.drain()).toEqual([unreachable]);
    scene.pass(700_000);
    expect(scene.updates()).toEqual([]);
    scene.tell({ incarnation: 3, tasks: [level("t", "unreachable")] });
    scene.pass(700_000);
    expect(scene.updates()).toEqual([]);
  });
}

test("what is missing is never gone too early: neither by an outage nor by a rebuild", () => {
  const scene = running();
  scene.tell({ isWhole: true, incarnation: 2 });
  scene.pass(700_000);
  expect(scene.drain()).toEqual(["TASK_UNREACHABLE"]);
  scene.home.crash();
  scene.home.nowMs += 86_400_000;
  scene.home.fireAlarm();
  expect(scene.drain()).toEqual([]);
  scene.pass(30_000);
  expect(scene.drain()).toEqual(["TASK_GONE"]);
});

test("what is missing and has long to end is gone when it must have ended", () => {
  const scene = subscribed();
  scene.launched("t");
  scene.tell({ tasks: [level("t", "running", { lostAfterMs: 1_237_100 })] });
  scene.drain();
  scene.tell({ isWhole: true, incarnation: 2 });
  scene.pass(1_350_000);
  expect(scene.drain()).toEqual(["TASK_UNREACHABLE"]);
  scene.pass(60_000);
  expect(scene.updates()[0]).toMatchObject({ state: "TASK_GONE" });
});

test("what is missing is gone in time, also of an object that sleeps between its alarms", () => {
  const scene = running();
  scene.tell({ isWhole: true, incarnation: 2 });
  expect(scene.drain()).toEqual(["TASK_UNREACHABLE"]);
  const { home } = scene;
  const sinceMs = home.nowMs;
  for (let n = 0; n < 100 && scene.tasks()[0]?.level.state === "unreachable"; n++) {
    home.crash();
    home.nowMs = home.alarmAt ?? 0;
    home.crash();
    home.fireAlarm();
  }
  expect(scene.drain()).toEqual(["TASK_GONE"]);
  expect(home.nowMs - sinceMs).toBe(750_000);
});

test("what is missing waits for a stream to be gone, and a kill of it is not asked for more often than others", () => {
  const scene = running();
  scene.call({ type: "KILL", taskId: "t", agentId: null, graceMs: null });
  scene.tell({ isWhole: true, incarnation: 2 });
  scene.home.closeSocket(scene.socket);
  const { turns } = scene.home;
  scene.pass(800_000);
  expect(scene.home.turns - turns).toBeLessThan(300);
  expect(scene.subscribe()).toMatchObject([{ type: "SUBSCRIBED" }, { status: { state: "TASK_GONE" } }]);
  scene.home.take("call");
  scene.home.crash();
  scene.pass(100_000);
  expect(scene.asked("killTask")).toEqual([]);
});

test("an agent is asked for once at a time: its newest inverse offer takes the place of the one before", () => {
  const scene = subscribed();
  const unavailability = { startMs: 1, durationMs: null };
  const inverse = (id: string, agent = AGENT) => ({
    id,
    agentId: agent,
    hostname: "n1",
    ip: "10.0.0.7",
    unavailability,
  });
  scene.tell({ inverseOffers: [inverse("i1"), inverse("j1", OTHER_AGENT)] });
  scene.events();
  scene.tell({ inverseOffers: [inverse("i2")] });
  expect(scene.events()).toEqual([
    { type: "RESCIND_INVERSE_OFFER", inverseOfferId: "i1" },
    { type: "INVERSE_OFFERS", inverseOffers: [inverse("i2")] },
  ]);
});

test("inverse offers wait for a stream, and their answers for the Cluster", () => {
  const scene = subscribed();
  scene.home.closeSocket(scene.socket);
  const unavailability = { startMs: 1, durationMs: null };
  const inverse = { id: "north.1.i", agentId: AGENT, hostname: "n1", ip: "10.0.0.7", unavailability };
  scene.tell({ inverseOffers: [inverse] });
  const events = scene.subscribe();
  expect(events.at(-1)).toEqual({ type: "INVERSE_OFFERS", inverseOffers: [inverse] });
  scene.call({ type: "ACCEPT_INVERSE_OFFERS", inverseOfferIds: [inverse.id], refuseMs: 4 });
  scene.home.crash();
  const args = { framework: ID, inverseOffers: [inverse.id], isAccepted: true, refuseMs: 4 };
  expect(scene.asked("answerInverse")[0]?.args).toEqual(args);
});

test("the newest 1000 completed tasks are kept", () => {
  const scene = subscribed();
  for (let n = 0; n < 1003; n++) {
    scene.tell({ tasks: [level(`t${n}`, "cancelled")] });
    const [end] = scene.updates();
    if (end) scene.ack(end);
  }
  expect(scene.home.query("SELECT COUNT(*) AS n FROM task")).toEqual([{ n: 1000 }]);
  expect(scene.tasks()[0]?.level.taskId).toBe("t1002");
});
