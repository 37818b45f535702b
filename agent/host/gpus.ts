/** The GPUs of this machine, as NVIDIA's own tool lists them. */
import { execFile, spawnSync } from "node:child_process";

/** With a broken driver the tool may hang. */
const LOOK_MS = 5_000;

/** @param environment where the tool is looked for @returns 0 when there is no tool, or it fails */
export function countGpus(environment: NodeJS.ProcessEnv): number {
  const { status, stdout } = spawnSync("nvidia-smi", ["-L"], {
    encoding: "utf8",
    env: environment,
    stdio: ["ignore", "pipe", "ignore"],
    timeout: LOOK_MS,
    killSignal: "SIGKILL",
  });
  return status === 0 ? listedGpus(stdout) : 0;
}

/** The same without standing still. @returns null when the tool hangs: nothing is known then */
export function recountGpus(environment: NodeJS.ProcessEnv, lookMs = LOOK_MS): Promise<number | null> {
  const options = { env: environment, timeout: lookMs, killSignal: "SIGKILL" } as const;
  return new Promise((resolve) => {
    execFile("nvidia-smi", ["-L"], options, (error, stdout) => {
      if (error?.killed) resolve(null);
      else resolve(error ? 0 : listedGpus(stdout));
    });
  });
}

/** A line a device; parts of one (MIG) are indented below it. */
export const listedGpus = (list: string): number => list.split("\n").filter((line) => /^GPU \d+:/.test(line)).length;
