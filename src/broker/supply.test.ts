import fc from "fast-check";
import { expect, test } from "vitest";
import { type Range, size, union } from "../model/ranges.ts";
import {
  afterReport,
  all,
  draw,
  type Held,
  merge,
  NOTHING,
  type Queued,
  queueSize,
  rangesOf,
  requeue,
  supplySize,
  terminalSize,
} from "./supply.ts";

const COUNT = 50;

/** One random step of a job's life. */
const anyStep = fc.oneof(
  fc.record({ do: fc.constant("draw" as const), n: fc.nat(10) }),
  fc.record({
    do: fc.constant("end" as const),
    state: fc.constantFrom("done" as const, "failed" as const, "cancelled" as const),
    from: fc.nat(COUNT),
    n: fc.nat(5),
  }),
  fc.record({ do: fc.constant("return" as const), from: fc.nat(COUNT), n: fc.nat(5), stale: fc.boolean() }),
);

test("indices = queue ⊎ supply ⊎ terminal, whatever is drawn, ends or comes back", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      let queue: Queued[] = [{ from: 0, to: COUNT, attemptsUsed: 0 }];
      let supply: Held[] = [];
      let terminal = NOTHING;
      let handout = 1;
      for (const step of steps) {
        if (step.do === "draw") {
          const drawn = draw(queue, step.n, handout++, 1);
          queue = drawn.queue;
          supply = [...supply, ...drawn.drawn];
        } else {
          const range: Range = [step.from, Math.min(COUNT, step.from + step.n + 1)];
          const held = rangesOf(supply);
          const report = {
            done: [] as Range[],
            failed: [] as Range[],
            cancelled: [] as Range[],
            returned: [] as never[],
          };
          // A Cluster tells only of what it was given.
          const told = range[0] < range[1] && size(union(held, [range])) === size(held) ? [range] : [];
          if (step.do === "end") report[step.state] = told;
          const returned =
            step.do === "return"
              ? told.flatMap(([from, to]) =>
                  supply
                    .filter((s) => s.from <= from && s.to >= to)
                    .map((s) => ({
                      from,
                      to,
                      handout: step.stale ? s.handout - 1 : s.handout,
                      attemptsUsed: 1,
                      reason: "agent-lost" as const,
                    })),
                )
              : [];
          const after = afterReport(supply, { ...report, returned });
          supply = after.supply;
          queue = requeue(queue, after.returned);
          terminal = merge(terminal, report);
        }
        expect(queueSize(queue) + supplySize(supply) + terminalSize(terminal)).toBe(COUNT);
        expect(size(union(union(rangesOf(queue), rangesOf(supply)), all(terminal)))).toBe(COUNT);
      }
    }),
  );
});

test("given an index that is done, when a later report says it failed, then it stays done", () => {
  const first = { ...NOTHING, done: [[0, 3]] as Range[] };
  expect(merge(first, { ...NOTHING, failed: [[2, 5]] })).toEqual({ done: [[0, 3]], failed: [[3, 5]], cancelled: [] });
});

test("given supply of two hand-outs, when the older is returned late, then the newer stays", () => {
  const supply: Held[] = [{ from: 0, to: 4, handout: 7, attemptsUsed: 0, incarnation: 1 }];
  const { supply: left, returned } = afterReport(supply, {
    done: [],
    failed: [],
    cancelled: [],
    returned: [{ from: 0, to: 4, handout: 6, attemptsUsed: 0, reason: "agent-lost" }],
  });
  expect(left).toEqual(supply);
  expect(returned).toEqual([]);
});
