/** The machine's own time: ms since boot as the kernel counts it, suspend included, and the name of this boot. */
import { openSync, readFileSync, readSync } from "node:fs";

const BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id";
const UPTIME_FILE = "/proc/uptime";

let uptimeFd: number | null = null;
const buffer = Buffer.alloc(64);
/** How far boot time is ahead of the process's own clock, which stands still while the machine is suspended. */
let aheadMs = Number.NEGATIVE_INFINITY;

/**
 * CLOCK_BOOTTIME in ms. The file counts in steps of 10 ms; the process's own clock fills in between, and the greatest
 * difference ever seen is the true one or up to 10 ms below it: never ahead of the truth, never going back.
 */
export function uptimeMs(): number {
  uptimeFd ??= openSync(UPTIME_FILE, "r");
  const read = parseUptime(buffer.toString("latin1", 0, readSync(uptimeFd, buffer, 0, buffer.length, 0)));
  const own = performance.now();
  aheadMs = Math.max(aheadMs, read - own);
  return Math.floor(own + aheadMs);
}

/** `123.45 …` → 123450 */
export function parseUptime(text: string): number {
  const [, seconds, hundredths] = /^(\d+)\.(\d\d)/.exec(text) ?? [];
  if (seconds === undefined || hundredths === undefined) throw new Error(`${UPTIME_FILE} says "${text.trim()}"`);
  return Number(seconds) * 1000 + Number(hundredths) * 10;
}

export const bootId = (): string => readFileSync(BOOT_ID_FILE, "utf8").trim();
