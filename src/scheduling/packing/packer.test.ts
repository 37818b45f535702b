import fc from "fast-check";
import { expect, test } from "vitest";
import { satisfies } from "../../model/constraints.ts";
import { fits, type Resources, subtract } from "../../model/resources.ts";
import { anyNodes, anyShape, node, shape } from "./fleet.fixture.ts";
import type { PackNode } from "./fleet.ts";
import { type Learned, nothingLearned } from "./learned.ts";
import { type Choice, Packer, packedTarget } from "./packer.ts";
import type { Shape } from "./shape.ts";

interface Books {
  free: Resources;
  devices: number[];
}

const booksOf = (nodes: readonly PackNode[]): Books[] =>
  nodes.map(({ free, devices }) => ({ free, devices: [...devices] }));

const hasRoom = ({ attributes }: PackNode, { free, devices }: Books, { amounts, devices: asked, constraints }: Shape) =>
  fits(amounts, free) &&
  devices.filter((milli) => milli >= asked.milli).length >= asked.count &&
  constraints.every((constraint) => satisfies(attributes, constraint));

function take(books: readonly Books[], { amounts, devices: asked }: Shape, { node, devices }: Choice, times = 1): void {
  const at = books[node] as Books;
  at.free = times > 0 ? subtract(at.free, amounts) : subtract(at.free, subtract({}, amounts));
  for (const device of devices) at.devices[device] = (at.devices[device] as number) - asked.milli * times;
}

const run = (nodes: readonly PackNode[], shapes: readonly Shape[], learned: Learned = nothingLearned()) => {
  const packer = new Packer(nodes, learned);
  return shapes.map((asked) => {
    packer.arrive(asked);
    const choice = packer.choose(packedTarget(asked));
    if (choice !== null) packer.take(asked, choice);
    return choice;
  });
};

test("whatever comes and goes: nothing over capacity, devices exact, and what fits somewhere is placed", () => {
  const steps = fc.array(fc.record({ asked: anyShape, ends: fc.boolean(), which: fc.nat() }), { maxLength: 120 });
  fc.assert(
    fc.property(anyNodes, steps, (nodes, drawn) => {
      const packer = new Packer(nodes);
      const books = booksOf(nodes);
      const running: { asked: Shape; choice: Choice }[] = [];
      for (const { asked, ends, which } of drawn) {
        packer.arrive(asked);
        const choice = packer.choose(packedTarget(asked));
        const roomy = nodes.map((each, index) => hasRoom(each, books[index] as Books, asked));
        expect(choice !== null).toBe(roomy.includes(true));
        if (choice !== null) {
          expect(roomy[choice.node]).toBe(true);
          expect(new Set(choice.devices).size).toBe(asked.devices.count);
          packer.take(asked, choice);
          take(books, asked, choice);
          running.push({ asked, choice });
        }
        if (ends && running.length > 0) {
          const [ended] = running.splice(which % running.length, 1);
          if (ended === undefined) continue;
          packer.give(ended.asked, ended.choice);
          take(books, ended.asked, ended.choice, -1);
        }
        for (const { free, devices } of books) {
          expect(Math.min(0, ...Object.values(free), ...devices)).toBe(0);
          expect(Math.max(0, ...devices)).toBeLessThanOrEqual(1000);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("the same tasks in the same order get the same places", () => {
  fc.assert(
    fc.property(anyNodes, fc.array(anyShape, { maxLength: 80 }), (nodes, shapes) => {
      expect(run(nodes, shapes)).toEqual(run(nodes, shapes));
    }),
    { numRuns: 50 },
  );
});

test("names do not matter, and the order of nodes only between equals", () => {
  const rest = fc.array(anyShape, { maxLength: 60 });
  fc.assert(
    fc.property(anyNodes, rest, (nodes, shapes) => {
      const twins = [...nodes, ...nodes.map((each) => ({ ...each, name: `${each.name}-twin` }))];
      const swapped = [...twins.slice(nodes.length), ...twins.slice(0, nodes.length)];
      expect(run(swapped, shapes)).toEqual(run(twins, shapes));
    }),
    { numRuns: 50 },
  );
});

test("what was learned survives being stored: a packer from it goes on as one that learned it itself", () => {
  const nodes = [node("a", 96_000, 8), node("b", 96_000, 8), node("c", 16_000, 2)];
  const past = [shape(3152, 810), shape(4000, 160), shape(11_908, 470), shape(8000, 530), shape(11_000, 1000)];
  const learned = nothingLearned();
  run(nodes, past, learned);
  const stored: Learned = JSON.parse(JSON.stringify(learned));
  expect(run(nodes, past, stored)).toEqual(run(nodes, past, structuredClone(learned)));
});

test("a share goes where it leaves the part that others can use, not where least is left", () => {
  const past = [
    ...Array.from({ length: 30 }, () => shape(100, 470)),
    ...Array.from({ length: 30 }, () => shape(100, 530)),
    ...Array.from({ length: 30 }, () => shape(100, 400)),
    ...Array.from({ length: 30 }, () => shape(100, 600)),
  ];
  const learned = nothingLearned();
  run([node("elsewhere", 1000, 0)], past, learned);
  const nodes = [node("half", 96_000, 1, { devices: [530] }), node("empty", 96_000, 1)];
  expect(run(nodes, [shape(100, 400)], structuredClone(learned))).toEqual([{ node: 1, devices: [0] }]);
  expect(run(nodes, [shape(100, 530)], structuredClone(learned))).toEqual([{ node: 0, devices: [0] }]);
});

test("a task without devices goes where there are none, and there where least is free", () => {
  const nodes = [
    node("gpu", 96_000, 8),
    node("wide", 96_000, 0),
    node("narrow", 8000, 0, { free: { cpus: 5000, mem: 32_000 } }),
  ];
  expect(run(nodes, [shape(4000, 0), shape(4000, 0)])).toEqual([
    { node: 2, devices: [] },
    { node: 1, devices: [] },
  ]);
});

test("taking what is not free is refused", () => {
  const packer = new Packer([node("a", 8000, 2)]);
  const half = shape(1000, 500);
  packer.take(half, { node: 0, devices: [1] });
  expect(() => packer.take(shape(1000, 810), { node: 0, devices: [1] })).toThrow(RangeError);
  expect(() => packer.take(half, { node: 0, devices: [2] })).toThrow(RangeError);
  expect(() => packer.take(half, { node: 0, devices: [] })).toThrow(RangeError);
  expect(() => packer.take(shape(9000, 0), { node: 0, devices: [] })).toThrow(RangeError);
});

test("rules beyond attributes are asked of every node, and what else is free may be told", () => {
  const packer = new Packer([node("a", 8000, 1), node("b", 8000, 1), node("c", 8000, 1)]);
  const half = shape(1000, 500);
  packer.set(2, { cpus: 0, mem: 0 }, [1000]);
  expect(packer.choose(packedTarget(half), (at) => at === 0)).toEqual({ node: 1, devices: [0] });
  expect(packer.choose(packedTarget(half), (at) => at !== 2)).toBeNull();
  packer.set(2, { cpus: 8000, mem: 32_000 }, [400]);
  expect(packer.choose(packedTarget(shape(1000, 400)), (at) => at !== 2)).toEqual({ node: 2, devices: [0] });
  expect(packer.choose(packedTarget(half), (at) => at !== 2)).toBeNull();
});

test("changes that nobody reads are not kept for ever", () => {
  const packer = new Packer([node("a", 1000, 0)]);
  for (let i = 0; i < 20_000; i += 1) packer.setState(0, i % 2 ? "deaf" : "listening");
  const { nodes: kept } = (packer as unknown as { changes: { nodes: number[] } }).changes;
  expect(kept.length).toBeLessThan(2_000);
});

test("kinds of nodes that went are not kept for ever, and choices are as if they had never been", () => {
  const packer = new Packer([node("a", 1000, 0), node("b", 500, 0)]);
  for (let i = 0; i < 1_000; i += 1) packer.put(i % 2, node("a", 1000 + i, i % 3));
  packer.put(0, node("a", 3000, 1, { attributes: { gpu_model: "T4" } }));
  packer.put(1, node("b", 3000, 1));
  const { kinds } = (packer as unknown as { fleet: { kinds: unknown[] } }).fleet;
  expect(kinds.length).toBeLessThan(100);
  expect(packer.choose(packedTarget(shape(1000, 1000, ["gpu_model = T4"])))).toEqual({ node: 0, devices: [0] });
  expect(packer.choose(packedTarget(shape(3001, 0)))).toBeNull();
});
