/** The one reason why a job's tasks wait, in one sentence. Pure: from what the round saw and decided. */

import { about, formatDuration } from "../../model/duration.ts";
import { parsePartitionKey } from "../../model/partition.ts";
import type { Reason } from "../../model/reasons.ts";
import { add, fits, formatAmount, formatResources, type Resources, shortest, subtract } from "../../model/resources.ts";
import { isWithin, lineage } from "../../model/role.ts";
import type { RoundPartition, Stop } from "../input.ts";
import { copiesOn } from "../packing/shape.ts";
import { LEAGUE } from "../shares/tree.ts";
import { classSlots, keyOf, shapeAccepts, taskDemand, usedByFrameworks } from "../slots.ts";
import { firstEmpty, funnelOf, type Step } from "./funnel.ts";
import { type Mistake, mistakeOf } from "./misconfigured.ts";
import { isAllowed, type Waiting } from "./waiting.ts";
import { moreText, wantedText } from "./words.ts";

export interface Told {
  reason: Reason;
  sentence: string;
  funnel: Step[];
  /** the mistake, of `misconfigured` */
  mistake: Mistake | null;
}

export function reasonOf(waiting: Waiting): Told {
  const funnel = funnelOf(waiting);
  const mistake = mistakeOf(waiting);
  const [reason, sentence] =
    fromMistake(mistake) ?? fromNodes(waiting, firstEmpty(funnel)) ?? fromClusters(waiting) ?? fromRound(waiting);
  return { reason, sentence, funnel, mistake: reason === "misconfigured" ? mistake : null };
}

type Answer = [reason: Reason, sentence: string];

function fromMistake(mistake: Mistake | null): Answer | null {
  switch (mistake?.kind) {
    case undefined:
      return null;
    case "contradiction":
      return ["misconfigured", `No node can satisfy both \`${mistake.texts[0]}\` and \`${mistake.texts[1]}\`.`];
    case "attribute": {
      const hint = mistake.meant === null ? `they have ${mistake.known.join(", ")}` : `did you mean ${mistake.meant}?`;
      return ["misconfigured", `No node has an attribute ${mistake.name}: ${hint}`];
    }
    case "resource":
      return ["misconfigured", `No node has a resource ${mistake.name}; did you mean ${mistake.meant}?`];
  }
}

/** What no waiting cures unless nodes change. */
function fromNodes(waiting: Waiting, empty: Step | null): Answer | null {
  const { input, job } = waiting;
  const drained = drainedFor(waiting);
  if ((empty?.kind === "up" || empty?.kind === "clusters") && drained !== null) {
    return ["paused", `No node that it may use takes anything new: drained is ${drained}. hansa undrain ends that.`];
  }
  const wanted = formatResources(taskDemand(job));
  switch (empty?.kind) {
    case "up":
      return ["no-nodes", "No node of the league is up. Join one, or wait for one to come back."];
    case "clusters":
      return ["no-nodes", `No node is up in ${job.clusters?.join(", ")}, the only clusters the job may use.`];
    case "constraint":
      return ["constraint", `No node satisfies \`${empty.clause}\` together with what stands before it.`];
    case "accepts":
      return [
        "not-accepted",
        `The nodes that are left do not accept role ${job.role} with driver ${job.driver}: their own configs say so.`,
      ];
    case "size":
      return ["never-fits", `No node is large enough for ${wanted}, even when empty.`];
    case "gang":
      return ["never-fits", `No partition holds ${wantedText(job)} at once, even when empty: ${mostIn(input, job)}.`];
    case undefined:
      break;
  }
  const fitting = partitionsFor(input.partitions, job);
  if (fitting.length > 0 && !fitting.some(({ usable }) => fits(job.demand, usable))) {
    return [
      "never-fits",
      `Its nodes are large enough for ${wanted}, but no partition on them is: ${fitting.map(keyOf).join(", ")}.`,
    ];
  }
  return null;
}

/** Where most of a gang would find a place. */
function mostIn({ partitions }: Waiting["input"], job: Waiting["job"]): string {
  const tasks = (partition: RoundPartition) => classSlots(partition, { ...job, unit: 1, demand: taskDemand(job) });
  const [most] = [...partitions].sort((a, b) => tasks(b) - tasks(a));
  return most === undefined ? "there is none" : `${keyOf(most)} holds most, ${tasks(most)} of them`;
}

/** Partitions with a node that, were it empty, could run it; of a gang, one of its tasks. */
function partitionsFor(partitions: readonly RoundPartition[], job: Waiting["job"]): RoundPartition[] {
  const demand = taskDemand(job);
  return partitions.filter(
    (partition) =>
      isAllowed(job, partition) &&
      partition.shapes.some(
        (shape) => shapeAccepts(shape, job, partition.cluster) && copiesOn(demand, shape.capacity) > 0,
      ),
  );
}

/** What is drained of the clusters that it may use, as a person names it; null: nothing. */
function drainedFor({ job, drained }: Waiting): string | null {
  const names = [...(drained ?? [])].filter(([cluster]) => job.clusters === null || job.clusters.includes(cluster));
  return names.length === 0 ? null : names.map(([, name]) => name).join(", ");
}

const within = (ms: number | null): string =>
  ms === null ? "" : `: within about ${about(ms)}, unless it is heard of before`;

/** What the clusters say that hold its tasks. */
function fromClusters(waiting: Waiting): Answer | null {
  const { job, local, held, silenceLeftMs, input, result } = waiting;
  switch (local) {
    case "mass-silence":
      return [
        "mass-silence",
        `So many nodes fell silent together that it is likely the link. What ran there waits longer before it is handed out again${within(silenceLeftMs)}.`,
      ];
    case "holding":
      return [
        "holding",
        `Something may still run that is not heard of: a silent node, or what a restored broker does not know. It is handed out, or over if it was cancelled, when nothing can run any more${within(silenceLeftMs)}.`,
      ];
    case "backoff":
      return ["backoff", "It failed and waits before its next try."];
    case "paused": {
      const drained = drainedFor(waiting);
      const which = drained === null ? "" : ` (drained is ${drained})`;
      return ["paused", `The nodes that could run it are paused, drained or under pressure${which}.`];
    }
    case "granting":
      return ["granting", "It was granted and is on its way to a node."];
    case "refused":
      return refused(job.role);
    case "gang":
      return ["gang", gangText(job.unit, held)];
    default:
      break;
  }
  const fitting = partitionsFor(input.partitions, job);
  const barred = fitting.filter((partition) => job.held.get(keyOf(partition))?.barred);
  const isBarredEverywhere = fitting.length > 0 && barred.length === fitting.length;
  if (isBarredEverywhere && barred.every((one) => job.held.get(keyOf(one))?.barredFor === "refused"))
    return refused(job.role);
  const isShort = result.stops.get(job.id)?.kind !== "over-limit";
  if ((local === "fragmented" || isBarredEverywhere) && isShort) {
    return [
      "fragmented",
      job.unit === 1
        ? `There is room for ${wantedText(job)} in all, but not on one node; it starts when a node has it free.`
        : `There is room for ${wantedText(job)} in all, but not on the nodes of one partition; it starts when they have it free together.`,
    ];
  }
  return null;
}

function gangText(size: number, held: Waiting["held"]): string {
  const waits = `It waits until all ${size} can start together`;
  if (held === null) return `${waits}; what it waits for was kept for a while, and others have their turn now.`;
  return `${waits}; ${held.places} of ${size} places are kept for it, for at most ${formatDuration(held.holdMs)}.`;
}

const refused = (role: string): Answer => [
  "refused",
  `Every node that could run it has refused it when it was handed out; its log says why. Their configs, or role ${role}, must change.`,
];

/** What the round decided. */
function fromRound(waiting: Waiting): Answer {
  const { result, job } = waiting;
  const stop = result.stops.get(job.id) ?? { kind: "space" };
  const entitled = total(result.entitled.get(job.id));
  const granted = total(result.limits.get(job.id));
  if (stop.kind === "over-limit" && entitled <= granted) return overLimit(waiting, stop);
  if (stop.kind === "lend-limit" && entitled <= granted) {
    const { cluster, partition } = parsePartitionKey(stop.partition);
    return [
      "over-limit",
      `The owner of ${cluster}/${partition} lends no more ${stop.resource} of it, and nothing else is free.`,
    ];
  }
  const offered = waiting.input.partitions.find(
    (one) => isAllowed(job, one) && Object.keys(job.demand).some((name) => (one.offered[name] ?? 0) > 0),
  );
  if (offered)
    return [
      "offers",
      `What it needs in ${keyOf(offered)} is held by offers to frameworks; an offer that is not taken comes back.`,
    ];
  if (result.claims.has(job.id)) return claims(waiting);
  const told = fromShare(waiting, stop, entitled - granted);
  return waiting.takenBack === undefined ? told : [told[0], `${told[1]} Taken back: ${waiting.takenBack}.`];
}

function fromShare(waiting: Waiting, stop: Stop, due: number): Answer {
  const { job } = waiting;
  if (due > 0) return owed(waiting, due);
  if (stop.kind === "share")
    return [
      "share",
      `The league is full, and ${others(waiting)} had less or have a right to it: its turn comes as tasks end.`,
    ];
  const shortOf = shortestIn(waiting);
  return [
    "space",
    job.unit === 1
      ? `Every node that could run it is busy; it starts as soon as ${wantedText(job)} is free on one${shortOf}.`
      : `The nodes that could run it are busy; it starts as soon as there is room for ${wantedText(job)} in one partition${shortOf}.`,
  ];
}

function overLimit({ input, job }: Waiting, stop: Extract<Stop, { kind: "over-limit" }>): Answer {
  const { role, resource, bound } = stop;
  const policy = input.roles.get(role);
  const at = policy?.[bound === "lend" ? "lend" : bound][resource];
  const amount = at === undefined ? "" : ` of ${formatAmount(resource, at)}`;
  const whose = role === job.role ? `Role ${role}` : `Role ${role}, which it is under,`;
  switch (bound) {
    case "limit":
      return [
        "over-limit",
        `${whose} is at its limit${amount} ${resource}; another ${job.unit === 1 ? "task" : "gang"} starts when one of its ends.`,
      ];
    case "borrow":
      return ["over-limit", `${whose} borrows as much ${resource} as it may${amount}; the rest is for others.`];
    case "lend":
      return [
        "over-limit",
        `Other roles lend no more ${resource}: what is idle is ${role === LEAGUE ? "promised to them" : `kept for ${role}`}.`,
      ];
  }
}

/** It may have room made for it: of whom, and when. */
function claims({ result, job, input, graceLeftMs }: Waiting): Answer {
  const claimed = [...(result.claims.get(job.id)?.entries() ?? [])];
  const own = claimed.reduce((n, [, one]) => n + one.own, 0);
  const lower = claimed.reduce((n, [, one]) => n + one.priority, 0);
  const keys = new Set(claimed.map(([key]) => key));
  const yielding = (to: "lent" | "lower") =>
    input.jobs.filter(({ id }) =>
      [...(result.yields.get(id) ?? [])].some(([key, one]) => keys.has(key) && one[to] > 0),
    );
  const what = moreText(job, own + lower);
  const isSoon = graceLeftMs !== undefined && graceLeftMs <= 0;
  const when =
    graceLeftMs === undefined
      ? "when the grace is over"
      : isSoon
        ? "now, each as soon as it has run for long enough"
        : `in ${formatDuration(Math.ceil(graceLeftMs / 1000) * 1000)}, if not enough of them end before`;
  if (own > 0) {
    const roles = [...new Set(yielding("lent").map(({ role }) => role))].sort();
    return [
      "reclaim",
      `What is role ${job.role}'s own is lent to ${roles.join(", ")}: ${what} due, and borrowers' tasks are stopped for them ${when}.`,
    ];
  }
  const ids = yielding("lower").map(({ id }) => id);
  return [
    "reclaim",
    `Tasks of lower priority in role ${job.role} have its place (${ids.join(", ")}): ${what} due, and those are stopped for them ${when}.`,
  ];
}

/** Entitled, but what runs elsewhere above its own share still has the room. */
function owed(waiting: Waiting, units: number): Answer {
  const { job } = waiting;
  const what = moreText(job, units);
  if (lineage(job.role).some((role) => isDueItsOwn(waiting, role))) {
    return ["reclaim", `What is role ${job.role}'s own is lent: ${what} due, and start as borrowers' tasks end.`];
  }
  return ["share", `By its share ${what} due: they start as tasks of those that have more end.`];
}

/** The role is promised something that the job needs, asks for no more of it than that, and others have it. */
function isDueItsOwn({ input, result, job }: Waiting, role: string): boolean {
  if (!isUsedByOthers(input, job, role)) return false;
  const guarantee = input.roles.get(role)?.guarantee ?? {};
  const owned = input.partitions.filter(({ owner }) => owner !== null && isWithin(owner, role));
  const promised = owned.reduce((sum: Resources, { usable }) => add(sum, usable), guarantee);
  const entitled = result.roles.get(role)?.entitled ?? {};
  const names = Object.keys(job.demand).filter((name) => (promised[name] ?? 0) > 0);
  return names.length > 0 && names.every((name) => (entitled[name] ?? 0) <= (promised[name] ?? 0));
}

function isUsedByOthers({ partitions, jobs }: Waiting["input"], job: Waiting["job"], role: string): boolean {
  const keys = partitionsFor(partitions, job).map(keyOf);
  return jobs.some(
    (other) => !isWithin(other.role, role) && keys.some((key) => (other.held.get(key)?.charged ?? 0) > 0),
  );
}

function others({ result, job }: Waiting): string {
  const names = [...result.limits.keys()].filter((id) => id !== job.id).length;
  return names === 1 ? "another job" : `${names} other jobs`;
}

function shortestIn({ input, job, result }: Waiting): string {
  const free = freeIn(input, result, job);
  const short = free === null ? null : shortest(job.demand, free);
  return short === null ? "" : ` (short of ${short})`;
}

/** What is free where most of it is. */
function freeIn(
  input: Waiting["input"],
  result: Waiting["result"],
  job: Waiting["job"],
): Record<string, number> | null {
  let best: Record<string, number> | null = null;
  let bestTimes = -1;
  for (const partition of partitionsFor(input.partitions, job)) {
    const free: Record<string, number> = {
      ...subtract(partition.usable, usedByFrameworks(input, keyOf(partition))),
    };
    for (const other of input.jobs) {
      const count = Math.max(
        result.limits.get(other.id)?.get(keyOf(partition)) ?? 0,
        other.held.get(keyOf(partition))?.charged ?? 0,
      );
      for (const [name, amount] of Object.entries(other.demand)) free[name] = (free[name] ?? 0) - count * amount;
    }
    const part = Math.min(
      ...Object.entries(job.demand).map(([name, amount]) => (free[name] ?? 0) / Math.max(1, amount)),
    );
    if (part > bestTimes) [best, bestTimes] = [free, part];
  }
  return best;
}

const total = (limits: ReadonlyMap<string, number> | undefined): number =>
  [...(limits?.values() ?? [])].reduce((a, b) => a + b, 0);
