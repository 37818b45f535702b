/** An attempt as the daemon is asked to make it: the body of `/containers/create`. Pure. */
import { argvOf } from "../../../src/model/command.ts";
import type { Attempt } from "../../core/types.ts";
import { nodeEnvironment, type Place, taskEnvironment } from "../process/environment.ts";
import type { LimitOptions } from "../process/limits.ts";

export const LABELS = { key: "hansa.key", data: "hansa.data", boot: "hansa.boot" } as const;
/** Where the attempt's own folder is inside the container. */
export const HOME = "/hansa/work";
const MIB = 1024 * 1024;
/** Docker takes no less. */
const LEAST_MEMORY_BYTES = 6 * MIB;
const SHARES_PER_CPU = 1024;
const LEAST_SHARES = 2;
const NANO_PER_MILLI = 1_000_000;

export interface SpecOptions {
  /** names the data folder: several agents may use one daemon */
  data: string;
  boot: string;
  place: Place;
  user: { name: string; uid: number; gid: number };
  /** inside, root is the user that the daemon runs as */
  rootless: boolean;
  /** a first process that passes signals on and takes the dead */
  init: boolean;
  hidesGpus: boolean;
  /** its devices are NVIDIA's, which the daemon can hand over */
  nvidia: boolean;
  limits: LimitOptions;
}

/** Of the characters that a container's name may have. */
export const containerName = (data: string, key: string): string => `hansa-${data}-${key.replaceAll("@", "_")}`;

export function createBody(attempt: Attempt, work: string, options: SpecOptions): Record<string, unknown> {
  const { template, key, item, devices } = attempt;
  const { data, boot, user, rootless, init, nvidia, limits } = options;
  const [first = "sh", ...rest] = argvOf(template.command, item);
  const memory = memoryBytes(template.resources.mem);
  const handsOver = nvidia && devices.length > 0;
  return {
    Image: template.image,
    // the command as it is, not as an argument of what the image would run
    Entrypoint: [first],
    Cmd: rest,
    User: rootless ? "0:0" : `${user.uid}:${user.gid}`,
    WorkingDir: template.cwd ?? HOME,
    Env: Object.entries(environmentOf(attempt, options, handsOver)).map(([name, value]) => `${name}=${value}`),
    Labels: { [LABELS.key]: key, [LABELS.data]: data, [LABELS.boot]: boot },
    HostConfig: {
      // not Binds: a source that is gone must be an error, not made anew (see gate.ts)
      Mounts: [{ Type: "bind", Source: work, Target: HOME }],
      // the node's ports are the task's, by the numbers that it was told; nothing is mapped
      NetworkMode: "host",
      ...(memory > 0 && { Memory: memory, MemorySwap: memory }),
      CpuShares: cpuShares(template.resources.cpus),
      ...(limits.cpuQuota && { NanoCpus: (template.resources.cpus ?? 0) * NANO_PER_MILLI }),
      PidsLimit: limits.pids,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      // all of it is kept until the container goes: the attempt's files are made from it
      LogConfig: { Type: "json-file", Config: { "max-size": "1000g" } },
      ...(init && { Init: true }),
      ...(handsOver && {
        DeviceRequests: [{ Driver: "nvidia", DeviceIDs: devices.map(String), Capabilities: [["gpu"]] }],
      }),
    },
  };
}

/** What the process driver gives, less what is the image's to say. */
function environmentOf(attempt: Attempt, options: SpecOptions, handsOver: boolean): Record<string, string> {
  const { PATH: _path, SHELL: _shell, LANG: _lang, ...node } = nodeEnvironment(options.place, options.user.name);
  return {
    ...node,
    ...taskEnvironment(attempt, HOME, options.hidesGpus),
    // of the devices that are handed over it sees no others, and counts them anew
    ...(handsOver && { CUDA_VISIBLE_DEVICES: attempt.devices.map((_, i) => i).join() }),
  };
}

/** @param milli MiB / 1000 */
export const memoryBytes = (milli = 0): number =>
  milli > 0 ? Math.max(LEAST_MEMORY_BYTES, Math.ceil((milli * MIB) / 1000)) : 0;

/** A weight: what others leave idle it may use. */
const cpuShares = (milli = 0): number => Math.max(LEAST_SHARES, Math.round((milli * SHARES_PER_CPU) / 1000));
