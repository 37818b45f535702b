import type { Piece } from "../../model/framework.ts";

/** What makes a job of one task that a framework launched; kept with its grant's row. */
export interface Launched {
  framework: string;
  taskId: string;
  agentId: string;
  executorId: string | null;
  /** tasks of one group end together; null: alone */
  group: string | null;
  /** as the framework calls it */
  role: string;
  node: string;
  partition: string;
  pieces: readonly Piece[];
  devices: readonly number[];
  ports: readonly number[];
  /** its node went away before it was handed out: no row of an attempt tells of it */
  isLost?: boolean;
}
