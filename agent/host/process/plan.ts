/** How a driver of commands runs one: the words for the shim's shell, whom that runs as, and whether it works here. */
import { join } from "node:path";
import type { Attempt } from "../../core/types.ts";
import { jobLine, WORK_FOLDER } from "./shim.ts";
import type { User } from "./user.ts";

export interface ExecPlan {
  /** Shims are made before the first task asks for one. */
  warmsUp: boolean;
  /** whom the shim runs as: for `spawn` */
  ids: User["ids"];
  /** Shell text that ends as the command: descriptor 2 is the `run` file, for words of signals alone, 3 its stderr. */
  line(attempt: Attempt, folder: string): string;
  probe(): Promise<{ healthy: boolean; detail: string }>;
}

/** The command as it is, as the tasks' user. */
export const plainPlan = (options: { user: User; hidesGpus: boolean; cgroups: object | null }): ExecPlan => ({
  warmsUp: true,
  ids: options.user.ids,
  line: (attempt, folder) => jobLine(attempt, join(folder, WORK_FOLDER), options.hidesGpus),
  probe: async () => ({ healthy: true, detail: options.cgroups ? "cgroups" : "process groups only" }),
});
