/** Lengths of time as people write them: `500ms`, `30s`, `10m`, `2h`, `7d`, `1m30s`. */

const UNITS_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @returns milliseconds, or null when it can't be read */
export function parseDuration(text: string): number | null {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return null;
  let ms = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    ms += Number(digits) * (UNITS_MS[unit as string] as number);
  }
  return Math.round(ms);
}

export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 60_000) return `${+(ms / 1000).toFixed(1)}s`;
  const units: [number, string][] = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "m"],
    [1000, "s"],
  ];
  let rest = Math.round(ms / 1000) * 1000;
  let text = "";
  for (const [size, unit] of units) {
    if (rest >= size) text += `${Math.floor(rest / size)}${unit}`;
    rest %= size;
  }
  return text;
}

/** One figure, as exact as a guess is: `40 s`, `6 min`, `3 h`, `2 days`. */
export function about(ms: number): string {
  const units: [size: number, most: number, name: string][] = [
    [1000, 90, "s"],
    [60_000, 90, "min"],
    [3_600_000, 36, "h"],
  ];
  for (const [size, most, name] of units) if (ms < most * size) return `${Math.max(1, Math.round(ms / size))} ${name}`;
  const days = Math.round(ms / 86_400_000);
  return `${days} ${days === 1 ? "day" : "days"}`;
}
