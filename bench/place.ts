/**
 * `npm run bench:place -- --nodes 10000 --tasks 100000 --classes 100 --durable`: how fast a cluster of so many nodes is
 * filled. Durable: by the Cluster itself inside of workerd, with every hand-out on disk before its node hears of it.
 */
import { parseArgs } from "node:util";
import { printLine, progress } from "./line.ts";
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
if (!values.durable) throw new Error("only --durable is there");
const { figures, faults } = await measureDurable(size, seed);
printLine("place", seed, startedAtMs, { ...size, ...figures, durable: true });
for (const fault of faults) progress(`fault: ${fault}`);
if (faults.length > 0) process.exitCode = 1;
