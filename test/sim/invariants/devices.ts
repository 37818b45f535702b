/** What runs on the gpus of a machine: parts of one are at most one, and who has whole ones has them alone. */
import type { Machine, SimProcess } from "../world/machine.ts";
import type { World } from "../world/world.ts";

const WHOLE = 1000;

/** It starts there, beside what lives there. */
export function checkDevices({ checks }: World, machine: Machine, process: SimProcess): void {
  const gpus = gpusOf(process);
  if (gpus === 0) return;
  const { devices, key } = process;
  const there = machine.capacity.gpus ?? 0;
  const wanted = gpus < WHOLE ? 1 : gpus / WHOLE;
  checks.hold(
    "devices-kept",
    new Set(devices).size === wanted && devices.length === wanted && devices.every((n) => (n + 1) * WHOLE <= there),
    () => `${key} starts on ${machine.name}, has ${gpus} gpus on ${devices}, and there are ${there}`,
  );
  for (const device of devices) {
    const sharers = [...machine.processes.values()].filter((one) => one.devices.includes(device));
    const used = sharers.reduce((sum, one) => sum + Math.min(gpusOf(one), WHOLE), 0);
    checks.hold(
      "devices-kept",
      used <= WHOLE,
      () => `gpu ${device} of ${machine.name} has ${sharers.map((one) => one.key).join(", ")}: ${used}`,
    );
  }
}

const gpusOf = ({ template }: SimProcess): number => template.resources.gpus ?? 0;
