/**
 * `npm run bench:place -- --nodes 10000 --tasks 100000 --classes 100 [--durable]`: how fast a cluster of so many nodes is
 * filled: by the placement as a function; durable: by the Cluster itself inside of workerd, with every hand-out on disk
 * before its node hears of it.
 */
import { parseArgs } from "node:util";
import { printLine, progress } from "./line.ts";
import { measureDecisions } from "./place/decisions.ts";
import { measureDurable } from "./place/durable.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "10000" },
    tasks: { type: "string", default: "100000" },
    classes: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    durable: { type: "boolean", default: false },
  },
});

function wholeNumber(name: "nodes" | "tasks" | "classes" | "seed"): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`--${name} wants a whole number above 0, not "${values[name]}"`);
}

const startedAtMs = performance.now();
const size = { nodes: wholeNumber("nodes"), tasks: wholeNumber("tasks"), classes: wholeNumber("classes") };
const seed = wholeNumber("seed");
const { figures, faults } = values.durable ? await measureDurable(size, seed) : measureDecisions(size, seed);
printLine("place", seed, startedAtMs, { ...size, ...figures, durable: values.durable });
for (const fault of faults) progress(`fault: ${fault}`);
if (faults.length > 0) process.exitCode = 1;
