/**
 * Amounts of resources as vectors of integers in milli-units: 1000 = one cpu, one MiB of mem or disk, one gpu, one of
 * a named counted resource. No floats, so that sums over a league are exact.
 */

export type Resources = Readonly<Record<string, number>>;

/** Not what every JavaScript object already has. */
export const RESOURCE_NAME = /^(?!constructor$)[a-z][a-z0-9_.-]{0,62}$/;
/** 2^43 milli-units: 8 PiB of memory; sums of a thousand such stay safe integers. */
export const MAX_AMOUNT = 2 ** 43;

const MIB_RESOURCES = new Set(["mem", "disk"]);
const BINARY: Record<string, number> = {
  Ki: 1 / 1024,
  Mi: 1,
  Gi: 1024,
  Ti: 1024 ** 2,
};
const DECIMAL: Record<string, number> = {
  "": 1 / 2 ** 20,
  k: 1e3 / 2 ** 20,
  K: 1e3 / 2 ** 20,
  M: 1e6 / 2 ** 20,
  G: 1e9 / 2 ** 20,
  T: 1e12 / 2 ** 20,
};

/**
 * Reads an amount as people write it: `0.5`, `2`, `128MiB`, `1.5GB`. A bare number of `mem` or `disk` is MiB.
 * @returns milli-units, or null when it can't be read or is out of range
 */
export function parseAmount(resource: string, text: string | number): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(Ki|Mi|Gi|Ti|k|K|M|G|T)?(B)?$/.exec(String(text).trim());
  if (!match) return null;
  const [, digits, prefix, bytes] = match;
  let units = Number(digits);
  if (prefix || bytes) {
    if (!MIB_RESOURCES.has(resource)) return null;
    units *= (prefix && BINARY[prefix]) || (DECIMAL[prefix ?? ""] as number);
  }
  const milli = Math.max(0, Math.ceil(units * 1000 - 1e-6));
  return milli <= MAX_AMOUNT ? milli : null;
}

/** The amount as a person reads it: `0.5`, `128 MiB`. */
export function formatAmount(resource: string, milli: number): string {
  if (!MIB_RESOURCES.has(resource)) return String(milli / 1000);
  const mib = milli / 1000;
  return mib >= 1024 ? `${+(mib / 1024).toFixed(1)} GiB` : `${+mib.toFixed(1)} MiB`;
}

export const formatResources = (r: Resources): string =>
  Object.entries(r)
    .map(([name, milli]) => `${formatAmount(name, milli)} ${name}`)
    .join(", ") || "nothing";

export function add(a: Resources, b: Resources, times = 1): Resources {
  const sum: Record<string, number> = { ...a };
  for (const name in b) sum[name] = (sum[name] ?? 0) + (b[name] as number) * times;
  return sum;
}

export const subtract = (a: Resources, b: Resources): Resources => add(a, b, -1);

export function fits(demand: Resources, free: Resources): boolean {
  for (const name in demand) if ((demand[name] as number) > (free[name] ?? 0)) return false;
  return true;
}

/** How many times `demand` fits into `free`; Infinity for an empty demand. */
export function timesFits(demand: Resources, free: Resources): number {
  let times = Number.POSITIVE_INFINITY;
  for (const name in demand) {
    const wanted = demand[name] as number;
    if (wanted > 0) times = Math.min(times, Math.max(0, Math.floor((free[name] ?? 0) / wanted)));
  }
  return times;
}

/** The resource that is short, worst first; null when the demand fits. */
export function shortest(demand: Resources, free: Resources): string | null {
  let worst: string | null = null;
  let missing = 0;
  for (const name in demand) {
    const gap = (demand[name] as number) - (free[name] ?? 0);
    if (gap > 0 && gap / (demand[name] as number) > missing) {
      worst = name;
      missing = gap / (demand[name] as number);
    }
  }
  return worst;
}

/** max over resources of used/capacity (Ghodsi et al., NSDI'11); 0 when nothing is used. */
export function dominantShare(used: Resources, capacity: Resources): number {
  let share = 0;
  for (const name in used) {
    const amount = used[name] as number;
    if (amount > 0) share = Math.max(share, amount / Math.max(1, capacity[name] ?? 0));
  }
  return share;
}

/** Same names, same amounts, whatever the order: a key for maps. */
export const resourcesKey = (r: Resources): string =>
  Object.keys(r)
    .sort()
    .map((name) => `${name}=${r[name]}`)
    .join(",");
