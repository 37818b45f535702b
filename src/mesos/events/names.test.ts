/** A client that checks names gives its stream up at one that it does not know. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FrameworkEvent } from "../../framework/methods.ts";
import type { Offer, TaskStatus } from "../../model/framework.ts";
import { MESOS_GO_NAMES as KNOWN } from "../fixture/mesosGoNames.ts";
import { nodeOf } from "../fixture/shown.ts";
import { agentJson } from "../operator/agents.ts";
import { type EventContext, eventJson, HEARTBEAT } from "./events.ts";

const CONTEXT: EventContext = {
  frameworkId: "f1",
  format: { hasManyRoles: true, hasRefinedReservations: true },
  heartbeatMs: 5000,
  url: new URL("https://broker.example.org/"),
};

const OFFER: Offer = {
  id: "o1",
  agent: {
    id: "north.n1.1",
    hostname: "n1",
    ip: "10.0.0.7",
    region: "eu",
    zone: "a",
    attributes: { cluster: "north" },
  },
  role: "r",
  pieces: [
    { reservation: null, amounts: { cpus: 1500, gpus: 1000, ports: 1000 }, ports: [[31000, 31000]] },
    { reservation: { role: "r", principal: null, labels: [] }, amounts: { cpus: 1 }, ports: [] },
  ],
  executorIds: [],
};

const STATUS: TaskStatus = {
  taskId: "t",
  state: "TASK_RUNNING",
  source: "SOURCE_EXECUTOR",
  reason: null,
  message: null,
  agentId: null,
  executorId: null,
  atMs: 1,
  uuid: null,
  ip: "10.0.0.7",
};

/** One of each. */
const TOLD: { [Type in Exclude<FrameworkEvent["type"], "CAPABILITIES">]: Extract<FrameworkEvent, { type: Type }> } = {
  SUBSCRIBED: { type: "SUBSCRIBED", frameworkId: "f1" },
  OFFERS: { type: "OFFERS", offers: [OFFER] },
  INVERSE_OFFERS: { type: "INVERSE_OFFERS", inverseOffers: [] },
  RESCIND: { type: "RESCIND", offerId: "o" },
  RESCIND_INVERSE_OFFER: { type: "RESCIND_INVERSE_OFFER", inverseOfferId: "o" },
  UPDATE: { type: "UPDATE", status: STATUS },
  UPDATE_OPERATION_STATUS: {
    type: "UPDATE_OPERATION_STATUS",
    status: { operationId: "o", state: "OPERATION_FINISHED", message: null, agentId: null, uuid: null },
  },
  FAILURE: { type: "FAILURE", agentId: "a", executorId: null, status: null },
  ERROR: { type: "ERROR", message: "m" },
};

/** Of an enum, by the field that holds it, or whose items hold it as `type`. */
const FIELDS: Record<string, readonly string[]> = {
  attributes: KNOWN.valueTypes,
  reservations: KNOWN.reservationTypes,
  resources: KNOWN.valueTypes,
  total_resources: KNOWN.valueTypes,
  ip_addresses: KNOWN.addressProtocols,
};

/** `field: name` for each name that is not known there. */
function strangersIn(value: unknown, field: string, capabilities: readonly string[]): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => strangersIn(item, field, capabilities));
  if (typeof value !== "object" || value === null) return [];
  const known = field === "capabilities" ? capabilities : FIELDS[field];
  return Object.entries(value).flatMap(([name, item]) =>
    (name === "type" || name === "protocol") && typeof item === "string"
      ? known?.includes(item)
        ? []
        : [`${field}: ${item}`]
      : strangersIn(item, name, capabilities),
  );
}

test("every type that is sent to schedulers has a name that mesos-go knows in its place", () => {
  for (const event of [...Object.values(TOLD).map((told) => eventJson(told, CONTEXT)), HEARTBEAT]) {
    const { type, ...content } = event as { type: string };
    expect(KNOWN.schedulerEvents).toContain(type);
    expect(strangersIn(content, "", KNOWN.masterCapabilities)).toEqual([]);
  }
  const node = nodeOf("n1", { reserved: { lab: { cpus: 1000 } } });
  expect(strangersIn(agentJson(node, { league: "lab", role: null }), "", KNOWN.agentCapabilities)).toEqual([]);
});

test("no source has a state, reason or source of Mesos' that mesos-go does not know", () => {
  const known = new Set(Object.values(KNOWN).flat());
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((file) => /^[^.]*\.ts$/.test(file));
  const names = files.flatMap((file) =>
    [...readFileSync(join("src", file), "utf8").matchAll(/"((?:TASK|REASON|SOURCE|OPERATION)_[A-Z_]+)"/g)].map(
      ([, name = ""]) => name,
    ),
  );
  expect(names.length).toBeGreaterThan(100);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});
