/** Why a job waits, what would let it start, and about when it will: in lines for a person. */
import { about } from "../../src/model/duration.ts";
import type { ExplainView } from "../../src/model/views.ts";
import { plural } from "../show/figures.ts";

const GAP = "     ";

/** @param self how this command is called */
export function explainLines(explained: ExplainView, self: string): string[] {
  const { job, state, reason, sentence, funnel, fix, position, estimateMs } = explained;
  const first = reason === null ? `${job} ${state}: ${sentence}` : `${job} waits: ${reason}. ${sentence}`;
  const help = [
    fix && fixText(fix, self),
    estimateMs !== null && `${fix ? "or " : ""}wait ≈ ${about(estimateMs)}`,
  ].filter(Boolean);
  const last = [help.join("; "), position !== null && `position ${position}`].filter(Boolean);
  return [
    first,
    ...funnel.map(({ clause, nodes }) => `  ${plural(nodes, "node")}  ${clause}`),
    ...(last.length > 0 ? [last.join(GAP)] : []),
  ];
}

export const fixText = ({ text, change, startsNow }: NonNullable<ExplainView["fix"]>, self: string): string =>
  `fix (checked): ${text}: ${called(change, self)}  ${starts(startsNow)}`;

const called = (change: string, self: string): string => change.replace(/^hansa(?= )/, self);
const starts = (tasks: number): string => (tasks === 1 ? "1 task starts now" : `${tasks} tasks start now`);
