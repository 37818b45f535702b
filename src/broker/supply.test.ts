import fc from "fast-check";
import { expect, test } from "vitest";
import { intersect, type Range, size, union } from "../model/ranges.ts";
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
          const drawn = draw(queue, step.n, { handout: handout++, incarnation: 1, gang: 1, elsewhere: [] });
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

const GANG = 4;

test("given gangs, whatever ends or comes back of them, then each draw is of whole gangs that are nowhere else", () => {
  const anyGangStep = fc.oneof(
    fc.record({ do: fc.constant("draw" as const), cluster: fc.nat(1), n: fc.nat(12) }),
    fc.record({ do: fc.constant("done" as const), cluster: fc.nat(1), index: fc.nat(COUNT) }),
    // Mostly whole gangs; a part of one is what an object returns that began anew.
    fc.record({ do: fc.constant("return" as const), cluster: fc.nat(1), gang: fc.nat(9), part: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(anyGangStep, { maxLength: 80 }), (steps) => {
      let queue: Queued[] = [{ from: 0, to: 40, attemptsUsed: 0 }];
      const supplies: Held[][] = [[], []];
      let handout = 1;
      for (const step of steps) {
        const supply = supplies[step.cluster] ?? [];
        if (step.do === "draw") {
          const elsewhere = rangesOf(supplies.flat());
          const before = rangesOf(queue);
          const draws = { handout: handout++, incarnation: 1, gang: GANG, elsewhere };
          const { queue: rest, drawn } = draw(queue, step.n, draws);
          expect(supplySize(drawn)).toBeLessThanOrEqual(step.n);
          for (const { from } of drawn) {
            const all = gangAt(from);
            expect(intersect(elsewhere, [all])).toEqual([]);
            expect(intersect(rangesOf(drawn), [all])).toEqual(intersect(before, [all]));
          }
          queue = rest;
          supplies[step.cluster] = [...supply, ...drawn];
        } else {
          const [from, to]: Range = step.do === "done" ? [step.index, step.index + 1] : gangAt(step.gang * GANG);
          const cut = step.do === "return" && step.part ? to - 1 : to;
          const held = intersect(rangesOf(supply), [[from, cut]]);
          const after = afterReport(supply, {
            done: step.do === "done" ? held : [],
            failed: [],
            cancelled: [],
            returned:
              step.do === "done"
                ? []
                : supply.map(({ handout: of }) => {
                    return { from, to: cut, handout: of, attemptsUsed: 1, reason: "fragmented" as const };
                  }),
          });
          supplies[step.cluster] = after.supply;
          queue = requeue(queue, after.returned);
        }
        expect(queue.map(({ from }) => from)).toEqual(queue.map(({ from }) => from).sort((a, b) => a - b));
      }
    }),
  );
});

test("given a gang of which one has ended, then the others are one gang, and no less is enough for them", () => {
  const queue: Queued[] = [
    { from: 1, to: 3, attemptsUsed: 0 },
    { from: 3, to: 4, attemptsUsed: 1 },
    { from: 4, to: 8, attemptsUsed: 0 },
  ];
  const draws = { handout: 2, incarnation: 1, gang: GANG, elsewhere: [] };
  expect(draw(queue, 2, draws).drawn).toEqual([]);
  expect(rangesOf(draw(queue, 6, draws).drawn)).toEqual([[1, 4]]);
  expect(rangesOf(draw(queue, 7, draws).drawn)).toEqual([[1, 8]]);
});

const gangAt = (index: number): Range => {
  const first = Math.floor(index / GANG) * GANG;
  return [first, first + GANG];
};

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
