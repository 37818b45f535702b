/** Numbers, times and commands as a person reads them in a table. */
import { formatDuration } from "../../src/model/duration.ts";
import { formatAmount, type Resources } from "../../src/model/resources.ts";

export const seconds = (ms: number): string =>
  ms < 60_000 ? `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s` : formatDuration(Math.round(ms / 1000) * 1000);

/** How long ago, in its largest unit: `8s`, `5m`, `3h`, `2d`. */
export function age(ms: number): string {
  const units: [number, string][] = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "m"],
  ];
  for (const [size, unit] of units) if (ms >= size) return `${Math.floor(ms / size)}${unit}`;
  return `${Math.max(0, Math.floor(ms / 1000))}s`;
}

/** `used/capacity` of one resource: `0.5/2`, `64 MiB/5.9 GiB`. */
export const share = (resource: string, used: Resources, capacity: Resources): string =>
  `${formatAmount(resource, used[resource] ?? 0)}/${formatAmount(resource, capacity[resource] ?? 0)}`;

export const commandLine = (command: string | readonly string[]): string =>
  typeof command === "string"
    ? command
    : command.map((word) => (/[\s'"]/.test(word) ? JSON.stringify(word) : word)).join(" ");

export const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

/** On one line, and unable to move the cursor, whatever a person called it. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}+/gu, " ");

export const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
