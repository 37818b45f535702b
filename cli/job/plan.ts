/** A plan in lines for a person: where its tasks would go, at whose expense, what the rest waits for. */
import { about } from "../../src/model/duration.ts";
import type { PlannedJob, PlanView } from "../../src/model/planView.ts";
import { wordList, wordsOf } from "../shares/amounts.ts";
import { plural } from "../show/figures.ts";
import { fixText } from "./explain.ts";
import { borrowed } from "./progress.ts";

/** Nodes of one partition that are named; the rest is counted. */
const MOST_NODES = 6;

/** @param self how this command is called. @param submission how it is submitted, with TOKEN for the plan's token */
export function planLines(plan: PlanView, self: string, submission: string): string[] {
  const { job, whatIf, others, round, token } = plan;
  return [
    ...(whatIf ? [`what if: ${whatIfLine(whatIf)}`] : []),
    ...(job ? jobLines(job, self) : []),
    ...otherLines(others, job !== null),
    `gap ${percent(round.gapPct)} to what no assignment can pass (${round.objective}, ${round.method})`,
    ...(token === null
      ? ["nothing was changed; a what-if has no token to submit with"]
      : [`run it: ${submission.replace("--plan TOKEN", () => `--plan ${token}`)}`]),
  ];
}

function jobLines(job: PlannedJob, self: string): string[] {
  const { count, startsNow, waits, places, preempts, why, nextStartMs, doneMs } = job;
  const perCluster = new Map<string, number>();
  for (const { partition, tasks } of places) {
    const cluster = partition.slice(0, partition.indexOf("/"));
    perCluster.set(cluster, (perCluster.get(cluster) ?? 0) + tasks);
  }
  const where = [...perCluster].map(([cluster, tasks]) => `${cluster} ${tasks}`).join(", ");
  const starts = waits === 0 ? "all start now" : startsNow === 0 ? "none starts now" : `${startsNow} of them now`;
  const lines = [
    [`plan  ${plural(count, "task")}${where && ` → ${where}`}`, `${starts}, borrows ${borrowed(job.borrows)}`].join(
      "  ",
    ),
    ...aligned(places.map((one) => [one.partition, plural(one.tasks, "task"), nodesOf(one)])),
    ...preempts.map(
      (one) => `preempts ${plural(one.tasks, "task")} of job ${one.job} (${one.role}) in ${one.partition}`,
    ),
  ];
  if (why) {
    lines.push(`${waits} ${waits === 1 ? "waits" : "wait"}: ${why.reason}. ${why.sentence}`);
    if (why.fix) lines.push(fixText(why.fix, self));
  }
  const times = [
    nextStartMs !== null && `the next one starts in ≈ ${about(nextStartMs)}`,
    doneMs !== null && `all done in ≈ ${about(doneMs)}`,
  ].filter(Boolean);
  return times.length > 0 ? [...lines, times.join(", ")] : lines;
}

/** `n1 2, n2 1, 4 without a node yet` */
function nodesOf({ nodes, withoutNode }: PlannedJob["places"][number]): string {
  if (nodes === null) return "";
  const more = nodes.length - MOST_NODES;
  return [
    ...nodes.slice(0, MOST_NODES).map(({ node, tasks }) => `${node} ${tasks}`),
    ...(more > 0 ? [plural(more, "node more", "nodes more")] : []),
    ...(withoutNode ? [`${withoutNode} without a node yet`] : []),
  ].join(", ");
}

/** @param onlyLess they are those that get less for it */
function otherLines(others: PlanView["others"], onlyLess: boolean): string[] {
  const changed = others.filter(({ before, after, due }) => before !== after || due !== before);
  const rest = others.length - changed.length;
  return [
    ...aligned(
      changed.map(({ job, name, role, before, after, due }) => [
        `job ${job}`,
        name || role,
        `${before} → ${after} at once${due === after ? "" : `, ${due} as tasks end`}`,
      ]),
      "",
    ),
    ...(onlyLess ? [] : restLine(rest, others.length)),
  ];
}

function restLine(rest: number, all: number): string[] {
  if (all === 0) return ["no job is live"];
  return rest === 0 ? [] : [`${plural(rest, "job")} ${rest === 1 ? "keeps what it has" : "keep what they have"}`];
}

const whatIfLine = ({ withoutClusters, addNodes }: NonNullable<PlanView["whatIf"]>): string =>
  [
    ...withoutClusters.map((name) => `without ${name}`),
    ...addNodes.map(({ count, cluster, partition, resources, attributes }) => {
      const shape = [wordList(wordsOf(resources)), wordList(attributes)].filter(Boolean).join(",");
      return `${plural(count, "node")} of ${shape} in ${cluster}/${partition}`;
    }),
  ].join(", ");

function aligned(rows: readonly string[][], indent = "  "): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => `${indent}${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd());
}

const percent = (value: number): string => `${+value.toFixed(1)} %`;
