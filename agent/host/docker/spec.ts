/** An attempt as the daemon is asked to make it: the body of `/containers/create`. Pure. */
import { argvOf } from "../../../src/model/command.ts";
import type { Container } from "../../../src/model/container.ts";
import type { Attempt } from "../../core/types.ts";
import { nodeEnvironment, type Place, taskEnvironment } from "../process/environment.ts";
import type { LimitOptions } from "../process/limits.ts";
import type { Mount } from "./volumes.ts";

export const LABELS = { key: "hansa.key", data: "hansa.data", boot: "hansa.boot" } as const;
/** Where the attempt's own folder is inside the container. */
export const HOME = "/hansa/work";
/** And where tasks of Mesos frameworks look for it. */
export const MESOS_SANDBOX = "/mnt/mesos/sandbox";
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

/** @param mounts folders of the machine @throws when it is asked for a port that is not its own */
export function createBody(
  attempt: Attempt,
  work: string,
  mounts: readonly Mount[],
  options: SpecOptions,
): Record<string, unknown> {
  const { template, key, devices } = attempt;
  const { data, boot, user, rootless, init, nvidia, limits } = options;
  const { container } = template;
  const memory = memoryBytes(template.resources.mem);
  const handsOver = nvidia && devices.length > 0;
  const environment = environmentOf(attempt, options, handsOver);
  return {
    Image: template.image,
    ...commandOf(attempt),
    ...(container?.hostname && { Hostname: container.hostname }),
    User: rootless ? "0:0" : `${user.uid}:${user.gid}`,
    WorkingDir: template.cwd ?? HOME,
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Labels: { [LABELS.key]: key, [LABELS.data]: data, [LABELS.boot]: boot },
    ...exposed(container),
    HostConfig: {
      // not Binds: a source that is gone must be an error, not made anew (see gate.ts)
      Mounts: [
        { Type: "bind", Source: work, Target: HOME },
        ...("MESOS_SANDBOX" in environment ? [{ Type: "bind", Source: work, Target: MESOS_SANDBOX }] : []),
        ...mounts.map(({ source, target, isReadOnly }) => ({
          ...{ Type: "bind", Source: source, Target: target, ReadOnly: isReadOnly },
        })),
      ],
      // unless its job wants it otherwise the node's ports are the task's, by the numbers that it was told
      NetworkMode: container?.network ?? "host",
      ...bindings(attempt),
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

/** The command as it is, not as an argument of what the image would run; unless that is wanted. */
function commandOf({ template, item }: Attempt): Record<string, unknown> {
  const [first = "sh", ...rest] = argvOf(template.command, item);
  if (!template.container?.isEntrypoint || typeof template.command === "string")
    return { Entrypoint: [first], Cmd: rest };
  // without words the image's own follow
  return template.command.length > 0 ? { Cmd: [first, ...rest] } : {};
}

const portName = ({ containerPort, protocol }: Container["portMappings"][number]): string =>
  `${containerPort}/${protocol}`;

/** @throws when it is asked for a port that is not its own */
function bindings({ template, ports }: Attempt): Record<string, unknown> {
  const { portMappings = [], network } = template.container ?? {};
  if (portMappings.length === 0) return {};
  if (network !== "bridge")
    throw new Error(`ports are mapped in network bridge only, and this task's is ${network ?? "host"}`);
  const bound: Record<string, { HostPort: string }[]> = {};
  for (const mapping of portMappings) {
    if (!ports.includes(mapping.hostPort))
      throw new Error(`port ${mapping.hostPort} is not one that this task was given`);
    bound[portName(mapping)] = [...(bound[portName(mapping)] ?? []), { HostPort: String(mapping.hostPort) }];
  }
  return { PortBindings: bound };
}

const exposed = (container: Container | null | undefined): Record<string, unknown> =>
  container && container.portMappings.length > 0
    ? { ExposedPorts: Object.fromEntries(container.portMappings.map((mapping) => [portName(mapping), {}])) }
    : {};

/** What the process driver gives, less what is the image's to say. */
function environmentOf(attempt: Attempt, options: SpecOptions, handsOver: boolean): Record<string, string> {
  const { PATH: _path, SHELL: _shell, LANG: _lang, ...node } = nodeEnvironment(options.place, options.user.name);
  const task = taskEnvironment(attempt, HOME, options.hidesGpus);
  return {
    ...node,
    ...task,
    ...("MESOS_SANDBOX" in task && { MESOS_SANDBOX }),
    // of the devices that are handed over it sees no others, and counts them anew
    ...(handsOver && { CUDA_VISIBLE_DEVICES: attempt.devices.map((_, i) => i).join() }),
  };
}

/** @param milli MiB / 1000 */
export const memoryBytes = (milli = 0): number =>
  milli > 0 ? Math.max(LEAST_MEMORY_BYTES, Math.ceil((milli * MIB) / 1000)) : 0;

/** A weight: what others leave idle it may use. */
const cpuShares = (milli = 0): number => Math.max(LEAST_SHARES, Math.round((milli * SHARES_PER_CPU) / 1000));
