import { expect, test } from "vitest";
import { ToyNodes } from "../../test/support/toyNodes.ts";
import type { JobSpecInput } from "../model/job.ts";
import type { PollReply } from "../protocol/agent.ts";

test("a port that a superseded attempt still has is not given to another", () => {
  const toy = new ToyNodes();
  const spec: Partial<JobSpecInput> = { resources: { cpus: 1, ports: 1 } };
  toy.node("n1", 4, { capacity: { cpus: 4_000, mem: 64_000_000, ports: 4_000 }, ports: [[31_000, 31_003]] });
  toy.grant("first", spec);
  toy.silence("n1");
  toy.pass(120_000);
  toy.grant("second", spec);
  const poll = (seq: number, running: [string, number][]): PollReply =>
    toy.home.call("poll", {
      claims: { league: "acme", cluster: "north", node: "n1", serial: 1 },
      request: { session: 1, nonce: "nonce-01", seq, boot: "boot-1", running, updates: [], pressure: [] },
    }) as PollReply;
  const before = poll(99, [...(toy.nodes.get("n1")?.running ?? [])]);
  expect(before.stops.map(({ task }) => task)).toEqual(["first.0"]);
  expect(before.assignments).toEqual([]);
  expect(poll(100, []).assignments.map(({ task, ports }) => [task, ports])).toContainEqual(["second.0", [31_000]]);
});
