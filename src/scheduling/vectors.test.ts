/** The round against worked examples of others. */
import { describe, expect, test } from "vitest";
import { job, league, partition, running, total } from "./round.fixture.ts";
import { round } from "./round.ts";
import * as vectors from "./vectors.fixture.ts";

const RESOURCES = ["cpus", "mem", "gpus"] as const;
const amounts = (list: readonly number[], scale = 1) =>
  Object.fromEntries(list.map((amount, r) => [RESOURCES[r] ?? "", amount * scale]).filter(([, n]) => n !== 0));
const found = <T extends { id: string }>(rows: readonly T[], id: string): T => {
  const row = rows.find((one) => one.id === id);
  if (!row) throw new Error(`no vector ${id}`);
  return row;
};
const named = (rows: readonly { id: string; source: string }[], id: string) => `${id} (${found(rows, id).source})`;

describe("dominant resource fairness", () => {
  /** Every user a role with one job of more tasks than there is room for. */
  function shared(capacity: readonly number[], users: NonNullable<(typeof vectors.drf)[number]["users"]>, tasks = 99) {
    const names = Object.keys(users);
    const roles = Object.fromEntries(names.map((name) => [name.toLowerCase(), { weight: users[name]?.weight ?? 1 }]));
    const jobs = names.map((name) =>
      job(name, amounts(users[name]?.demand ?? []), tasks, { role: name.toLowerCase() }),
    );
    return round(league([partition("all", amounts(capacity))], jobs, roles));
  }
  const tasksOf = ({ entitled }: ReturnType<typeof round>) =>
    Object.fromEntries([...entitled.keys()].map((id) => [id, total(entitled, id)]));

  test.each(vectors.drf.filter(({ tasks }) => tasks))("$id ($source): tasks and use", (row) => {
    const result = shared(row.capacity ?? [], row.users ?? {});
    expect(tasksOf(result)).toEqual(row.tasks);
    for (const [name, share] of Object.entries(row.dominantShare ?? {}))
      expect(result.roles.get(name.toLowerCase())?.share).toBeCloseTo(share);
    for (const [r, used] of (row.used ?? []).entries()) {
      const sum = [...result.roles.values()].reduce((all, role) => all + (role.entitled[RESOURCES[r] ?? ""] ?? 0), 0);
      expect(sum).toBe(used);
    }
  });

  const paper = found(vectors.drf, "drf-paper-§4.2");
  test(`${named(vectors.drf, paper.id)}: two jobs of one role share just the same`, () => {
    const { A, B } = paper.users ?? {};
    const jobs = [job("A", amounts(A?.demand ?? []), 9), job("B", amounts(B?.demand ?? []), 9)];
    expect(tasksOf(round(league([partition("all", amounts(paper.capacity ?? []))], jobs)))).toEqual(paper.tasks);
  });

  test.each(["asset-fairness-same-input", "ceei-same-input"])(
    "%s: others' rules, where the round keeps to DRF's",
    (id) => {
      const row = found(vectors.drf, id);
      const other = id.startsWith("asset") ? assetFairness() : nashBargaining();
      expect(other.A).toBeCloseTo(row.fractionalTasks?.A ?? 0, 2);
      expect(other.B).toBeCloseTo(row.fractionalTasks?.B ?? 0, 2);
      expect(tasksOf(shared(paper.capacity ?? [], paper.users ?? {}))).toEqual(paper.tasks);
    },
  );
});

/** A cpu is worth two units of memory, as there is twice as much; equal worth for both users. */
function assetFairness() {
  // 6 A = 7 B of worth, and cpus bind: A + 3 B = 9.
  const b = 9 / (7 / 6 + 3);
  return { A: (7 / 6) * b, B: b };
}

/** Competitive equilibrium from equal incomes: max A·B with A + 3 B ≤ 9, 4 A + B ≤ 18, by ternary search. */
function nashBargaining() {
  const bOf = (a: number) => Math.min((9 - a) / 3, 18 - 4 * a);
  let [low, high] = [0, 4.5];
  for (let step = 0; step < 100; step++) {
    const [left, right] = [low + (high - low) / 3, high - (high - low) / 3];
    if (left * bOf(left) < right * bOf(right)) low = left;
    else high = right;
  }
  return { A: low, B: bOf(low) };
}

describe("weighted max-min of one resource", () => {
  const UNITS = 100;
  test.each(vectors.maxmin)("$id ($source), in units of a hundredth", ({ capacity, demand, weight, alloc }) => {
    const roles = Object.fromEntries(weight.map((w, i) => [`r${i}`, { weight: w }]));
    const jobs = demand.map((amount, i) => job(`j${i}`, { cpus: 1 }, amount * UNITS, { role: `r${i}` }));
    const { entitled } = round(league([partition("all", { cpus: capacity * UNITS })], jobs, roles));
    for (const [i, amount] of alloc.entries()) expect(total(entitled, `j${i}`) / UNITS).toBeCloseTo(amount, 2);
  });

  test.each(vectors.maxminEligibility)("$id ($source), where each may use only some", (row) => {
    const roles = Object.fromEntries(row.weight.map((weight, i) => [`r${i}`, { weight }]));
    const partitions = row.cap.map((cpus, i) => partition(`c${i}`, { cpus: cpus * UNITS }));
    const jobs = row.eligible.map((places, i) =>
      job(`j${i}`, { cpus: 1 }, 1100, { role: `r${i}`, clusters: places.map((place) => `c${place}`) }),
    );
    const { entitled } = round(league(partitions, jobs, roles));
    for (const [i, amount] of row.alloc.entries())
      expect(Math.abs(total(entitled, `j${i}`) / UNITS - amount)).toBeLessThanOrEqual(2 / UNITS);
  });

  const weighted = found(vectors.drf, "wdrf-A2-B1");
  test(`${named(vectors.drf, weighted.id)}: what tasks too small to matter come to`, () => {
    const UNITS_A_TASK = 500;
    const users = Object.entries(weighted.users ?? {});
    const roles = Object.fromEntries(users.map(([name, { weight }]) => [name.toLowerCase(), { weight }]));
    const jobs = users.map(([name, { demand }]) => job(name, amounts(demand), 2500, { role: name.toLowerCase() }));
    const { entitled } = round(league([partition("all", amounts(weighted.capacity ?? [], UNITS_A_TASK))], jobs, roles));
    for (const [name, tasks] of Object.entries(weighted.fractional ?? {}))
      expect(Math.abs(total(entitled, name) / UNITS_A_TASK - tasks)).toBeLessThan(2 / UNITS_A_TASK);
  });
});

describe("lending between owners", () => {
  test.each(vectors.lending)("$id ($source)", (row) => {
    const { own, demand, lendCost, lendingLimit, borrowingLimit, lent, use, objective } = row;
    const partitions = own.map((cpus, i) =>
      partition(`c${i}`, { cpus }, { owner: `r${i}`, lendable: lendingLimit ? { cpus: lendingLimit[i] ?? 0 } : {} }),
    );
    const roles = Object.fromEntries(
      own.map((_, i) => [`r${i}`, borrowingLimit ? { borrow: { cpus: borrowingLimit[i] ?? 0 } } : {}]),
    );
    const current = row.current_lent_B_to_A ?? 0;
    const jobs = demand.map((tasks, i) =>
      job(`j${i}`, { cpus: 1 }, tasks, {
        role: `r${i}`,
        held: i === 0 && current > 0 ? running({ c0: own[0] ?? 0, c1: current }) : new Map(),
      }),
    );
    const { entitled, limits } = round(league(partitions, jobs, roles));
    const inCluster = (id: string, i: number) => entitled.get(id)?.get(`c${i}/default`) ?? 0;
    expect(
      own.map((_, lender) => own.map((__, user) => (user === lender ? 0 : inCluster(`j${user}`, lender)))),
    ).toEqual(lent);
    expect(demand.map((_, i) => total(entitled, `j${i}`))).toEqual(use);
    const allLent = lent.flat().reduce((a, b) => a + b, 0);
    expect(use.reduce((a, b) => a + b, 0) * 1 - lendCost * allLent).toBeCloseTo(objective);
    if (row.preempt_units_of_A !== undefined)
      expect(current - (limits.get("j0")?.get("c1/default") ?? 0)).toBe(row.preempt_units_of_A);
  });
});
