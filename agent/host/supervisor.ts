/** Who starts and ends the agent on this machine: systemd, or this command, which leaves it behind in the background. */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bootId } from "./clock.ts";
import { PRIVATE_FILE_MODE } from "./files.ts";
import { holderOf, LOCK_FILE } from "./journal/lock.ts";
import { statOf } from "./procfs.ts";
import { UNIT } from "./unit.ts";

/** There while systemd is the service manager: sd_booted(3). */
const SYSTEMD_FOLDER = "/run/systemd/system";
const END_MS = 20_000;
const LOOK_MS = 50;
const LAST_LINES = 10;

export const hasSystemd = (): boolean => existsSync(SYSTEMD_FOLDER);

/** @throws with what systemctl said */
export function systemctl(...words: string[]): void {
  const { status, stderr, error } = spawnSync("systemctl", words, { encoding: "utf8" });
  if (status === 0) return;
  throw new Error(`systemctl ${words.join(" ")} failed: ${(error?.message ?? stderr.trim()) || `exit ${status}`}`);
}

/** Stopping a unit that is not there is no failure. */
export function stopUnit(): void {
  spawnSync("systemctl", ["stop", UNIT], { stdio: "ignore" });
}

const livesStill = (pid: number): boolean => !["Z", "X", undefined].includes(statOf(pid)?.state);

/** Ends the agent that uses this data folder; its tasks live on. @returns whether one ran @throws when it does not end */
export async function endAgent(data: string): Promise<boolean> {
  const holder = holderOf(join(data, LOCK_FILE), bootId());
  if (!holder) return false;
  process.kill(holder.pid, "SIGTERM");
  await ended(holder.pid);
  return true;
}

async function ended(pid: number): Promise<void> {
  const startedAt = performance.now();
  while (livesStill(pid)) {
    if (performance.now() - startedAt > END_MS) throw new Error(`the agent, process ${pid}, does not end`);
    await sleep(LOOK_MS);
  }
}

/** In a session of its own: neither the terminal's end nor this command's ends it. @returns its pid */
export function startDetached(command: readonly string[], log: string): number {
  const [program = "", ...words] = command;
  const output = openSync(log, "a", PRIVATE_FILE_MODE);
  // its settings are in its config file
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith("HANSA_AGENT_"));
  const child = spawn(program, words, {
    cwd: "/",
    env: Object.fromEntries(environment),
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  child.on("error", () => {});
  child.unref();
  if (child.pid === undefined) throw new Error(`${program} can't be started`);
  return child.pid;
}

export const lastLines = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n").slice(-LAST_LINES) : [];
