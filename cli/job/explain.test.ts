import { expect, it } from "vitest";
import type { ExplainView } from "../../src/model/views.ts";
import { explainLines } from "./explain.ts";

const explained = (over: Partial<ExplainView>): ExplainView => ({
  job: "9qd1",
  state: "waiting",
  reason: "fragmented",
  sentence: "Needs 2 gpus on one node.",
  funnel: [
    { clause: "nodes that are up", nodes: 4 },
    { clause: "2 gpus on one empty node", nodes: 1 },
  ],
  fix: null,
  position: 1,
  estimateMs: null,
  ...over,
});
const lastOf = (over: Partial<ExplainView>) => explainLines(explained(over), "npm run -s hansa --").at(-1);

it("says the reason, what is left after each condition, the fix, the wait and the position", () => {
  const fix = { text: "ask for smaller tasks", change: "--resources gpus=1 --count 2", startsNow: 2 };
  expect(explainLines(explained({ fix, estimateMs: 360_000 }), "hansa")).toEqual([
    "9qd1 waits: fragmented. Needs 2 gpus on one node.",
    "  4 nodes  nodes that are up",
    "  1 node  2 gpus on one empty node",
    "fix (checked): ask for smaller tasks: --resources gpus=1 --count 2  2 tasks start now; or wait ≈ 6 min     position 1",
  ]);
});

it("says what is known and no more", () => {
  expect(lastOf({ estimateMs: 40_000 })).toBe("wait ≈ 40 s     position 1");
  expect(lastOf({})).toBe("position 1");
  expect(lastOf({ reason: null, state: "running", position: null, funnel: [], sentence: "It does not wait." })).toBe(
    "9qd1 running: It does not wait.",
  );
});

it("a command in the fix is called as this one was", () => {
  const fix = { text: "let north/gpu be lent", change: "hansa partitions set north/gpu --lend all", startsNow: 1 };
  expect(lastOf({ fix })).toBe(
    "fix (checked): let north/gpu be lent: npm run -s hansa -- partitions set north/gpu --lend all  1 task starts now     position 1",
  );
});
