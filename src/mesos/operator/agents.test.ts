import { expect, test } from "vitest";
import { nodeOf } from "../fixture/shown.ts";
import { agentJson, slaveJson } from "./agents.ts";

const viewer = (role: string | null) => ({ league: "lab", role });
const RESERVED = { reserved: { lab: { cpus: 1000 }, shop: { cpus: 500, mem: 96_000 } } };

test("what is set aside is told by role, in both of Mesos' formats, and the rest is nobody's", () => {
  const node = nodeOf("n1", RESERVED);
  const { total_resources } = agentJson(node, viewer(null));
  expect(total_resources).toEqual([
    { name: "cpus", type: "SCALAR", scalar: { value: 2.5 }, role: "*" },
    { name: "mem", type: "SCALAR", scalar: { value: 4000 }, role: "*" },
    { name: "ports", type: "RANGES", ranges: { range: [{ begin: 31000, end: 31009 }] }, role: "*" },
    ...[
      ["cpus", 1, "lab"],
      ["cpus", 0.5, "shop"],
      ["mem", 96, "shop"],
    ].map(([name, value, role]) => ({
      name,
      type: "SCALAR",
      scalar: { value },
      role,
      reservation: {},
      reservations: [{ type: "DYNAMIC", role }],
    })),
  ]);
  expect(slaveJson(node, viewer(null))).toMatchObject({
    reserved_resources: { lab: { cpus: 1, mem: 0 }, shop: { cpus: 0.5, mem: 96 } },
    unreserved_resources: { cpus: 2.5, mem: 4000 },
  });
});

test("a credential with a role is not told for whom else something is set aside", () => {
  expect(slaveJson(nodeOf("n1", RESERVED), viewer("lab"))).toMatchObject({
    reserved_resources: { lab: { cpus: 1 } },
    unreserved_resources: { cpus: 2.5 },
  });
});

test("one that is drained, paused or silent is not active", () => {
  const drain = { left: 2, deadlineAt: 1, endsAt: null, by: "node" as const };
  expect(agentJson(nodeOf("n1", { state: "draining", drain }), viewer(null))).toMatchObject({
    active: false,
    deactivated: true,
    drain_info: { state: "DRAINING", config: { mark_gone: false } },
  });
  const drained = nodeOf("n1", { state: "drained", drain: { ...drain, left: 0 } });
  expect(slaveJson(drained, viewer(null))).toMatchObject({ drain_info: { state: "DRAINED" } });
  expect(slaveJson(nodeOf("n1", { state: "paused" }), viewer(null))).toMatchObject({
    active: false,
    deactivated: true,
  });
  expect(slaveJson(nodeOf("n1", { state: "suspect" }), viewer(null))).toMatchObject({
    active: false,
    deactivated: false,
  });
});
