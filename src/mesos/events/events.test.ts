import { expect, test } from "vitest";
import type { Offer, TaskStatus } from "../../model/framework.ts";
import { type EventContext, eventJson } from "./events.ts";

const CONTEXT: EventContext = {
  frameworkId: "f1",
  format: { hasManyRoles: false, hasRefinedReservations: false },
  heartbeatMs: 5000,
  url: new URL("https://broker.example.org/api/v1/scheduler"),
};
const REFINED: EventContext = { ...CONTEXT, format: { hasManyRoles: true, hasRefinedReservations: true } };

const OFFER: Offer = {
  id: "o1",
  agent: {
    id: "north.n1.1",
    hostname: "n1",
    ip: "10.0.0.7",
    region: "eu",
    zone: "eu-1",
    attributes: { cluster: "north", cores: "8" },
  },
  role: "r",
  pieces: [
    {
      reservation: null,
      amounts: { licences: 2000, cpus: 1500, gpus: 1500, mem: 64_000, ports: 2000 },
      ports: [[31000, 31001]],
    },
    {
      reservation: { role: "r", principal: "p", labels: [{ key: "k", value: null }] },
      amounts: { cpus: 1 },
      ports: [],
    },
  ],
  executorIds: ["e"],
};

const offerIn = (context: EventContext, offer = OFFER) =>
  JSON.parse(JSON.stringify(eventJson({ type: "OFFERS", offers: [offer] }, context))).offers.offers[0];

test("an offer as frameworks without capabilities know it", () => {
  const value = (name: string, amount: number) => ({ name, type: "SCALAR", scalar: { value: amount }, role: "*" });
  expect(offerIn(CONTEXT)).toEqual({
    id: { value: "o1" },
    framework_id: { value: "f1" },
    agent_id: { value: "north.n1.1" },
    hostname: "n1",
    url: { scheme: "http", address: { hostname: "n1", ip: "10.0.0.7", port: 5051 }, path: "/slave(1)" },
    domain: { fault_domain: { region: { name: "eu" }, zone: { name: "eu-1" } } },
    resources: [
      value("cpus", 1.5),
      value("mem", 64),
      value("gpus", 1),
      value("licences", 2),
      { name: "ports", type: "RANGES", ranges: { range: [{ begin: 31000, end: 31001 }] }, role: "*" },
      {
        name: "cpus",
        type: "SCALAR",
        scalar: { value: 0.001 },
        role: "r",
        reservation: { principal: "p", labels: { labels: [{ key: "k" }] } },
      },
    ],
    attributes: [
      { name: "cluster", type: "TEXT", text: { value: "north" } },
      { name: "cores", type: "TEXT", text: { value: "8" } },
    ],
    executor_ids: [{ value: "e" }],
  });
});

test("58 with MULTI_ROLE and RESERVATION_REFINEMENT an offer says to whom it is allocated and reserved", () => {
  const offer = offerIn(REFINED);
  expect(offer.allocation_info).toEqual({ role: "r" });
  expect(offer.resources[0]).toEqual({
    name: "cpus",
    type: "SCALAR",
    scalar: { value: 1.5 },
    allocation_info: { role: "r" },
  });
  expect(offer.resources.at(-1)).toMatchObject({
    allocation_info: { role: "r" },
    reservations: [{ type: "DYNAMIC", role: "r", principal: "p", labels: { labels: [{ key: "k" }] } }],
  });
});

test("what is empty is left out", () => {
  const offer = offerIn(CONTEXT, {
    ...OFFER,
    pieces: [],
    executorIds: [],
    agent: { ...OFFER.agent, region: null, attributes: {} },
  });
  expect(Object.keys(offer)).toEqual(["id", "framework_id", "agent_id", "hostname", "url"]);
});

test("an inverse offer tells by when its agent shall be empty, in nanoseconds of exact digits", () => {
  const inverse = { id: "o", agentId: "a", hostname: "n1", ip: "10.0.0.7" };
  const told = (durationMs: number | null) => {
    const unavailability = { startMs: 1_764_138_123_456, durationMs };
    return eventJson({ type: "INVERSE_OFFERS", inverseOffers: [{ ...inverse, unavailability }] }, CONTEXT);
  };
  expect(told(2)).toEqual({
    type: "INVERSE_OFFERS",
    inverse_offers: {
      inverse_offers: [
        {
          id: { value: "o" },
          framework_id: { value: "f1" },
          agent_id: { value: "a" },
          url: { scheme: "http", address: { hostname: "n1", ip: "10.0.0.7", port: 5051 }, path: "/slave(1)" },
          unavailability: { start: { nanoseconds: 1_764_138_123_456_000_000 }, duration: { nanoseconds: 2e6 } },
        },
      ],
    },
  });
  expect(JSON.stringify(told(null))).toContain('"unavailability":{"start":{"nanoseconds":1764138123456000000}}');
});

test("SUBSCRIBED tells the heartbeat's interval and by what address we were reached", () => {
  const subscribed = (url: string) =>
    eventJson({ type: "SUBSCRIBED", frameworkId: "f1" }, { ...CONTEXT, url: new URL(url) }).subscribed;
  expect(subscribed("https://broker.example.org/")).toMatchObject({
    framework_id: { value: "f1" },
    heartbeat_interval_seconds: 5,
    master_info: {
      ip: 0,
      port: 443,
      hostname: "broker.example.org",
      address: { hostname: "broker.example.org", port: 443 },
    },
  });
  expect(subscribed("http://127.0.0.1:8787/")).toMatchObject({
    master_info: { ip: 16_777_343, port: 8787, address: { ip: "127.0.0.1" } },
  });
});

test("31 an update has what its status has, and no more", () => {
  const bare: TaskStatus = {
    taskId: "t",
    state: "TASK_LOST",
    source: "SOURCE_MASTER",
    reason: null,
    message: null,
    agentId: null,
    executorId: null,
    atMs: 1_470_820_172_070,
    uuid: null,
  };
  const statusOf = (status: TaskStatus) => eventJson({ type: "UPDATE", status }, CONTEXT).update;
  expect(statusOf(bare)).toEqual({
    status: { task_id: { value: "t" }, state: "TASK_LOST", source: "SOURCE_MASTER", timestamp: 1_470_820_172.07 },
  });
  const whole: TaskStatus = {
    ...bare,
    state: "TASK_RUNNING",
    reason: "REASON_RECONCILIATION",
    message: "m",
    agentId: "a",
    executorId: "t",
    uuid: "MTIz",
    ip: "10.0.0.7",
    unreachableAtMs: 1000,
  };
  expect(statusOf(whole)).toMatchObject({
    status: {
      message: "m",
      reason: "REASON_RECONCILIATION",
      agent_id: { value: "a" },
      executor_id: { value: "t" },
      uuid: "MTIz",
      container_status: { network_infos: [{ ip_addresses: [{ protocol: "IPv4", ip_address: "10.0.0.7" }] }] },
      unreachable_time: { nanoseconds: 1e9 },
    },
  });
});

test("the smaller events", () => {
  expect(eventJson({ type: "RESCIND", offerId: "o" }, CONTEXT)).toEqual({
    type: "RESCIND",
    rescind: { offer_id: { value: "o" } },
  });
  expect(eventJson({ type: "RESCIND_INVERSE_OFFER", inverseOfferId: "o" }, CONTEXT)).toEqual({
    type: "RESCIND_INVERSE_OFFER",
    rescind_inverse_offer: { inverse_offer_id: { value: "o" } },
  });
  expect(eventJson({ type: "FAILURE", agentId: "a", executorId: null, status: null }, CONTEXT)).toEqual({
    type: "FAILURE",
    failure: { agent_id: { value: "a" } },
  });
  expect(eventJson({ type: "FAILURE", agentId: "a", executorId: "e", status: 1 }, CONTEXT)).toEqual({
    type: "FAILURE",
    failure: { agent_id: { value: "a" }, executor_id: { value: "e" }, status: 1 },
  });
  const status = { operationId: "o", state: "OPERATION_FINISHED", message: null, agentId: "a", uuid: "MTIz" } as const;
  expect(eventJson({ type: "UPDATE_OPERATION_STATUS", status }, CONTEXT)).toEqual({
    type: "UPDATE_OPERATION_STATUS",
    update_operation_status: {
      status: {
        operation_id: { value: "o" },
        state: "OPERATION_FINISHED",
        uuid: { value: "MTIz" },
        agent_id: { value: "a" },
      },
    },
  });
});
