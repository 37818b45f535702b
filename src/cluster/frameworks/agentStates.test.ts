import { expect, test } from "vitest";
import { ToyNodes } from "../../../test/support/toyNodes.ts";
import { agentId } from "../../model/framework.ts";
import type { AgentStateAnswer } from "../../protocol/frameworks.ts";

const states = (toy: ToyNodes, ...agentIds: string[]): AgentStateAnswer =>
  toy.home.call("agentStates", { agentIds }) as AgentStateAnswer;
const N1 = agentId("north", "n1", 1);

test("agents of a cluster whose rows were restored recover until they are heard of", () => {
  const toy = new ToyNodes();
  toy.node("n1", 4);
  toy.node("n2", 4);
  const other = agentId("north", "n9", 1);
  expect(states(toy, N1, other)).toEqual({ states: { [N1]: "registered", [other]: "unknown" }, isRecovering: false });
  toy.home.generation = 1;
  toy.home.crash();
  expect(states(toy, N1)).toEqual({ states: { [N1]: "recovering" }, isRecovering: true });
  toy.speak("n1");
  expect(states(toy, N1)).toEqual({ states: { [N1]: "registered" }, isRecovering: true });
  toy.speak("n2");
  expect(states(toy)).toEqual({ states: {}, isRecovering: false });
});

test("once a recovery is over none recovers, however often the object sleeps", () => {
  const toy = new ToyNodes();
  toy.node("n1", 4);
  toy.home.generation = 1;
  toy.home.crash();
  toy.pass(200_000);
  toy.home.crash();
  expect(states(toy, N1)).toEqual({ states: { [N1]: "registered" }, isRecovering: false });
});
