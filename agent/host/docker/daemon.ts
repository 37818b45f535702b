/** Whether there is a daemon, and what it can do. */
import type { DriverHealth } from "../driver.ts";
import { messageOf } from "../files.ts";
import type { LimitOptions } from "../process/limits.ts";
import { DockerApi } from "./api.ts";
import type { Socket } from "./socket.ts";

const PROBE_MS = 5000;

export interface DaemonHealth extends DriverHealth {
  /** it runs as a user who is not root, and so do its containers */
  rootless: boolean;
}

export async function examineDaemon(socket: Socket, { cpuQuota }: LimitOptions): Promise<DaemonHealth> {
  if ("missing" in socket) return { healthy: false, detail: socket.missing, limits: [], rootless: false };
  const api = new DockerApi(socket.path);
  try {
    const { name, version } = await api.version(PROBE_MS);
    const info = Object(await api.call({ method: "GET", path: "/info", deadlineMs: PROBE_MS }));
    const limits: DriverHealth["limits"] = [
      ...(info.MemoryLimit ? (["mem"] as const) : []),
      ...(info.PidsLimit ? (["pids"] as const) : []),
      ...(cpuQuota && info.CpuCfsQuota ? (["cpus"] as const) : []),
    ];
    return {
      healthy: true,
      detail: `${name} ${version} at ${socket.path}; cpus by ${limits.includes("cpus") ? "quota" : "weight"}`,
      limits,
      rootless: info.Rootless === true || [info.SecurityOptions ?? []].flat().some((one) => /rootless/.test(one)),
    };
  } catch (error) {
    return { healthy: false, detail: messageOf(error), limits: [], rootless: false };
  }
}
