import { describe, expect, test } from "vitest";
import { cpus, operationOf } from "../fixture/decoded.ts";
import { readOperation } from "./operations.ts";

const read = (json: object, principal: string | null = null) =>
  readOperation(operationOf(json), { frameworkId: "f1", principal });
const errorOf = (json: object, principal: string | null = null) => {
  const operation = read(json, principal);
  return "error" in operation ? operation.error : null;
};
const PLAIN = cpus(1, { role: "r", reservation: { principal: "p" } });
const REFINED = cpus(1, { reservations: [{ type: "DYNAMIC", role: "r", principal: "p" }] });

test("RESERVE and UNRESERVE in either format", () => {
  const pieces = [{ reservation: { role: "r", principal: "p", labels: [] }, amounts: { cpus: 1000 }, ports: [] }];
  for (const resource of [PLAIN, REFINED]) {
    expect(read({ type: "RESERVE", id: { value: "o" }, reserve: { resources: [resource] } }, "p")).toEqual({
      id: "o",
      type: "RESERVE",
      pieces,
      error: null,
    });
    expect(read({ type: "UNRESERVE", unreserve: { resources: [resource] } })).toEqual({
      id: null,
      type: "UNRESERVE",
      pieces,
      error: null,
    });
  }
});

describe("what is wrong with a reservation", () => {
  const reserve = (resource: object, more: object = {}) => ({
    type: "RESERVE",
    reserve: { resources: [resource], ...more },
  });

  test("resources that are reserved for nobody", () => {
    const text = "Resource cpus:1 is not dynamically reserved";
    expect(errorOf(reserve(cpus(1)))).toBe(text);
    expect(errorOf({ type: "UNRESERVE", unreserve: { resources: [cpus(1)] } })).toBe(text);
  });

  test("another role than the allocation's", () => {
    expect(errorOf(reserve({ ...REFINED, allocation_info: { role: "b" } }))).toBe(
      "A reserve operation was attempted for a resource with role 'r', but the resource was allocated to role 'b'",
    );
  });

  test("another principal than the framework's", () => {
    expect(errorOf(reserve(REFINED), "q")).toContain("which does not match a reserved resource");
    expect(errorOf(reserve(cpus(1, { role: "r", reservation: {} })), "q")).toContain("with no principal set");
  });

  test("an update of one, and resources that are none", () => {
    expect(errorOf(reserve(REFINED, { source: [{}] }))).toBe(
      "Reservation updates are not yet implemented for the scheduler API.",
    );
    expect(errorOf(reserve(cpus(-1)))).toContain("Invalid scalar resource: value < 0");
  });
});

test("operations on volumes and disks are not served, unknown ones are unknown", () => {
  for (const name of ["CREATE", "DESTROY", "GROW_VOLUME", "SHRINK_VOLUME", "CREATE_DISK", "DESTROY_DISK"]) {
    expect(read({ type: name, id: { value: "o" } })).toMatchObject({ id: "o", type: "OTHER", name });
    expect(errorOf({ type: name })).toContain(`${name} is not served`);
  }
  expect(errorOf({ type: "NEWER" })).toBe("Unknown operation type");
  expect(errorOf({ type: "LAUNCH_GROUP" })).toBe("Expecting 'launch_group' to be present");
});
