import fc from "fast-check";
import { expect, test } from "vitest";
import { type Decision, decisionIn, tokenOf } from "./decision.ts";

const DECISION: Decision = {
  job: "0123456789abcdef",
  places: [
    { partition: "north/default", tasks: 4, lender: null },
    { partition: "south/gpu", tasks: 1, lender: "lab/ml" },
  ],
  preempts: [{ job: "7k2m4x9p1a", partition: "south/gpu", tasks: 1 }],
};

const name = fc.stringMatching(/^[a-z0-9][a-z0-9/-]{0,20}$/);
const tasks = fc.integer({ min: 1, max: 1_000_000 });
const anyDecision = fc.record({
  job: fc.stringMatching(/^[0-9a-f]{16}$/),
  places: fc.array(fc.record({ partition: name, tasks, lender: fc.option(name) })),
  preempts: fc.array(fc.record({ job: name, partition: name, tasks })),
});

test("a token carries the decision, and can stand in a URL or a shell word", () => {
  fc.assert(
    fc.property(anyDecision, (decision) => {
      const token = tokenOf(decision);
      expect(token).toMatch(/^pln_[A-Za-z0-9_-]+$/);
      expect(decisionIn(token)).toEqual(decision);
    }),
  );
});

test("what lost, changed or gained a character is no token", () => {
  const token = tokenOf(DECISION);
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.constantFrom("", "x", "0", "-"), (at, by) => {
      fc.pre(token[at] !== by);
      expect(decisionIn(token.slice(0, at) + by + token.slice(at + 1))).toBeNull();
    }),
  );
  for (const other of ["", "pln_", "pln__", "hns_admin_lab", `${token}0`, token.toUpperCase()]) {
    expect(decisionIn(other), other).toBeNull();
  }
});
