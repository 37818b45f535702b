/** What explain is asked: a job of a league as a round saw it, and what that round decided. */
import type { Attributes } from "../../model/constraints.ts";
import type { WaitReason } from "../../protocol/levels.ts";
import type { RoundInput, RoundJob, RoundPartition, RoundResult } from "../input.ts";

export interface Waiting {
  input: RoundInput;
  result: RoundResult;
  job: RoundJob;
  /** its constraints as they were written, in the order of `job.constraints` */
  texts: readonly string[];
  /** what the clusters say of its tasks there; `granting`: they have not heard of it yet */
  local: WaitReason | "granting" | null;
  /** places that are kept for a gang of it while others are missing; null: none are */
  held: { places: number; holdMs: number } | null;
  /** by cluster, as a person names what is drained of it; absent: nothing anywhere */
  drained?: ReadonlyMap<string, string>;
  /** of `holding` and `mass-silence`: within so long the last of it is handed out again; null: nobody knows */
  silenceLeftMs: number | null;
  /** ms until room is made for it at the latest, if it claims any; absent: not known */
  graceLeftMs?: number;
  /** what became of those of its tasks that were last stopped for others; absent: none was */
  takenBack?: string;
}

/** Attributes of a node of this partition, as constraints see them. */
export const attributesIn = ({ cluster }: RoundPartition, attributes: Attributes): Attributes => ({
  ...attributes,
  cluster,
});

export const isAllowed = (job: RoundJob, { cluster }: RoundPartition): boolean =>
  job.clusters === null || job.clusters.includes(cluster);
