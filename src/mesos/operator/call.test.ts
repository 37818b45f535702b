import { expect, test } from "vitest";
import { readOperatorCall } from "./call.ts";

const read = (call: object, accept?: string) => readOperatorCall(JSON.stringify(call), accept);

test("a call that is served is its type", () => {
  expect(read({ type: "GET_STATE" })).toBe("GET_STATE");
  expect(read({ type: "GET_METRICS", get_metrics: { timeout: { nanoseconds: 5 } } })).toBe("GET_METRICS");
});

test("what is missing is said in Mesos' words", () => {
  const invalid = (error: string) => ({ status: 400, text: `Failed to validate master::Call: ${error}` });
  expect(read({})).toEqual(invalid("Expecting 'type' to be present"));
  expect(read({ type: "FOO" })).toEqual(invalid("Expecting 'type' to be present"));
  expect(read({ type: "GET_METRICS" })).toEqual(invalid("Expecting 'get_metrics' to be present"));
  expect(readOperatorCall("nope", undefined)).toMatchObject({ status: 400 });
  expect(read([])).toEqual({
    status: 400,
    text: "Failed to convert JSON into Call protobuf: Expecting a JSON object",
  });
});

test("what is not served is 501, with what there is in its place", () => {
  expect(read({ type: "UNKNOWN" })).toEqual({ status: 501, text: "501 Not Implemented." });
  expect(read({ type: "DRAIN_AGENT" })).toEqual({
    status: 501,
    text: "501 Not Implemented. In Hansa: hansa drain CLUSTER/NODE",
  });
});

test("every answer has a body, so Accept must allow JSON", () => {
  expect(read({ type: "GET_HEALTH" }, "foo")).toMatchObject({ status: 406 });
  expect(read({ type: "GET_HEALTH" }, "*/*")).toBe("GET_HEALTH");
});
