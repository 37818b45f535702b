/** What a task finds in its environment: where it is, who it is, and which devices and ports are its own. */
import type { Attempt } from "../../core/types.ts";

export interface Place {
  league: string;
  cluster: string;
  node: string;
}

export const SHELL = "/bin/sh";
export const TASK_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What every task of a node finds. */
export const nodeEnvironment = (place: Place, user: string): Record<string, string> => ({
  PATH: TASK_PATH,
  USER: user,
  LOGNAME: user,
  SHELL,
  LANG: "C.UTF-8",
  HANSA_LEAGUE: place.league,
  HANSA_CLUSTER: place.cluster,
  HANSA_NODE: place.node,
});

export type Named = Pick<Attempt, "template" | "task" | "epoch" | "item" | "devices" | "ports">;

/**
 * What one task finds beside it. Its job's own variables can change neither `HANSA_*` nor which devices are its own.
 *
 * @param hidesGpus the node has devices that a task which did not ask for any must not take
 */
export function taskEnvironment(attempt: Named, home: string, hidesGpus: boolean): Record<string, string> {
  const { template, task, epoch, item, ports } = attempt;
  const dot = task.lastIndexOf(".");
  return {
    HOME: home,
    ...Object.fromEntries(Object.entries(template.env).filter(([name]) => !name.startsWith("HANSA_"))),
    HANSA_JOB: task.slice(0, dot),
    HANSA_INDEX: task.slice(dot + 1),
    HANSA_TASK: task,
    HANSA_EPOCH: String(epoch),
    ...(item !== null && { HANSA_ITEM: item }),
    ...gangVariables(attempt),
    ...deviceVariables(attempt, hidesGpus),
    ...(Object.hasOwn(template.env, "MESOS_TASK_ID") && { MESOS_SANDBOX: home }),
    ...(ports.length > 0 && { HANSA_PORTS: ports.join(",") }),
    ...Object.fromEntries(ports.map((port, i) => [`HANSA_PORT_${i}`, String(port)])),
  };
}

/** CUDA counts its fastest device first, unless told to count like the node. */
function deviceVariables({ devices, template }: Named, hidesGpus: boolean): Record<string, string> {
  if (devices.length > 0) {
    const list = devices.join(",");
    return {
      HANSA_DEVICES: list,
      CUDA_VISIBLE_DEVICES: list,
      CUDA_DEVICE_ORDER: "PCI_BUS_ID",
      NVIDIA_VISIBLE_DEVICES: list,
    };
  }
  const asksForNone = (template.resources.gpus ?? 0) === 0;
  return hidesGpus && asksForNone ? { CUDA_VISIBLE_DEVICES: "", NVIDIA_VISIBLE_DEVICES: "void" } : {};
}

/** Which gang it is of, how large that is, and its place in it; of a task by itself nothing. */
function gangVariables({ template, task }: Named): Record<string, string> {
  // What an earlier version journaled does not tell.
  const size = template.gang?.size;
  if (size === undefined) return {};
  const index = Number(task.slice(task.lastIndexOf(".") + 1));
  return {
    HANSA_GANG: String(Math.floor(index / size)),
    HANSA_GANG_SIZE: String(size),
    HANSA_GANG_RANK: String(index % size),
  };
}
