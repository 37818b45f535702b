/**
 * One change that lets a waiting job start, found by trying: every candidate is made on a copy and the same round is
 * run over it. What does not start a task there is not suggested.
 */
import { formatAmount, type Resources } from "../../model/resources.ts";
import { isWithin, lineage } from "../../model/role.ts";
import type { RoundInput, RoundJob } from "../input.ts";
import { copiesOn } from "../packing/shape.ts";
import { round } from "../round.ts";
import { shapeAccepts, taskDemand } from "../slots.ts";
import { ANEW, type Change, withChange } from "./change.ts";
import type { Told } from "./reason.ts";
import { isAllowed, type Waiting } from "./waiting.ts";

export interface Fix {
  change: Change;
  /** for a person */
  text: string;
  /** what to type */
  command: string;
  /** tasks that would start at once */
  startsNow: number;
}

/** Reasons that end by themselves, soon or by the silence rule: nothing that a person changes is quicker. */
const ENDS_BY_ITSELF = new Set<Told["reason"]>(["backoff", "granting", "holding", "mass-silence"]);
/** A node more may go to others that are before it. */
const NODE_COUNTS = [1, 4, 16];
/** Partitions that are tried for new nodes. */
const MOST_HOMES = 3;
/** Each is a whole round, and the Broker does nothing else meanwhile. */
const MOST_TRIES = 24;
/** Of jobs times partitions, over all tries: in a very large league a round takes a second. */
const MOST_LOOKED_AT = 2_500_000;

/** @returns null: it only has to wait, or nothing that was tried helps */
export function fixOf(waiting: Waiting, told: Told): Fix | null {
  if (ENDS_BY_ITSELF.has(told.reason)) return null;
  const seen = UNUSABLE.has(told.reason) ? withoutUnusable(waiting) : waiting;
  const before = grantedTo(seen.job.id, seen.input);
  const size = seen.input.jobs.length * seen.input.partitions.length;
  const mostTries = Math.min(MOST_TRIES, Math.ceil(MOST_LOOKED_AT / Math.max(1, size)));
  let tries = 0;
  for (const change of candidates(seen, told)) {
    if (++tries > mostTries) return null;
    const granted = grantedTo(isAnew(change) ? ANEW : seen.job.id, withChange(seen.input, seen.job, change));
    const units = isAnew(change) ? granted : granted - before;
    if (units > 0) return { change, startsNow: units * unitAfter(seen.job, change), ...wordsFor(change, seen) };
  }
  return null;
}

function unitAfter({ unit }: RoundJob, change: Change): number {
  if (change.kind === "gang") return change.size;
  return change.kind === "resources" && unit > 1 ? unit * change.times : unit;
}

/** Reasons that only the clusters know: the round would grant what cannot be used now. */
const UNUSABLE = new Set<Told["reason"]>(["paused", "refused", "fragmented", "gang"]);

function withoutUnusable(waiting: Waiting): Waiting {
  const { input, result } = waiting;
  const keys = [...(result.limits.get(waiting.job.id)?.keys() ?? []), ...waiting.job.held.keys()];
  const held = new Map(waiting.job.held);
  for (const key of keys) {
    const { charged = 0, ...rest } = held.get(key) ?? {};
    // A gang that is granted and can't start uses nothing.
    const idle = waiting.local === "gang" ? 1 : 0;
    held.set(key, { ...rest, charged: Math.max(0, charged - idle), barred: true });
  }
  const job = { ...waiting.job, held };
  return { ...waiting, job, input: { ...input, jobs: input.jobs.map((one) => (one.id === job.id ? job : one)) } };
}

const isAnew = ({ kind }: Change): boolean => kind !== "bound" && kind !== "lend" && kind !== "nodes";

const grantedTo = (id: string, input: RoundInput): number =>
  [...(round(input).limits.get(id)?.values() ?? [])].reduce((a, b) => a + b, 0);

/** Reasons that a smaller task may not have. */
const SIZE_MATTERS = new Set<Told["reason"]>(["never-fits", "fragmented", "gang"]);
/** Sizes that are tried for a smaller gang. */
const MOST_SIZES = 4;

/** In the order of how little they ask for; the cheap ones of a kind first. */
function* candidates(waiting: Waiting, told: Told): Generator<Change> {
  const { job, input, result } = waiting;
  if (told.mistake) yield* corrections(waiting, told);
  if (told.reason === "constraint" || told.reason === "misconfigured") yield* fewerConstraints(waiting);
  if (told.reason === "not-accepted" || told.reason === "refused") yield* otherRoles(input, job);
  if (told.reason === "over-limit") {
    const stop = result.stops.get(job.id);
    if (stop?.kind === "over-limit") yield* raised(input, job, stop);
    if (stop?.kind === "lend-limit") yield { kind: "lend", partition: stop.partition };
  }
  if (job.clusters !== null) yield { kind: "any-cluster" };
  if (SIZE_MATTERS.has(told.reason)) {
    yield* smallerGangs(job);
    yield* smaller(job);
  }
  yield* moreNodes(input, job);
}

function* corrections({ job, texts }: Waiting, { mistake }: Told): Generator<Change> {
  if (mistake?.kind === "attribute" && mistake.meant !== null) {
    const { index, name, meant } = mistake;
    const constraints = job.constraints.map((c, i) => (i === index ? { ...c, name: meant } : c));
    const dropped = texts[index] ?? "";
    yield { kind: "constraints", constraints, dropped, written: dropped.replace(name, meant) };
  }
  if (mistake?.kind === "resource") {
    const { [mistake.name]: amount = 0, ...rest } = taskDemand(job);
    yield { kind: "resources", demand: { ...rest, [mistake.meant]: amount }, times: 1 };
  }
}

/** One fewer; then all but none. */
function* fewerConstraints({ job, texts }: Waiting): Generator<Change> {
  for (const index of job.constraints.keys()) {
    const constraints = job.constraints.filter((_, i) => i !== index);
    yield { kind: "constraints", constraints, dropped: texts[index] ?? "", written: null };
  }
  if (job.constraints.length > 1)
    yield { kind: "constraints", constraints: [], dropped: texts.join(" and "), written: null };
}

function* otherRoles({ partitions }: RoundInput, job: RoundJob): Generator<Change> {
  const accepted = new Set(partitions.flatMap(({ shapes }) => shapes.flatMap(({ roles }) => roles ?? [])));
  for (const role of [...accepted].sort()) if (!isWithin(job.role, role)) yield { kind: "role", role };
}

/** By what one task needs, then by what all of them need. */
function* raised(
  input: RoundInput,
  job: RoundJob,
  stop: { role: string; resource: string; bound: "limit" | "borrow" | "lend" },
): Generator<Change> {
  const used = usedBy(input, stop.role)[stop.resource] ?? 0;
  const wanted = job.demand[stop.resource] ?? 0;
  const now = input.roles.get(stop.role)?.[stop.bound][stop.resource] ?? 0;
  const { role, bound, resource } = stop;
  for (const tasks of [1, job.remaining])
    yield { kind: "bound", role, bound, resource, to: Math.max(now, used) + wanted * tasks };
}

function usedBy(input: RoundInput, role: string): Record<string, number> {
  const used: Record<string, number> = {};
  for (const job of input.jobs) {
    if (!lineage(job.role).includes(role)) continue;
    const count = [...job.held.values()].reduce((n, { charged }) => n + charged, 0);
    for (const [name, amount] of Object.entries(job.demand)) used[name] = (used[name] ?? 0) + amount * count;
  }
  return used;
}

/** By sizes that divide it, for what divides the gang divides the job. */
function* smallerGangs({ unit }: RoundJob): Generator<Change> {
  let sizes = 0;
  for (let size = Math.floor(unit / 2); size >= 2 && sizes < MOST_SIZES; size--) {
    if (unit % size !== 0) continue;
    sizes += 1;
    yield { kind: "gang", size };
  }
}

/** Half of everything, a quarter, …; of a count that must be whole, a whole part. */
function* smaller(job: RoundJob): Generator<Change> {
  const demand = taskDemand(job);
  for (const times of [2, 4, 8]) {
    const part: Resources = Object.fromEntries(
      Object.entries(demand).map(([name, amount]) => [name, partOf(name, amount, times)]),
    );
    yield { kind: "resources", demand: part, times };
  }
}

function partOf(name: string, amount: number, times: number): number {
  const isWhole = name !== "cpus" && name !== "mem" && name !== "disk" && amount % 1000 === 0;
  return isWhole ? Math.max(1000, Math.floor(amount / times / 1000) * 1000) : Math.max(1, Math.floor(amount / times));
}

/** Like one that could run it, or as large as one task and as its constraints want it; where the job may go. */
function* moreNodes(input: RoundInput, job: RoundJob): Generator<Change> {
  const demand = taskDemand(job);
  const homes = input.partitions
    .filter((one) => !one.isSlice && isAllowed(job, one))
    .map(({ cluster, name, shapes }) => {
      const alike = shapes.find((one) => shapeAccepts(one, job, cluster) && copiesOn(demand, one.capacity) > 0);
      return { cluster, partition: name, alike, shape: alike ?? madeFor(job, shapes[0]) };
    })
    .sort((a, b) => Number(b.alike !== undefined) - Number(a.alike !== undefined));
  const counts = NODE_COUNTS.includes(job.unit) ? NODE_COUNTS : [...NODE_COUNTS, job.unit];
  for (const count of counts)
    for (const { cluster, partition, shape } of homes.slice(0, MOST_HOMES))
      yield { kind: "nodes", cluster, partition, shape, count };
}

function madeFor(job: RoundJob, like: { capacity: Resources } | undefined) {
  const capacity: Record<string, number> = { ...like?.capacity };
  const demand = taskDemand(job);
  for (const [name, amount] of Object.entries(demand)) capacity[name] = Math.max(capacity[name] ?? 0, amount);
  const attributes: Record<string, string> = {};
  for (const c of job.constraints) {
    if (c.op === "=" || c.op === ">=" || c.op === "<=") attributes[c.name] = String(c.value);
    else if (c.op === "in" && c.values[0] !== undefined) attributes[c.name] = c.values[0];
    else if (c.op === "has") attributes[c.name] = "yes";
    else if (c.op === ">" || c.op === "<") attributes[c.name] = String(c.value + (c.op === ">" ? 1 : -1));
  }
  return { count: 1, capacity, attributes, drivers: [job.driver] };
}

function wordsFor(change: Change, { job }: Waiting): { text: string; command: string } {
  switch (change.kind) {
    case "resources": {
      const pairs = pairsOf(change.demand);
      const count = change.times === 1 ? "" : ` --count ${waitsOf(job) * change.times}`;
      const what =
        change.times === 1 ? "ask for what the nodes have" : `ask for ${change.times} times as many smaller tasks`;
      return { text: what, command: `--resources ${pairs}${count}` };
    }
    case "gang":
      return { text: `start ${change.size} together instead of ${job.unit}`, command: `--gang ${change.size}` };
    case "constraints":
      return change.written === null
        ? { text: `leave out \`${change.dropped}\``, command: `submit it without --constraint "${change.dropped}"` }
        : { text: `write it right`, command: `--constraint "${change.written}"` };
    case "any-cluster":
      return { text: "let it use every cluster", command: "submit it without --clusters" };
    case "role":
      return { text: `run it under role ${change.role}, which nodes accept`, command: `--role ${change.role}` };
    case "bound": {
      const to = pairsOf({ [change.resource]: change.to });
      return {
        text: `raise what role ${change.role} may ${verbOf(change.bound)}`,
        command: `hansa roles set ${change.role} --${change.bound} ${to}`,
      };
    }
    case "lend":
      return {
        text: `let ${change.partition} be lent`,
        command: `hansa partitions set ${change.partition} --lend all`,
      };
    case "nodes": {
      const nodes = change.count === 1 ? "a node" : `${change.count} nodes`;
      const size = Object.entries(change.shape.capacity).map(
        ([name, amount]) => `${formatAmount(name, amount)} ${name}`,
      );
      return {
        text: `add ${nodes} with ${size.join(", ")} to ${change.cluster}`,
        command: `hansa token create --join ${change.cluster}`,
      };
    }
  }
}

/** Tasks. */
const waitsOf = ({ unit, remaining, held }: RoundJob): number =>
  unit * (remaining - [...held.values()].reduce((n, { charged }) => n + charged, 0));

const verbOf = (bound: "limit" | "borrow" | "lend"): string => (bound === "limit" ? "use" : bound);

const pairsOf = (resources: Resources): string =>
  Object.entries(resources)
    .map(([name, amount]) => `${name}=${amount / 1000}${name === "mem" || name === "disk" ? "MiB" : ""}`)
    .join(",");
