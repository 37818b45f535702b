import { expect, test } from "vitest";
import type { FrameworkCall } from "../../framework/methods.ts";
import { callOf } from "../fixture/decoded.ts";
import { readCall } from "./calls.ts";
import { callError } from "./validateCall.ts";

const UUID = "MTIzNDU2QDg5MDEyMzQ1Ng==";
const id = (value: string) => ({ value });
const whole = (json: object) => ({ framework_id: id("f1"), ...json });
const read = (json: object): FrameworkCall | null =>
  readCall(callOf(whole(json)), "f1", { principal: "p", role: "team" });
const errorOf = (json: object, principal: string | null = null) => callError(callOf(json), principal);

test("each call becomes the house's own", () => {
  const calls: [object, FrameworkCall][] = [
    [{ type: "TEARDOWN" }, { type: "TEARDOWN" }],
    [{ type: "REQUEST", request: { requests: [{}] } }, { type: "REQUEST" }],
    [
      { type: "ACCEPT", accept: { offer_ids: [id("o1"), id("o2")], filters: { refuse_seconds: 0 } } },
      { type: "ACCEPT", offerIds: ["o1", "o2"], operations: [], refuseMs: 0 },
    ],
    [
      { type: "DECLINE_INVERSE_OFFERS", decline_inverse_offers: { inverse_offer_ids: [id("o1")] } },
      { type: "DECLINE_INVERSE_OFFERS", inverseOfferIds: ["o1"], refuseMs: 5000 },
    ],
    [{ type: "REVIVE" }, { type: "REVIVE", roles: [] }],
    [
      { type: "REVIVE", revive: { roles: ["a"] } },
      { type: "REVIVE", roles: ["a"] },
    ],
    [
      { type: "SUPPRESS", suppress: { roles: ["a"] } },
      { type: "SUPPRESS", roles: ["a"] },
    ],
    [
      { type: "KILL", kill: { task_id: id("t"), kill_policy: { grace_period: { nanoseconds: 1e9 } } } },
      { type: "KILL", taskId: "t", agentId: null, graceMs: 1000 },
    ],
    [
      { type: "SHUTDOWN", shutdown: { executor_id: id("e"), agent_id: id("a") } },
      { type: "SHUTDOWN", executorId: "e", agentId: "a" },
    ],
    [
      { type: "ACKNOWLEDGE", acknowledge: { agent_id: id("a"), task_id: id("t"), uuid: UUID } },
      { type: "ACKNOWLEDGE", agentId: "a", taskId: "t", uuid: UUID },
    ],
    [
      {
        type: "ACKNOWLEDGE_OPERATION_STATUS",
        acknowledge_operation_status: { agent_id: id("a"), operation_id: id("o"), uuid: UUID },
      },
      { type: "ACKNOWLEDGE_OPERATION_STATUS", operationId: "o", uuid: UUID },
    ],
    [
      { type: "RECONCILE", reconcile: { tasks: [{ task_id: id("t") }, { task_id: id("u"), agent_id: id("a") }] } },
      {
        type: "RECONCILE",
        tasks: [
          { taskId: "t", agentId: null },
          { taskId: "u", agentId: "a" },
        ],
      },
    ],
    [
      { type: "RECONCILE_OPERATIONS", reconcile_operations: { operations: [{ operation_id: id("o") }] } },
      { type: "RECONCILE_OPERATIONS", operations: [{ operationId: "o", agentId: null }] },
    ],
    [
      { type: "MESSAGE", message: { agent_id: id("a"), executor_id: id("e"), data: "" } },
      { type: "MESSAGE", agentId: "a", executorId: "e" },
    ],
  ];
  for (const [json, call] of calls) {
    expect(errorOf(whole(json))).toBe(null);
    expect(read(json)).toEqual(call);
  }
});

test("refuse_seconds are 5 when they are not said or make no sense, and a year at most", () => {
  const refuseOf = (filters: object | null) => {
    const call = read({ type: "DECLINE", decline: { offer_ids: [], filters } });
    return call?.type === "DECLINE" ? call.refuseMs : null;
  };
  expect([null, {}, { refuse_seconds: -1 }].map(refuseOf)).toEqual([5000, 5000, 5000]);
  expect(refuseOf({ refuse_seconds: 0.5 })).toBe(500);
  expect(["Infinity", 1e9].map((refuse_seconds) => refuseOf({ refuse_seconds }))).toEqual([31_536e6, 31_536e6]);
});

test("UPDATE_FRAMEWORK: what is wrong with it is told with it", () => {
  const update = (info: object, more: object = {}) => {
    const framework_info = { user: "u", name: "n", id: id("f1"), ...info };
    const call = read({ type: "UPDATE_FRAMEWORK", update_framework: { framework_info, ...more } });
    return call?.type === "UPDATE_FRAMEWORK" ? call : null;
  };
  expect(update({ role: "x" })).toMatchObject({
    info: { principal: "p", roles: [{ name: "x", role: "team/x" }] },
    infoError: null,
    optionsError: null,
  });
  expect(update({ role: "/x" }, { suppressed_roles: ["x"] })).toMatchObject({
    infoError: "'FrameworkInfo.role' is not a valid role: Role '/x' cannot start with a slash",
    optionsError: "Suppressed roles { x } are not contained in the set of roles",
  });
});

test("what must be there is asked for in Mesos' order and words", () => {
  const info = { user: "u", name: "n" };
  const wrongs: [object, string][] = [
    [{ type: null }, "Expecting 'type' to be present"],
    [{ type: "SUBSCRIBE" }, "Expecting 'subscribe' to be present"],
    [
      { type: "SUBSCRIBE", framework_id: id("a"), subscribe: { framework_info: info } },
      "'framework_id' differs from 'subscribe.framework_info.id'",
    ],
    [{ type: "TEARDOWN" }, "Expecting 'framework_id' to be present"],
    ...["ACCEPT", "DECLINE", "ACCEPT_INVERSE_OFFERS", "DECLINE_INVERSE_OFFERS", "KILL", "SHUTDOWN", "ACKNOWLEDGE"].map(
      (type): [object, string] => [whole({ type }), `Expecting '${type.toLowerCase()}' to be present`],
    ),
    ...[
      "ACKNOWLEDGE_OPERATION_STATUS",
      "RECONCILE",
      "RECONCILE_OPERATIONS",
      "MESSAGE",
      "REQUEST",
      "UPDATE_FRAMEWORK",
    ].map((type): [object, string] => [whole({ type }), `Expecting '${type.toLowerCase()}' to be present`]),
    [
      whole({
        type: "ACKNOWLEDGE_OPERATION_STATUS",
        acknowledge_operation_status: { operation_id: id("o"), uuid: UUID },
      }),
      "Expecting 'agent_id' to be present",
    ],
    [
      whole({ type: "UPDATE_FRAMEWORK", update_framework: { framework_info: info } }),
      "'framework_id' differs from 'update_framework.framework_info.id'",
    ],
  ];
  for (const [json, text] of wrongs) expect(errorOf(json)).toBe(text);
  for (const type of ["TEARDOWN", "REVIVE", "SUPPRESS"]) expect(errorOf(whole({ type }))).toBe(null);
});

test("MalformedUUID: 16 bytes, of a version that there is", () => {
  const ackOf = (bytes: Uint8Array) => {
    const uuid = Buffer.from(bytes).toString("base64");
    return errorOf(whole({ type: "ACKNOWLEDGE", acknowledge: { agent_id: id("a"), task_id: id("t"), uuid } }));
  };
  const uuid = new Uint8Array(16).fill(0x42);
  expect(ackOf(uuid)).toBe(null);
  for (const bad of [new Uint8Array(16), new Uint8Array(15).fill(0x42), new Uint8Array(16).fill(0xf0)]) {
    expect(ackOf(bad)).toBe("Not a valid UUID");
  }
});

test("a principal that the info does not say may be anyone's", () => {
  const subscribe = (principal: string | null) => ({
    type: "SUBSCRIBE",
    subscribe: { framework_info: { user: "u", name: "n", principal } },
  });
  expect(errorOf(subscribe(null), "p")).toBe(null);
  expect(errorOf(subscribe("q"), null)).toBe(null);
  expect(errorOf(subscribe("q"), "p")).toContain("Authenticated principal 'p' does not match principal 'q'");
});
