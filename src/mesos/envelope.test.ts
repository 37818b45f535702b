import { expect, test } from "vitest";
import { contentTypeError, headerError, isRefusal, readBody } from "./envelope.ts";

const textOf = (body: string) => {
  const read = readBody(body, null);
  return isRefusal(read) ? read.text : null;
};

test("MalformedContent: what is not JSON is told from what is no call", () => {
  expect(textOf("")).toMatch(/^Failed to parse body into JSON: syntax error at line 1 near: $/);
  expect(textOf("5")).toBe("Failed to convert JSON into Call protobuf: Expecting a JSON object");
  expect(textOf('{"type":"SUBSCRIBE","subscribe":{}}')).toBe(
    "Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info",
  );
  expect(textOf("{}")).toBe("Failed to validate scheduler::Call: Expecting 'type' to be present");
});

test("what mesos-framework sends, with null for all that it does not say, is a call", () => {
  const names = ["accept", "decline", "kill", "shutdown", "acknowledge", "reconcile", "message", "request"];
  const info = { user: "root", name: "f", id: null, failover_timeout: 604_800, checkpoint: null, role: null };
  const body = {
    framework_id: null,
    type: "SUBSCRIBE",
    subscribe: { framework_info: { ...info, hostname: null, capabilities: null, labels: null } },
    ...Object.fromEntries(names.map((name) => [name, null])),
  };
  expect(textOf(JSON.stringify(body))).toBe(null);
});

test("NotAcceptable, NoAcceptHeader: Accept must allow JSON where an answer has a body", () => {
  const statusOf = (accept: string | undefined, type: "SUBSCRIBE" | "KILL" = "SUBSCRIBE") =>
    headerError(type, { accept, streamId: undefined })?.status;
  for (const accept of [undefined, "*/*", "application/*", "text/html, Application/JSON;q=0.5"]) {
    expect(statusOf(accept), accept).toBe(undefined);
  }
  for (const accept of ["foo", "", "application/x-protobuf", "application/json;q=0"]) {
    expect(statusOf(accept), accept).toBe(406);
    expect(statusOf(accept, "KILL")).toBe(undefined);
  }
});

test("a content type is compared by its name alone", () => {
  expect(contentTypeError("Application/JSON ; charset=utf-8")).toBe(null);
  expect(contentTypeError("application/jsonx")?.status).toBe(415);
  expect(contentTypeError("")?.status).toBe(415);
});
