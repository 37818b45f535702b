/**
 * Holds what is kept while things change against what the memory says as a whole. Only tests ask for it, after each
 * turn: a change that somebody was not told of shows here.
 */
import { add, type Resources } from "../model/resources.ts";
import { UseSums } from "./frameworks/useSums.ts";
import type { ClusterMemory } from "./memory.ts";
import { countsAlike, type NodeAccount, nodeAccountOf, tellsAlike } from "./nodeAccount.ts";
import { type Account, accountsOf } from "./partitions.ts";
import { stateOf } from "./placing.ts";
import { isIdle, isOver, isWaiting, type JobState, runsDry } from "./state.ts";

/** @throws Error that names what differs */
export function verify(memory: ClusterMemory, now: number): void {
  const nodeAccounts = [...memory.nodes.values()].map((node, position) => nodeAccountOf(memory, node, position, now));
  verifyNodes(memory, nodeAccounts, now);
  verifySums(memory, nodeAccounts, now);
  verifyFrameworks(memory);
  for (const node of memory.nodes.values()) {
    if (memory.unstated.has(node.name) || node.removed || node.inventory === null) continue;
    const isOld = (memory.spoken.get(node.name) ?? Number.POSITIVE_INFINITY) <= now || now < memory.statedAt;
    if (isOld) continue;
    const state = stateOf(memory, node, now, (name) => memory.heldPolls.polls.has(name));
    const told = memory.placer.stateOf(node.name);
    expectSame(`the placer's state of ${node.name}`, told, state);
  }
  const waiting = new Set(memory.waitingJobs());
  const fragmented = new Set(memory.fragmented);
  const unrecovered = new Set(memory.unrecovered);
  for (const job of memory.jobs.values()) {
    expectSame(`whether ${job.id} waits`, waiting.has(job), job.launched === null && isWaiting(job));
    expectSame(`whether ${job.id} is fragmented`, fragmented.has(job), job.lacksIn.length > 0);
    const isUnknown = job.limbo.length > 0 || [...job.live.values()].some(({ carried }) => carried.seq === 0);
    expectSame(`whether ${job.id} is recovered`, unrecovered.has(job), isUnknown);
    verifyJob(memory, job, now);
  }
  expectSame(
    "jobs that wait",
    waiting.size,
    [...memory.jobs.values()].filter((job) => job.launched === null && isWaiting(job)).length,
  );
}

function verifyNodes(memory: ClusterMemory, fresh: readonly NodeAccount[], now: number): void {
  let at = 0;
  const counts = { up: 0, silent: 0, drained: 0, total: 0 };
  for (const node of memory.nodes.values()) {
    const account = fresh[at++] as NodeAccount;
    const kept = memory.nodeAccounts.of(node.name, now);
    const alike = kept && countsAlike({ ...kept, homes: account.homes }, account);
    expectSame(`how ${node.name} counts`, alike, true);
    expectSame(`place of ${node.name}`, kept?.position, account.position);
    expectSame(`partitions of ${node.name}`, kept?.homes.join(), account.homes.join());
    if (kept) expectSame(`what ${node.name} seems`, tellsAlike({ ...kept, homes: account.homes }, account), true);
    if (node.removed) continue;
    counts.total += 1;
    if (account.up) counts.up += 1;
    else if (account.isSuspect) counts.silent += 1;
    else if (account.isDrained) counts.drained += 1;
  }
  expectSame("counts of nodes", JSON.stringify(memory.nodeAccounts.counts(now)), JSON.stringify(counts));
}

function verifySums(memory: ClusterMemory, nodeAccounts: readonly NodeAccount[], now: number): void {
  const kept = memory.nodeAccounts.accounts(now);
  verifyWhole([...kept.values()], nodeAccounts);
  for (const [name, account] of accountsOf(memory.partitions, nodeAccounts))
    for (const [state, amounts] of Object.entries(account))
      expectSame(`${name} ${state}`, textOf(kept.get(name)?.[state as keyof Account] ?? {}), textOf(amounts));
}

/** R = Σ Pᵢ by resource: each partition is its parts, and all of them are what the nodes have or is in use there. */
function verifyWhole(accounts: readonly Account[], nodes: readonly NodeAccount[]): void {
  const sumOf = (all: Iterable<Resources>) => [...all].reduce((sum, one) => add(sum, one), {});
  for (const { total, ...parts } of accounts) {
    expectSame("the parts of a partition", textOf(sumOf(Object.values(parts))), textOf(total));
    const isLess = Object.values(parts).some((part) => Object.values(part).some((amount) => amount < 0));
    expectSame("whether a partition has less than nothing", isLess, false);
  }
  const there = nodes.flatMap(({ unused, used, offered, reserved, stopping }) => [
    unused,
    ...[used, offered, reserved, stopping].flatMap((inUse) => [...inUse.values()]),
  ]);
  expectSame("all partitions", textOf(sumOf(accounts.map(({ total }) => total))), textOf(sumOf(there)));
}

function verifyFrameworks(memory: ClusterMemory): void {
  const { frameworks, nodes, heldPolls } = memory;
  for (const here of frameworks.byId.values()) {
    const afresh = new UseSums();
    for (const offer of here.offers) afresh.change("offered", offer, 1);
    for (const job of here.tasks.values()) if (job.launched && !isOver(job)) afresh.change("used", job.launched, 1);
    const text = (sums: UseSums) =>
      [...sums.values()].map(({ role, partition, used, offered }) =>
        [role, partition, textOf(used), textOf(offered)].join(" "),
      );
    expectSame(`what is noted of ${here.id}`, here.noted, JSON.stringify(here.notes));
    expectSame(`in use by ${here.id}`, text(here.uses).sort().join(), text(afresh).sort().join());
  }
  for (const name of frameworks.awaitedNodes) {
    const node = nodes.get(name);
    const listens = node && heldPolls.polls.has(name) && !node.paused && !memory.unasked.has(name);
    if (listens) throw new Error(`what was launched on ${name} was not handed out`);
  }
}

function verifyJob({ tellings }: ClusterMemory, job: JobState, now: number): void {
  const counts: Record<string, number> = {};
  let heldMs = 0;
  for (const { partition, assignedAt } of job.live.values()) {
    counts[partition] = (counts[partition] ?? 0) + 1;
    heldMs += Math.max(0, now - assignedAt);
  }
  expectSame(`live of ${job.id}`, textOf(job.live.counts()), textOf(counts));
  expectSame(
    `held by ${job.id}`,
    job.live.held(now).reduce((sum, { ms }) => sum + ms, 0),
    heldMs,
  );
  if (job.launched !== null) return;
  const dirty = tellings.now.has(job) ? "now" : tellings.soon.has(job) ? "soon" : "no";
  expectSame(`what is to be told of ${job.id}`, dirty, job.dirty);
  if (dirty === "now" && (isIdle(job) || runsDry(job))) expectSame("urgent", tellings.isUrgent(), true);
  const retries = [...job.retry.values()];
  expectSame(
    `retries of ${job.id}`,
    job.retry.isDue(now),
    retries.some(({ notBefore }) => notBefore <= now),
  );
  const later = retries.map(({ notBefore }) => notBefore).filter((at) => at > now);
  expectSame(`next retry of ${job.id}`, job.retry.nextAt(now), later.length === 0 ? null : Math.min(...later));
}

const textOf = (amounts: Resources): string =>
  JSON.stringify(
    Object.entries(amounts)
      .filter(([, amount]) => amount !== 0)
      .sort(),
  );

function expectSame(what: string, kept: unknown, is: unknown): void {
  if (kept !== is) throw new Error(`${what}: kept as ${kept}, is ${is}`);
}
