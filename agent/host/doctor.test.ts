import { expect, test } from "vitest";
import { AGENT_PROTOCOL } from "../../src/protocol/limits.ts";
import { VERSION } from "../version.ts";
import { agreement } from "./doctor.ts";

const broker = (agentProtocol: number) => ({ hansa: "9.9.9", agentProtocol, version: "1.11.0" });

test("a broker of the same protocol is well, whatever its version", () => {
  const both = `this agent is ${VERSION}, the broker 9.9.9`;
  expect(agreement(broker(AGENT_PROTOCOL))).toEqual({ level: "ok", detail: both });
});

test("an agent that is too old for its broker is told so, and what to do", () => {
  const { level, detail } = agreement(broker(AGENT_PROTOCOL + 1));
  expect(level).toBe("fail");
  expect(detail).toContain("run the line of `hansa token create --join` again");
});

test("an agent that is newer than its broker may go on", () => {
  expect(agreement(broker(AGENT_PROTOCOL - 1)).level).toBe("warn");
});

test.each([[null], ["<html>"], [{ version: "1.11.0" }], [[]]])("%j says nothing of a version", (told) => {
  expect(agreement(told).level).toBe("warn");
});
