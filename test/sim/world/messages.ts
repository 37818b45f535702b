/** Messages between objects as one readable line of a trace. */
import type { GrantMessage, Report } from "../../../src/protocol/levels.ts";

const ranges = (pairs: readonly (readonly [number, number])[]): string =>
  pairs.map(([from, to]) => (to === from + 1 ? from : `${from}-${to - 1}`)).join(",") || "none";
const pieces = (
  list: readonly { from: number; to: number; handout: number; reason?: string; recover?: boolean }[],
): string =>
  list
    .map(
      (p) => `${ranges([[p.from, p.to]])}@h${p.handout}${p.reason ? ` ${p.reason}` : ""}${p.recover ? " recover" : ""}`,
    )
    .join(", ") || "nothing";

export function shorten(method: string, args: unknown): string {
  if (method === "grant") {
    const { incarnation, grants } = args as GrantMessage;
    const each = grants.map(
      (g) => `${g.job} gen ${g.gen} ${g.action} ≤${JSON.stringify(g.limits)} supply ${pieces(g.supply)}`,
    );
    return `${incarnation}: ${each.join(" | ")}`;
  }
  if (method === "report") {
    const { incarnation, rev, nodes, jobs } = args as Report;
    const each = jobs.map(
      (j) =>
        `${j.job} gen ${j.genApplied} live ${JSON.stringify(j.live)} waiting ${j.waiting} done ${ranges(j.done)} failed ${ranges(j.failed)} ` +
        `cancelled ${ranges(j.cancelled)} returned ${pieces(j.returned)}`,
    );
    return `${incarnation}/${rev} up ${nodes.up}/${nodes.total}: ${each.join(" | ")}`;
  }
  return JSON.stringify(args);
}
