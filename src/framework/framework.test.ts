import { expect, test } from "vitest";
import {
  AGENT,
  ID,
  info,
  launch,
  level,
  OTHER_AGENT,
  offer,
  onOther,
  running,
  Scene,
  subscribed,
  task,
  unaware,
} from "../../test/support/frameworkScene.ts";
import { nextSendAt } from "./lines.ts";

/** What the Broker is told, and confirms. */
function levels(scene: Scene) {
  const told = [];
  for (let calls = scene.asked("framework"); calls.length > 0; calls = scene.asked("framework"))
    for (const { to, args } of calls) {
      told.push(args);
      scene.home.result(to, "framework", args, { ok: true, value: { clusters: ["north"], rev: args.rev } });
    }
  return told;
}

test("what was never heard of has no tables, and a refused subscription stores nothing", () => {
  const scene = new Scene();
  expect(scene.home.call("view", {})).toBe(null);
  expect(scene.tell()).toEqual({ isKnown: false, isActive: false });
  expect(scene.call({ type: "REVIVE", roles: [] }, "s")).toEqual({ status: 400, body: "Framework cannot be found" });
  expect(scene.subscribe({ optionsError: "bad" })).toEqual([{ type: "ERROR", message: "bad" }]);
  expect(scene.home.isOpen(scene.socket)).toBe(false);
  expect(scene.home.query("SELECT name FROM sqlite_master")).toEqual([]);
});

test("that a framework was removed comes before what is wrong with its options, and this before what may not change", () => {
  const scene = subscribed();
  const wrong = { optionsError: "bad", info: info({ principal: "q" }) };
  expect(scene.subscribe(wrong)).toEqual([{ type: "ERROR", message: "bad" }]);
  scene.subscribe();
  scene.call({ type: "TEARDOWN" });
  expect(scene.subscribe(wrong)).toEqual([{ type: "ERROR", message: "Framework has been removed" }]);
});

test("a new id is subscribed, and the Broker told until it confirms", () => {
  const scene = new Scene();
  expect(scene.subscribe()).toEqual([{ type: "SUBSCRIBED", frameworkId: ID }]);
  const [first] = scene.asked("framework");
  expect(first?.args).toMatchObject({
    id: ID,
    state: "active",
    principal: "p",
    roles: [{ name: "a" }, { name: "b" }],
  });
  scene.pass(40_000);
  expect(scene.asked("framework").length).toBeGreaterThan(0);
  scene.home.crash();
  expect(levels(scene)).toHaveLength(1);
  scene.home.crash();
  expect(levels(scene)).toEqual([]);
  scene.pass(400_000);
  expect(levels(scene).length).toBeGreaterThan(0);
});

test("a Broker that knows a higher rev is told a higher one", () => {
  const scene = subscribed();
  scene.answer("framework", { clusters: [], rev: 70 });
  expect(levels(scene)[0]).toMatchObject({ rev: 71, state: "active" });
});

test("SchedulerFailover: the old stream ends with an ERROR, the new one is subscribed", () => {
  const scene = subscribed();
  const old = scene.socket;
  scene.tell({ offers: [offer("north.1.1")] });
  scene.events();
  const events = scene.subscribe();
  expect(scene.events(old)).toEqual([{ type: "ERROR", message: "Framework failed over" }]);
  expect(scene.home.isOpen(old)).toBe(false);
  expect(events).toEqual([{ type: "SUBSCRIBED", frameworkId: ID }]);
  expect(scene.asked("decline")[0]?.args).toEqual({ framework: ID, offers: ["north.1.1"], refuseMs: null });
  scene.home.closeSocket(old);
  expect(scene.view()).toMatchObject({ isConnected: true, state: "active", offers: [] });
});

test("MasterFailover: after a restart the framework comes back with its id, even with no failover timeout", () => {
  const scene = subscribed({ info: info({ failoverTimeoutMs: 0 }) });
  scene.home.dropSockets();
  scene.home.crash();
  expect(scene.view()).toMatchObject({ state: "inactive", isConnected: false });
  scene.pass(29_000);
  expect(scene.view().state).toBe("inactive");
  expect(scene.subscribe()).toEqual([{ type: "SUBSCRIBED", frameworkId: ID }]);
  scene.home.dropSockets();
  scene.home.crash();
  scene.pass(3_700_000);
  expect(scene.view().state).toBe("removed");
});

test("a stream that stayed while the object was rebuilt goes on", () => {
  const scene = subscribed();
  scene.home.crash();
  expect(scene.view()).toMatchObject({ state: "active", isConnected: true });
  scene.tell({ offers: [offer("north.1.1")] });
  expect(scene.events()).toMatchObject([{ type: "OFFERS" }]);
});

test("FrameworkPrincipalChangeFails: the new stream ends, the old one stays", () => {
  const scene = subscribed();
  const { stream } = scene;
  expect(scene.subscribe({ info: info({ principal: "q" }) })).toEqual([
    { type: "ERROR", message: "Changing framework's principal is not allowed." },
  ]);
  expect(scene.call({ type: "REQUEST" }, stream).status).toBe(202);
});

test("credentials of another role neither take it over nor call for it", () => {
  const scene = subscribed();
  const { stream } = scene;
  const message = "The framework has role 'lab/a', which is not within role 'shop' of these credentials";
  expect(scene.subscribe({ within: "shop" })).toEqual([{ type: "ERROR", message }]);
  const args = { streamId: stream, principal: "p", call: { type: "TEARDOWN" } };
  expect(scene.home.call("call", { ...args, within: "shop" })).toEqual({ status: 403, body: message });
  expect(scene.view().state).toBe("active");
  expect(scene.home.call("call", { ...args, within: "lab" })).toMatchObject({ status: 202 });
});

test("user and checkpoint stay as they were, the rest is taken over", () => {
  const scene = subscribed();
  scene.subscribe({ info: info({ user: "bob", checkpoint: true, name: "other" }) });
  expect(scene.view().info).toMatchObject({ user: "ann", checkpoint: false, name: "other" });
});

test("SchedulerSubscribeAfterTeardown: the id is gone for ever", () => {
  const scene = running();
  expect(scene.call({ type: "TEARDOWN" }).status).toBe(202);
  expect(scene.home.isOpen(scene.socket)).toBe(false);
  expect(levels(scene).at(-1)).toMatchObject({ state: "removed" });
  scene.home.crash();
  expect(scene.subscribe()).toEqual([{ type: "ERROR", message: "Framework has been removed" }]);
  expect(scene.tell()).toEqual({ isKnown: false, isActive: false });
  expect(scene.call({ type: "REQUEST" })).toEqual({ status: 400, body: "Framework cannot be found" });
  expect(scene.tasks()).toMatchObject([{ isCompleted: true, level: { state: "cancelled" } }]);
});

test("SchedulerFailoverStatusUpdate: the next instance gets the update with the same uuid", () => {
  const scene = subscribed();
  scene.launched("t");
  scene.tell({ tasks: [level("t", "running")] });
  const [update] = scene.updates();
  expect(update?.uuid).toHaveLength(24);
  scene.home.closeSocket(scene.socket);
  scene.home.crash();
  const again = scene.subscribe();
  expect(again).toEqual([
    { type: "SUBSCRIBED", frameworkId: ID },
    { type: "UPDATE", status: update },
  ]);
});

test("FrameworkReregister: earlier offers are invalid, and all may be offered again", () => {
  const scene = subscribed();
  scene.tell({ offers: [offer("north.1.1")] });
  scene.subscribe();
  expect(levels(scene).at(-1)).toMatchObject({ roles: [{ revived: 1 }, { revived: 1 }] });
  scene.call({ type: "ACCEPT", offerIds: ["north.1.1"], operations: launch("t"), refuseMs: 0 });
  expect(scene.updates()).toMatchObject([
    { state: "TASK_DROPPED", message: "Task launched with invalid offers: Offer north.1.1 is no longer valid" },
  ]);
});

test("IgnoreKillTaskFromUnregisteredFramework: an instance that was replaced kills nothing", () => {
  const scene = running();
  const { stream } = scene;
  scene.subscribe();
  const answer = scene.call({ type: "KILL", taskId: "t", agentId: null, graceMs: null }, stream);
  expect(answer).toEqual({
    status: 400,
    body: `The stream ID '${stream}' included in this request didn't match the stream ID currently associated with framework ID ${ID}`,
  });
  expect(scene.asked("killTask")).toEqual([]);
});

test("a TEARDOWN that is repeated is done already; its tasks were killed", () => {
  const scene = subscribed();
  scene.launched("t");
  scene.tell({ tasks: [level("t", "running")] });
  expect(scene.call({ type: "TEARDOWN" })).toEqual({ status: 202, body: "" });
  scene.home.crash();
  expect(scene.call({ type: "TEARDOWN" })).toEqual({ status: 202, body: "" });
  expect(scene.call({ type: "TEARDOWN" }, "another").status).toBe(400);
  const [task] = scene.tasks();
  expect(task?.isCompleted).toBe(true);
  expect(task?.statuses.at(-1)).toMatchObject({ state: "TASK_KILLED", reason: "REASON_FRAMEWORK_REMOVED" });
});

test("what is too large for a row is refused, and how large it is told", () => {
  const scene = subscribed();
  const name = "x".repeat(2_000_000);
  const update = scene.call({
    type: "UPDATE_FRAMEWORK",
    info: info({ name }),
    suppressedRoles: [],
    constraints: { roles: {} },
    infoError: null,
    optionsError: null,
  });
  expect(update).toEqual({
    status: 413,
    body: expect.stringMatching(
      /^What this framework says of itself takes 200\d+ bytes to keep, and at most 1900000 are/,
    ),
  });
  scene.tell({ offers: [offer("north.1.1")] });
  const accept = scene.call({
    type: "ACCEPT",
    offerIds: ["north.1.1"],
    operations: [{ type: "LAUNCH", id: null, tasks: [{ ...task("t"), name }] }],
    refuseMs: 0,
  });
  expect(accept.status).toBe(413);
  expect(scene.view().offers).toHaveLength(1);
  const other = new Scene();
  expect(other.subscribe({ info: info({ name }) })).toMatchObject([{ type: "ERROR" }]);
});

test("many updates and states leave a thousand a turn, so that a stream keeps up", () => {
  const scene = subscribed();
  const ids = Array.from({ length: 2_500 }, (_, n) => `t${n}`);
  scene.launched(...ids);
  scene.tell({ tasks: ids.map((id) => level(id, "running")) });
  scene.events();
  const turns = (): number[] => {
    const counts = [scene.updates().length];
    while ((scene.home.alarmAt ?? Number.POSITIVE_INFINITY) <= scene.home.nowMs + 1) {
      scene.pass(1);
      counts.push(scene.updates().length);
    }
    return counts;
  };
  scene.call({ type: "RECONCILE", tasks: [] });
  expect(turns()).toEqual([1_000, 1_000, 500]);
  scene.home.closeSocket(scene.socket);
  expect(scene.subscribe()).toHaveLength(1_001);
  expect(turns()).toEqual([0, 1_000, 500]);
});

test("calls are refused in Mesos' order and words", () => {
  const scene = subscribed();
  expect(scene.call({ type: "REQUEST" }, null, "q")).toEqual({
    status: 400,
    body: "Authenticated principal 'q' does not match principal 'p' set in `FrameworkInfo`",
  });
  expect(scene.call({ type: "REQUEST" }, null)).toEqual({
    status: 400,
    body: "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
  });
  expect(scene.call({ type: "UNKNOWN" }, "other").status).toBe(400);
  expect(scene.call({ type: "UNKNOWN" })).toEqual({ status: 501, body: "501 Not Implemented." });
  scene.home.closeSocket(scene.socket);
  for (const type of ["REQUEST", "UNKNOWN"] as const)
    expect(scene.call({ type }, null)).toEqual({ status: 403, body: "Framework is not subscribed" });
});

test("a stream that breaks makes it inactive, and its failover timeout removes it, counted in ticks", () => {
  const scene = subscribed({ info: info({ failoverTimeoutMs: 60_000 }) });
  scene.tell({ offers: [offer("north.1.1")] });
  scene.home.closeSocket(scene.socket);
  expect(levels(scene).at(-1)).toMatchObject({ state: "inactive" });
  expect(scene.asked("decline")).toHaveLength(1);
  expect(scene.tell({ offers: [offer("north.1.2")] })).toEqual({ isKnown: true, isActive: false });
  expect(scene.view().offers).toEqual([]);
  scene.home.nowMs += 86_400_000;
  scene.home.fireAlarm();
  scene.home.crash();
  scene.pass(50_000);
  expect(scene.view().state).toBe("inactive");
  scene.pass(6_000);
  expect(scene.view().state).toBe("removed");
});

test("who has a week to come back wakes the object seldom, also one that is evicted meanwhile", () => {
  const weekMs = 7 * 86_400_000;
  const away = (): Scene => {
    const scene = subscribed({ info: info({ failoverTimeoutMs: weekMs }) });
    scene.home.closeSocket(scene.socket);
    levels(scene);
    return scene;
  };
  const evicted = away();
  const { home } = evicted;
  const sinceMs = home.nowMs;
  for (let n = 0; n < 3_000 && evicted.view().state === "inactive"; n++) {
    home.crash();
    home.nowMs = home.alarmAt ?? 0;
    home.crash();
    home.fireAlarm();
  }
  expect(evicted.view().state).toBe("removed");
  expect(home.nowMs - sinceMs).toBe(weekMs);

  const scene = away();
  const { turns, rowsWritten } = scene.home;
  scene.home.nowMs += 86_400_000;
  scene.home.fireAlarm();
  scene.pass(weekMs - 300_001);
  expect(scene.view().state).toBe("inactive");
  expect(scene.home.turns - turns).toBeLessThan(3_000);
  expect(scene.home.rowsWritten - rowsWritten).toBeLessThan(6_000);
  scene.pass(5_002);
  expect(scene.view().state).toBe("removed");
});

test("without a failover timeout a broken stream removes it at once", () => {
  const scene = subscribed({ info: info({ failoverTimeoutMs: 0 }) });
  scene.home.closeSocket(scene.socket);
  expect(scene.view().state).toBe("removed");
});

test("a stream that a fault of ours broke leaves it time to come back, even with no failover timeout", () => {
  const scene = subscribed({ info: info({ failoverTimeoutMs: 0 }) });
  scene.home.closeSocket(scene.socket, false);
  expect(scene.view().state).toBe("inactive");
  scene.pass(29_000);
  expect(scene.subscribe()).toEqual([{ type: "SUBSCRIBED", frameworkId: ID }]);
});

test("NoOffersWithAllRolesSuppressed and NoOffersOnReregistrationWithAllRolesSuppressed: what is offered all the same goes back", () => {
  const scene = subscribed({ suppressedRoles: ["a", "b"] });
  expect(levels(scene).at(-1)).toMatchObject({ roles: [{ suppressed: true }, { suppressed: true }] });
  scene.tell({ offers: [offer("north.1.1")] });
  expect(scene.events()).toEqual([]);
  expect(scene.asked("decline")).toHaveLength(1);
  scene.call({ type: "REVIVE", roles: [] });
  scene.tell({ offers: [offer("north.1.2")] });
  expect(scene.events()).toMatchObject([{ type: "OFFERS", offers: [{ id: "north.1.2" }] }]);
  expect(scene.subscribe({ suppressedRoles: ["a", "b"] })).toHaveLength(1);
  scene.tell({ offers: [offer("north.1.3")] });
  expect(scene.events()).toEqual([]);
});

test("OperationFeedbackValidation: of a launch with an id each task is a TASK_ERROR", () => {
  const scene = subscribed();
  scene.tell({ offers: [offer("north.1.1")] });
  scene.events();
  const group = { type: "LAUNCH_GROUP" as const, id: "group", executorId: "e", pieces: [], error: null };
  const operations = [
    { type: "LAUNCH" as const, id: "op", tasks: [task("t"), task("u")] },
    { ...group, tasks: [task("v")] },
  ];
  scene.call({ type: "ACCEPT", offerIds: ["north.1.1"], operations, refuseMs: 0 });
  const error = (type: string) => ({
    state: "TASK_ERROR",
    uuid: null,
    message: `The \`id\` field cannot be set on ${type} operations`,
  });
  expect(scene.updates()).toMatchObject([
    { taskId: "t", reason: "REASON_TASK_INVALID", ...error("LAUNCH") },
    { taskId: "u", reason: "REASON_TASK_INVALID", ...error("LAUNCH") },
    { taskId: "v", reason: "REASON_TASK_GROUP_INVALID", ...error("LAUNCH_GROUP") },
  ]);
  expect(scene.asked("accept")[0]?.args).toMatchObject({ offers: ["north.1.1"], operations: [] });
});

for (const [name, more, state] of [
  ["Dropped", {}, "TASK_DROPPED"],
  ["Lost", { info: info(unaware) }, "TASK_LOST"],
] as const) {
  test(`LaunchAcrossSlaves${name} and LaunchDuplicateOffer${name}`, () => {
    const scene = subscribed(more);
    scene.tell({ offers: [offer("north.1.1"), onOther("north.1.2")] });
    scene.events();
    scene.call({ type: "ACCEPT", offerIds: ["north.1.1", "north.1.2"], operations: launch("t"), refuseMs: 9 });
    expect(scene.updates()).toMatchObject([
      {
        state,
        reason: "REASON_INVALID_OFFERS",
        source: "SOURCE_MASTER",
        uuid: null,
        message: `Task launched with invalid offers: Aggregated offers must belong to one single agent. Offer north.1.2 uses agent ${OTHER_AGENT} and agent ${AGENT}`,
      },
    ]);
    expect(scene.asked("decline")[0]?.args).toMatchObject({ offers: ["north.1.1", "north.1.2"], refuseMs: null });
    scene.tell({ offers: [offer("north.1.3")] });
    scene.events();
    const reserve = { type: "RESERVE" as const, id: "op", pieces: [], error: null };
    const operations = [...launch("t"), reserve];
    scene.call({ type: "ACCEPT", offerIds: ["north.1.3", "north.1.3"], operations, refuseMs: 9 });
    expect(scene.events()).toMatchObject([
      { status: { state, message: "Task launched with invalid offers: Duplicate offer north.1.3 in offer list" } },
      { type: "UPDATE_OPERATION_STATUS", status: { operationId: "op", state: "OPERATION_ERROR", uuid: null } },
    ]);
    expect(scene.view().offers).toEqual([]);
    expect(scene.asked("accept")).toEqual([]);
  });
}

test("an accept is repeated until it is answered, also after a crash, and what it asks for is known at once", () => {
  const scene = subscribed();
  scene.tell({ offers: [offer("north.1.1")] });
  scene.call({ type: "ACCEPT", offerIds: ["north.1.1"], operations: launch("t", "u"), refuseMs: 7 });
  const [first] = scene.asked("accept");
  expect(first?.args).toMatchObject({ framework: ID, offers: ["north.1.1"], refuseMs: 7 });
  scene.home.crash();
  expect(scene.asked("accept")[0]?.args).toEqual(first?.args);
  scene.pass(40_000);
  expect(scene.asked("accept").length).toBeGreaterThan(0);
  // The Worker does not know that it was heard.
  scene.events();
  scene.call({ type: "ACCEPT", offerIds: ["north.1.1"], operations: launch("t", "u"), refuseMs: 7 });
  expect(scene.updates()).toEqual([]);
  scene.call({ type: "RECONCILE", tasks: [] });
  expect(scene.updates()).toMatchObject([{ state: "TASK_STAGING" }, { state: "TASK_STAGING" }]);
  const rejected = {
    taskId: "u",
    agentId: AGENT,
    executorId: null,
    state: "TASK_ERROR",
    reason: "REASON_TASK_INVALID",
    message: "no",
  };
  scene.home.result(first?.to, "accept", first?.args, { ok: true, value: { rejected: [rejected], operations: [] } });
  expect(scene.updates()).toMatchObject([{ taskId: "u", state: "TASK_ERROR", uuid: null, message: "no" }]);
  expect(scene.tasks()).toHaveLength(1);
  scene.home.result(first?.to, "accept", first?.args, { ok: true, value: { rejected: [rejected], operations: [] } });
  expect(scene.updates()).toEqual([]);
});

test("what a Cluster that lost its rows was asked to launch may run there, unless it is told of, until its node has stopped it", () => {
  const scene = subscribed();
  scene.tell({ isWhole: true, offers: [offer("north.1.1")] });
  scene.call({ type: "ACCEPT", offerIds: ["north.1.1"], operations: launch("t", "u"), refuseMs: 7 });
  const [asked] = scene.asked("accept");
  expect(asked?.args).toMatchObject({ incarnation: 1 });
  scene.tell({ isWhole: true, incarnation: 2, tasks: [level("u", "running")] });
  scene.drain();
  const value = { rejected: [], operations: [], isUnknown: true };
  scene.home.result(asked?.to, "accept", asked?.args, { ok: true, value });
  expect(scene.updates()).toMatchObject([{ taskId: "t", state: "TASK_UNREACHABLE", uuid: null }]);
  scene.home.crash();
  scene.pass(730_000);
  expect(scene.drain()).toEqual([]);
  scene.pass(20_000);
  expect(scene.updates()).toMatchObject([{ taskId: "t", state: "TASK_GONE" }]);
});

test("a repeated accept is not refused, but what it has beside what was asked for is", () => {
  const scene = subscribed();
  scene.tell({ offers: [offer("north.1.1"), offer("north.1.2")] });
  const reserve = (id: string) => ({ type: "RESERVE" as const, id, pieces: [], error: null });
  const accept = (
    offerIds: string[],
    ...operations: (ReturnType<typeof launch>[number] | ReturnType<typeof reserve>)[]
  ) => scene.call({ type: "ACCEPT", offerIds, operations, refuseMs: 7 });
  accept(["north.1.1"], ...launch("t"), reserve("op"));
  scene.events();
  accept(["north.1.1", "north.1.2"], ...launch("t", "u"), reserve("op"), reserve("other"));
  const error = "Offer north.1.1 is no longer valid";
  expect(scene.events()).toMatchObject([
    { status: { taskId: "u", state: "TASK_DROPPED", reason: "REASON_INVALID_OFFERS", uuid: null } },
    { status: { operationId: "other", message: `Operation attempted with invalid offers: ${error}` } },
  ]);
  expect(scene.asked("decline")[0]?.args).toMatchObject({ offers: ["north.1.2"] });
  scene.answer("accept", { rejected: [], operations: [] });
  accept(["north.1.1"], ...launch("t", "v"), reserve("op"));
  expect(scene.events()).toMatchObject([{ status: { taskId: "v" } }, { status: { operationId: "op" } }]);
});

test("a task is launched once, however often its id comes before its end is acknowledged", () => {
  const scene = running();
  scene.tell({ offers: [offer("north.1.2")] });
  scene.call({ type: "ACCEPT", offerIds: ["north.1.2"], operations: launch("t", "u", "u"), refuseMs: 7 });
  const [asked] = scene.asked("accept");
  const duplicate = (id: string) => ({ error: { message: `Task has duplicate ID: ${id}`, isId: true } });
  expect(asked?.args.operations[0].tasks).toMatchObject([duplicate("t"), { error: null }, duplicate("u")]);
  scene.events();
  const rejected = ["t", "u"].map((taskId) => ({
    taskId,
    agentId: AGENT,
    executorId: null,
    state: "TASK_ERROR",
    reason: "REASON_TASK_INVALID",
    message: "twice",
  }));
  scene.home.result(asked?.to, "accept", asked?.args, { ok: true, value: { rejected, operations: [] } });
  expect(scene.updates()).toMatchObject([{ taskId: "t" }, { taskId: "u" }]);
  expect(scene.tasks().map(({ level: { taskId, state } }) => [taskId, state])).toEqual([
    ["u", "staging"],
    ["t", "running"],
  ]);
});

test("KillUnknownTask and UnknownKillTask: a kill of an unknown task is answered as a reconciliation", () => {
  const scene = subscribed({ info: info(unaware) });
  scene.call({ type: "KILL", taskId: "x", agentId: null, graceMs: null });
  expect(scene.updates()).toMatchObject([
    { taskId: "x", state: "TASK_LOST", reason: "REASON_RECONCILIATION", uuid: null },
  ]);
});

test("a kill is repeated until the task has ended", () => {
  const scene = running();
  scene.call({ type: "KILL", taskId: "t", agentId: OTHER_AGENT, graceMs: null });
  expect(scene.asked("killTask")).toEqual([]);
  scene.call({ type: "KILL", taskId: "t", agentId: AGENT, graceMs: 3000 });
  expect(scene.asked("killTask")[0]?.args).toEqual({ framework: ID, taskId: "t", graceMs: 3000 });
  scene.home.crash();
  scene.answer("killTask", {});
  scene.pass(11_000);
  expect(scene.asked("killTask")).toHaveLength(1);
  scene.tell({ tasks: [level("t", "cancelled", { reason: "cancelled" })] });
  scene.pass(200_000);
  expect(scene.asked("killTask")).toEqual([]);
  expect(scene.drain().at(-1)).toBe("TASK_KILLED");
});

test("a kill waits for the answer to the accept; SHUTDOWN kills all tasks of an executor", () => {
  const scene = subscribed();
  scene.tell({ offers: [offer("north.1.1")] });
  const operations = [
    {
      type: "LAUNCH_GROUP" as const,
      id: null,
      executorId: "e",
      pieces: [],
      error: null,
      tasks: [task("t", { executorId: "e" }), task("u", { executorId: "e" })],
    },
    ...launch("v"),
  ];
  scene.call({ type: "ACCEPT", offerIds: ["north.1.1"], operations, refuseMs: 0 });
  scene.call({ type: "SHUTDOWN", executorId: "e", agentId: AGENT });
  expect(scene.asked("killTask")).toEqual([]);
  scene.answer("accept", { rejected: [], operations: [] });
  expect(scene.asked("killTask").map(({ args }) => args.taskId)).toEqual(["t", "u"]);
});

test("MultiRoleSchedulerUnsubscribeFromRole: its tasks stay, its offers are rescinded, no more come", () => {
  const scene = running();
  scene.tell({ offers: [offer("north.1.2"), offer("north.1.3", { role: "b" })] });
  scene.events();
  const roles = [{ name: "b", role: "lab/b" }];
  const call = {
    type: "UPDATE_FRAMEWORK" as const,
    info: info({ roles }),
    suppressedRoles: [],
    constraints: { roles: {} },
    infoError: null,
    optionsError: null,
  };
  expect(scene.call(call)).toEqual({ status: 200, body: "" });
  expect(scene.events()).toEqual([{ type: "RESCIND", offerId: "north.1.2" }]);
  expect(scene.asked("decline").at(-1)?.args).toMatchObject({ offers: ["north.1.2"], refuseMs: null });
  scene.tell({ offers: [offer("north.1.4")] });
  expect(scene.events()).toEqual([]);
  expect(scene.tasks()).toHaveLength(1);
});

test("RetryStatusUpdate: again after 10 s, 20 s, …, until it is acknowledged; stray acknowledgements are ignored", () => {
  const scene = subscribed();
  scene.launched("t");
  scene.tell({ tasks: [level("t", "running")] });
  const [update] = scene.updates();
  if (!update) throw new Error("no update");
  scene.pass(9_999);
  expect(scene.updates()).toEqual([]);
  scene.pass(1);
  expect(scene.updates()).toEqual([update]);
  scene.pass(19_999);
  expect(scene.updates()).toEqual([]);
  scene.home.crash();
  scene.pass(1);
  expect(scene.updates()).toEqual([update]);
  scene.ack({ ...update, uuid: "AAAAAAAAAAAAAAAAAAAAAA==" });
  scene.ack({ ...update, agentId: OTHER_AGENT });
  expect(scene.updates()).toEqual([]);
  scene.ack(update);
  expect(scene.updates()).toMatchObject([{ state: "TASK_RUNNING" }]);
  scene.ack(update);
  expect(scene.updates()).toEqual([]);
});

test("an update is sent again after 10, 30, 70, 150 s, and never later than 10 min after the last time", () => {
  const times: number[] = [];
  for (let now = 0; times.length < 9; now = times.at(-1) ?? 0) times.push(nextSendAt(0, now));
  expect(times.map((at) => at / 1000)).toEqual([10, 30, 70, 150, 310, 630, 1230, 1830, 2430]);
  expect(nextSendAt(1e12, 5)).toBe(10_005);
});

const update = (scene: Scene, more: object) =>
  scene.call({
    type: "UPDATE_FRAMEWORK",
    info: info(),
    suppressedRoles: [],
    constraints: { roles: {} },
    infoError: null,
    optionsError: null,
    ...more,
  });

test("MutableFieldsUpdateSuccessfully and NoRedundantUpdates", () => {
  const scene = subscribed();
  levels(scene);
  const changed = { info: info({ name: "other", webuiUrl: "http://x", failoverTimeoutMs: 5 }) };
  expect(update(scene, changed)).toEqual({ status: 200, body: "" });
  expect(scene.view().info).toMatchObject(changed.info);
  expect(levels(scene)).toHaveLength(1);
  const { rowsWritten } = scene.home;
  expect(update(scene, changed)).toEqual({ status: 200, body: "" });
  expect(scene.home.rowsWritten).toBe(rowsWritten);
});

test("an update of what may not change is refused whole", () => {
  const scene = subscribed();
  const prefix = "FrameworkInfo update is not valid: ";
  for (const [more, body] of [
    [{ info: info({ user: "bob" }), infoError: "x" }, "Supplied FrameworkInfo is not valid: x"],
    [{ optionsError: "x" }, "'UpdateFramework' call is not valid: x"],
    [
      { info: info({ user: "bob" }), optionsError: "x" },
      `${prefix}Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'ann' to 'bob'`,
    ],
    [
      { info: info({ checkpoint: true }) },
      `${prefix}Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'false' to 'true'`,
    ],
    [{ info: info({ principal: "q" }) }, `${prefix}Changing framework's principal is not allowed.`],
  ] as const)
    expect(update(scene, more)).toEqual({ status: 400, body });
  expect(scene.view().info).toEqual(info());
});

test("RemoveAndUnsuppress: a role that is not suppressed any more is revived", () => {
  const scene = subscribed();
  levels(scene);
  update(scene, { suppressedRoles: ["a"] });
  expect(levels(scene)[0].roles).toMatchObject([{ suppressed: true, revived: 0 }, { suppressed: false }]);
  update(scene, {});
  expect(levels(scene)[0].roles).toMatchObject([{ suppressed: false, revived: 1 }, { revived: 0 }]);
});

test("a wish about a role that it has not is dropped whole", () => {
  const scene = subscribed();
  const { rowsWritten } = scene.home;
  expect(scene.call({ type: "SUPPRESS", roles: ["a", "z"] }).status).toBe(202);
  expect(scene.call({ type: "REVIVE", roles: ["z"] }).status).toBe(202);
  expect(scene.home.rowsWritten).toBe(rowsWritten);
  scene.call({ type: "SUPPRESS", roles: ["a"] });
  expect(scene.view().suppressedRoles).toEqual(["a"]);
});

const RECONCILED: [string, string | null, string, string, string][] = [
  ["UnknownSlave, on an unknown agent", AGENT, "unknown", "TASK_UNKNOWN", "Task is unknown"],
  [
    "UnknownTask and UnknownTaskPartitionAware, on a registered agent",
    AGENT,
    "registered",
    "TASK_GONE",
    "Task is unknown to the agent",
  ],
  ["on an unreachable agent", AGENT, "unreachable", "TASK_UNREACHABLE", "Task is unreachable"],
  ["on an agent that is gone", AGENT, "gone", "TASK_GONE_BY_OPERATOR", "Task is gone"],
  ["on no agent in particular", null, "unknown", "TASK_UNKNOWN", "Task is unknown"],
  ["on an agent of no cluster", "south.n1.1", "", "TASK_UNKNOWN", "Task is unknown"],
];
for (const [name, agent, state, aware, text] of RECONCILED) {
  test(`an unknown task, ${name}, is reconciled as ${aware}, as TASK_LOST to those that know no partitions`, () => {
    for (const [more, expected] of [
      [{}, aware],
      [{ info: info(unaware) }, "TASK_LOST"],
    ] as const) {
      const scene = subscribed(more);
      scene.tell();
      scene.call({ type: "RECONCILE", tasks: [{ taskId: "x", agentId: agent }] });
      if (state !== "") {
        expect(scene.updates()).toEqual([]);
        scene.answer("agentStates", { states: { [AGENT]: state }, isRecovering: agent !== null });
      }
      expect(scene.updates()).toMatchObject([
        {
          taskId: "x",
          agentId: agent,
          state: expected,
          source: "SOURCE_MASTER",
          reason: "REASON_RECONCILIATION",
          message: `Reconciliation: ${text}`,
          uuid: null,
        },
      ]);
      expect(scene.asked("agentStates")).toEqual([]);
    }
  });
}

test("RecoveredAgent: nothing is said of an agent that is not back", () => {
  const scene = subscribed();
  scene.tell();
  scene.call({ type: "RECONCILE", tasks: [{ taskId: "x", agentId: AGENT }] });
  scene.answer("agentStates", { states: { [AGENT]: "recovering" }, isRecovering: true });
  expect(scene.updates()).toEqual([]);
});

test("RecoveredAgent: nothing is said of a task on no agent in particular while any is not back", () => {
  const scene = subscribed({ info: info(unaware) });
  levels(scene);
  scene.tell({ cluster: "south" });
  const ask = [
    () => scene.call({ type: "RECONCILE", tasks: [{ taskId: "x", agentId: null }] }),
    () => scene.call({ type: "KILL", taskId: "x", agentId: null, graceMs: null }),
  ];
  for (const again of ask) {
    again();
    const [north, south, ...none] = scene.asked("agentStates");
    expect([north?.args, south?.args, none]).toEqual([{ agentIds: [] }, { agentIds: [] }, []]);
    const answer = (to: typeof north, isRecovering: boolean) =>
      scene.home.result(to?.to, "agentStates", to?.args, { ok: true, value: { states: {}, isRecovering } });
    answer(north, false);
    answer(south, true);
    again();
    scene.home.result(north?.to, "agentStates", north?.args, { ok: false, error: "lost" });
    answer(south, false);
    answer(north, false);
    expect(scene.updates()).toEqual([]);
    again();
    answer(south, false);
    expect(scene.updates()).toEqual([]);
    answer(north, false);
    expect(scene.updates()).toMatchObject([{ taskId: "x", state: "TASK_LOST", reason: "REASON_RECONCILIATION" }]);
    scene.asked("agentStates");
  }
});

test("UnacknowledgedTerminalTask and ReconcileStatusUpdateTaskState: the state that was sent last", () => {
  const scene = running();
  scene.launched("u");
  scene.tell({ tasks: [level("t", "succeeded", { reason: "exit", code: 0 }), level("u", "succeeded")] });
  scene.events();
  scene.call({
    type: "RECONCILE",
    tasks: [
      { taskId: "t", agentId: null },
      { taskId: "u", agentId: null },
    ],
  });
  const message = "Reconciliation: Latest task state";
  expect(scene.updates()).toMatchObject([{ state: "TASK_FINISHED", message, uuid: null }, { state: "TASK_STARTING" }]);
});

test("what is back is not reconciled as unreachable while an earlier update waits for its acknowledgement", () => {
  for (const more of [{}, { info: info(unaware) }]) {
    const scene = subscribed(more);
    scene.launched("t");
    scene.tell({ tasks: [level("t", "running")] });
    scene.tell({ tasks: [level("t", "unreachable")] });
    scene.tell({ tasks: [level("t", "running")] });
    scene.events();
    scene.call({ type: "RECONCILE", tasks: [{ taskId: "t", agentId: null }] });
    expect(scene.updates()).toMatchObject([{ taskId: "t", state: "TASK_STARTING", uuid: null }]);
  }
});

test("an object that nobody answers does not wake more often than its retries are due", () => {
  const scene = subscribed();
  levels(scene);
  scene.launched("t");
  scene.tell({ tasks: [level("t", "running")] });
  scene.tell({ offers: [offer("north.1.2")] });
  scene.call({ type: "KILL", taskId: "t", agentId: null, graceMs: null });
  scene.call({ type: "DECLINE", offerIds: ["north.1.2"], refuseMs: 0 });
  const { turns } = scene.home;
  scene.pass(3_600_000);
  expect(scene.home.turns - turns).toBeLessThan(300);
  scene.home.closeSocket(scene.socket);
  scene.pass(4_000_000);
  expect(scene.view().state).toBe("removed");
  levels(scene);
  scene.pass(100_000);
  levels(scene);
  expect(scene.home.alarmAt === null || scene.home.alarmAt <= scene.home.nowMs + 60_000).toBe(true);
  const after = scene.home.turns;
  scene.pass(86_400_000);
  expect(scene.home.turns - after).toBeLessThan(3);
});
