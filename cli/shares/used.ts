/** Use over time as a person reads it: `42 s`, `3.5 h`, `1.5 GiB h`. */

const MINUTE_S = 60;
const HOUR_S = 3600;
const MIB_RESOURCES = new Set(["mem", "disk"]);
const MIB_PER_GIB = 1024;
/** A unit is kept until so many of it. */
const MOST = 120;

type Sums = Readonly<Record<string, number>>;

/** @param resourceSeconds cpu-seconds, MiB-seconds, … */
export function used(resource: string, resourceSeconds: number): string {
  const inMib = MIB_RESOURCES.has(resource);
  const amount = inMib ? resourceSeconds / MIB_PER_GIB : resourceSeconds;
  const [size, unit] = amount < MOST ? [1, "s"] : amount < MOST * MINUTE_S ? [MINUTE_S, "min"] : [HOUR_S, "h"];
  const figure = +(amount / size).toFixed(amount / size < 10 ? 2 : 1);
  return `${figure}${inMib ? " GiB" : ""} ${unit}`;
}

/** `3.5 h cpus, 7 GiB h mem` */
export const usedList = (sums: Sums): string =>
  Object.entries(sums)
    .filter(([, amount]) => amount > 0)
    .map(([name, amount]) => `${used(name, amount)} ${name}`)
    .join(", ") || "nothing";

export function totalOf(all: readonly Sums[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const sums of all) for (const [name, amount] of Object.entries(sums)) total[name] = (total[name] ?? 0) + amount;
  return total;
}
