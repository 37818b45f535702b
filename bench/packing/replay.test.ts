import { expect, test } from "vitest";
import { BASELINES } from "./baselines.ts";
import type { Choice } from "./fleet.ts";
import { hansa, hansaBatch } from "./hansa.ts";
import { RuleBroken, replay, replayBatch } from "./replay.ts";
import type { Trace, TracePod } from "./trace.ts";

const pod = (name: string, rest: Partial<TracePod> = {}): TracePod => ({
  name,
  cpuMilli: 4000,
  memMib: 1024,
  gpus: 1,
  gpuMilli: 600,
  models: [],
  ...rest,
});
const trace = (pods: readonly TracePod[]): Trace => ({
  list: "small",
  seed: 1,
  nodes: [
    { name: "a", cpuMilli: 8000, memMib: 8192, gpus: 1, model: "T4" },
    { name: "b", cpuMilli: 32_000, memMib: 8192, gpus: 2, model: "V100" },
  ],
  pods,
  arrivals: pods.map((_, index) => index),
});
const always = (choice: Choice | null) => () => choice;

test.each([
  ["a node that is not", always({ node: 2, devices: [0] }), pod("p")],
  ["a GPU that is not", always({ node: 0, devices: [1] }), pod("p")],
  ["two GPUs for one", always({ node: 1, devices: [0, 1] }), pod("p")],
  ["one GPU twice for two", always({ node: 1, devices: [0, 0] }), pod("p", { gpus: 2, gpuMilli: 1000 })],
  ["another model", always({ node: 0, devices: [0] }), pod("p", { models: ["V100"] })],
  ["more cpu than there is", always({ node: 0, devices: [0] }), pod("p", { cpuMilli: 9000 })],
  ["dropping what fits", always(null), pod("p")],
])("the check catches %s", (_, policy, wanted) => {
  expect(() => replay(trace([wanted]), policy)).toThrow(RuleBroken);
});

test("the check catches a GPU given twice", () => {
  expect(() => replay(trace([pod("p"), pod("q")]), always({ node: 1, devices: [0] }))).toThrow(/GPU 0 has 400/);
  expect(() => replayBatch(trace([pod("p"), pod("q")]), () => Array(2).fill({ node: 1, devices: [0] }))).toThrow(
    RuleBroken,
  );
});

const pods = Array.from({ length: 6 }, (_, index) => pod(`p${index}`));

test.each([["hansa", hansa] as const, ...Object.entries(BASELINES)])(
  "%s passes the check and fills all GPUs",
  (_, policy) => {
    const small = trace(pods);
    const outcome = replay(small, policy(small));
    expect(outcome).toMatchObject({ placed: 3, allocatedMilli: 1800, firstFailureMilli: 1800 });
  },
);

test("a batch may leave out what an order could not", () => {
  const mixed = trace([...pods, ...pods.map((each) => ({ ...each, gpuMilli: 400, cpuMilli: 1000 }))]);
  expect(replayBatch(mixed, hansaBatch)).toMatchObject({ placed: 6, allocatedMilli: 3000 });
});
