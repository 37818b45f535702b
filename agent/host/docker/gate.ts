/**
 * The gate between "created" and "started". A start that the daemon was asked for may still come true long after the
 * agent that asked is dead, or has given up. A container mounts its work folder by name when it starts; once that name
 * is gone it can't start any more. So: close the gate, then ask the daemon, whose answer waits for a start that is under
 * way; when it still says "created", it never will run. The guard closes it at the deadline.
 */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../files.ts";
import { WORK_FOLDER } from "../process/shim.ts";

/** The work folder after that; what runs already does not notice. */
export const CLOSED_FOLDER = "closed";

export function closeGate(folder: string): void {
  try {
    renameSync(join(folder, WORK_FOLDER), join(folder, CLOSED_FOLDER));
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}
