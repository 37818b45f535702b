/** Hansa's own policy on a trace: it is shown each pod when it arrives and nothing else of the list, but for a batch. */
import { packBatch } from "../../src/scheduling/packing/batch.ts";
import type { PackNode } from "../../src/scheduling/packing/fleet.ts";
import { Packer, packedTarget, type Target } from "../../src/scheduling/packing/packer.ts";
import { type Shape, shapeKey } from "../../src/scheduling/packing/shape.ts";
import type { Choice, Policy } from "./fleet.ts";
import type { Trace, TraceNode, TracePod } from "./trace.ts";

const MILLI = 1000;

export const packNodeOf = ({ name, cpuMilli, memMib, gpus, model }: TraceNode): PackNode => {
  const capacity = { cpus: cpuMilli, mem: memMib * MILLI };
  return { name, capacity, free: capacity, devices: Array<number>(gpus).fill(MILLI), attributes: { gpu_model: model } };
};

/** A pod without GPUs may run anywhere, whatever models it names. */
export const podShape = ({ cpuMilli, memMib, gpus, gpuMilli, models }: TracePod): Shape => ({
  amounts: { cpus: cpuMilli, mem: memMib * MILLI },
  devices: { count: gpus, milli: gpuMilli },
  constraints: models.length > 0 && gpus > 0 ? [{ op: "in", name: "gpu_model", values: [...models] }] : [],
});

export function hansa(trace: Trace): Policy {
  const packer = new Packer(trace.nodes.map(packNodeOf));
  const targets = new Map<string, Target>();
  return (index) => {
    const asked = podShape(trace.pods[index] as TracePod);
    const key = shapeKey(asked);
    const target = targets.get(key) ?? packedTarget(asked, key);
    targets.set(key, target);
    packer.arrive(target.shape, key);
    const choice = packer.choose(target);
    if (choice !== null) packer.take(target.shape, choice);
    return choice;
  };
}

export const hansaBatch = (trace: Trace): (Choice | null)[] =>
  packBatch(
    trace.nodes.map(packNodeOf),
    trace.arrivals.map((index) => podShape(trace.pods[index] as TracePod)),
  );
