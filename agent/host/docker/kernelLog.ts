/**
 * Whether the kernel ended a process of a container for its memory, from the kernel's log: a daemon on cgroups v1 does
 * not always say so, and the container's own counters are gone with it.
 */
import { closeSync, constants, openSync, readSync } from "node:fs";

const KERNEL_LOG = "/dev/kmsg";
const RECORD_BYTES = 8192;

/** @param log lines of the kernel @param id of the container */
export const endedForMemory = (log: string, id: string): boolean =>
  log.split("\n").some((line) => line.includes("oom-kill:constraint=CONSTRAINT_MEMCG") && line.includes(id));

/** @returns nothing where we may not read it */
export function readKernelLog(): string {
  let fd: number;
  try {
    fd = openSync(KERNEL_LOG, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return "";
  }
  const buffer = Buffer.alloc(RECORD_BYTES);
  const records: string[] = [];
  try {
    // a record a read; at the end of what there is it fails
    for (;;) records.push(buffer.toString("latin1", 0, readSync(fd, buffer, 0, buffer.length, null)));
  } catch {
    return records.join("");
  } finally {
    closeSync(fd);
  }
}
