/** Other ways to choose a node, to compare with. Best fit is as in the FGD paper's simulator; first fit is not in it. */
import { fgd } from "./fgd.ts";
import { type Fleet, highest, type Policy, tightestDevice, wholeDevices } from "./fleet.ts";
import type { Trace, TracePod } from "./trace.ts";

/** The simulator scales by the largest node of the trace. */
const LARGEST_CPU_MILLI = 128_000;
const LARGEST_GPU_MILLI = 8000;

const devicesOf = (gpuMilli: readonly number[], pod: TracePod): number[] =>
  pod.gpus === 1 ? [tightestDevice(gpuMilli, pod.gpuMilli)] : wholeDevices(gpuMilli, pod.gpus);

export const BASELINES: Readonly<Record<string, (trace: Trace) => Policy>> = {
  fgd,
  bestfit: (trace) =>
    highest(trace, (fleet: Fleet, node, pod) => {
      const gpuMilli = fleet.gpuMilli[node] as number[];
      const idle = gpuMilli.reduce((sum, milli) => sum + milli, 0) - pod.gpus * pod.gpuMilli;
      const cpuMilli = (fleet.cpuMilli[node] as number) - pod.cpuMilli;
      const spare = cpuMilli / LARGEST_CPU_MILLI / 2 + idle / LARGEST_GPU_MILLI / 2;
      return { score: Math.trunc(100 * (1 - spare)), devices: devicesOf(gpuMilli, pod) };
    }),
  firstfit: (trace) =>
    highest(trace, (fleet, node, pod) => ({
      score: 0,
      devices: devicesOf(fleet.gpuMilli[node] as number[], pod),
    })),
};
