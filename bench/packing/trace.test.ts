import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parseAsked } from "./arguments.ts";
import { readTrace, TraceError } from "./trace.ts";

const folder = mkdtempSync(join(tmpdir(), "packing-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const nodes = file("nodes.csv", "sn,cpu_milli,memory_mib,gpu,model\nb,8000,1024,1,T4\na,16000,2048,2,V100\n");
const head = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec";
const pods = file("pods.csv", `${head}\nq,1000,10,2,1000,T4|V100\np,500,10,1,470,\n`);
const order = (rest: object = {}): string =>
  file("order.json", JSON.stringify({ seed: 7, nodeOrder: [1, 0], arrivals: [0, 1, 1], ...rest }));

test("indices are into rows sorted by name, and nodes come in the order that decides ties", () => {
  const trace = readTrace({ nodes, pods, arrivals: order() });
  expect(trace.nodes.map(({ name }) => name)).toEqual(["b", "a"]);
  expect(trace.arrivals.map((index) => trace.pods[index]?.name)).toEqual(["p", "q", "q"]);
  expect(trace.pods[1]?.models).toEqual(["T4", "V100"]);
  expect(trace.seed).toBe(7);
});

test("a list without gpu_spec is one without rules", () => {
  const plain = file("plain.csv", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np,1,1,0,0\nq,1,1,1,1000\n");
  expect(readTrace({ nodes, pods: plain, arrivals: order() }).pods.map(({ models }) => models)).toEqual([[], []]);
});

test.each([
  ["a node twice in the order", { arrivals: { nodeOrder: [0, 0] } }, /each of the 2 nodes once/],
  ["a pod that is not", { arrivals: { arrivals: [2] } }, /beyond the 2/],
  ["no arrivals", { arrivals: { arrivals: [] } }, /arrivals/],
  ["text for a number", { pods: `${head}\np,many,1,0,0,\n` }, /line 2: cpu_milli wants a whole number, not "many"/],
  ["a part of two GPUs", { pods: `${head}\np,1,1,2,500,\n` }, /2 GPUs of 500 milli/],
  ["a column that is missing", { pods: "name\np\n" }, /no column cpu_milli/],
])("%s is told", (_, { arrivals, pods: text }: { arrivals?: object; pods?: string }, message) => {
  const paths = { nodes, pods: text === undefined ? pods : file("bad.csv", text), arrivals: order(arrivals) };
  expect(() => readTrace(paths)).toThrow(TraceError);
  expect(() => readTrace(paths)).toThrow(message);
});

test.each([
  [[], /--nodes is missing/],
  [
    ["--nodes", "a", "--pods", "b", "--arrivals", "c", "--policy", "best"],
    /--policy wants one of hansa, fgd, not "best"/,
  ],
  [["--nodes", "a", "--pods", "b", "--arrivals", "c", "--policy", "fgd", "--batch"], /--batch goes with/],
  [["--seed", "1"], /--seed/],
])("bad arguments are told: %s", (words, message) => {
  expect(() => parseAsked(words, ["hansa", "fgd"])).toThrow(message);
});
