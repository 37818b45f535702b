/**
 * As Mesos' DeclineOffers: every framework holds a refuse filter on every agent, and one round finds that there is nothing
 * to offer. The round is both halves: the Cluster looks what each framework would take and reports it, the Broker decides.
 */
import type { FrameworkLevel, Tell } from "../../src/protocol/frameworks.ts";
import type { Report } from "../../src/protocol/levels.ts";
import { progress } from "../line.ts";
import { BenchLeague, CLUSTER } from "./league.ts";

const CAPACITY = { cpus: 24_000, mem: 4_096_000, disk: 4_096_000 };
const REFUSE_MS = 30 * 24 * 3_600_000;
const START_MS = 1_800_000_000_000;

export interface Declined {
  roundMs: number[];
  /** made in those rounds: there must be none */
  offers: number;
  /** that one framework is made once it asks again */
  afterRevive: number;
}

export function declined(agents: number, frameworks: number, roles: number, runs: number): Declined {
  let offers = 0;
  let nowMs = START_MS;
  const league = new BenchLeague(
    () => nowMs,
    ({ method, args }) => {
      if (method === "tell") offers += (args as Tell).offers.length;
      return { isKnown: true, isActive: true };
    },
  );
  const levels = Array.from({ length: frameworks }, (_, n) => level(n, `role-${n % roles}`));
  for (const one of levels) league.broker.call("framework", one);
  league.deliver();
  progress(`${frameworks} frameworks`);
  const names = Array.from({ length: agents }, (_, n) => `n${n}`);
  for (const name of names) league.join(name, CAPACITY);
  const here = league.cluster.object.inspect().frameworks;
  const refused = names.map((node) => ({ node, amounts: CAPACITY }));
  for (const framework of here.byId.values())
    for (const role of framework.roles.keys()) here.refuse(framework, role, refused, REFUSE_MS, nowMs);
  for (const one of levels) league.broker.call("framework", { ...one, rev: 2, roles: asking(one) });
  nowMs += 1_000;
  league.deliver();
  progress(`${agents} agents, all refused`);
  offers = 0;
  const roundMs: number[] = [];
  for (let run = 0; run < runs; run++) {
    nowMs += 1_000;
    for (const name of names.slice(0, 1)) league.poll(name);
    league.deliver();
    const incarnation = league.cluster.object.inspect().incarnation;
    const startedAtMs = performance.now();
    league.cluster.call("grant", { incarnation: 0, clusterIncarnation: incarnation, grants: [] });
    const [report] = league.cluster.take("call");
    if (report?.method !== "report") throw new Error("the Cluster did not report");
    const answer = league.broker.call("report", report.args);
    roundMs.push(performance.now() - startedAtMs);
    check(report.args as Report, frameworks);
    league.cluster.result(report.to, report.method, report.args, { ok: true, value: answer });
    league.deliver();
  }
  const made = offers;
  const [first] = levels;
  if (first) league.broker.call("framework", { ...first, rev: 3, roles: asking(first, 1) });
  for (let turn = 0; turn < 4 + agents / 500; turn++) {
    league.deliver();
    nowMs += 500;
    if (league.cluster.alarmAt !== null && league.cluster.alarmAt <= nowMs) league.cluster.fireAlarm();
    if (league.broker.alarmAt !== null && league.broker.alarmAt <= nowMs) league.broker.fireAlarm();
  }
  return { roundMs, offers: made, afterRevive: offers - made };
}

/** The Cluster looked at all of them, and none would take anything. */
function check({ frameworks = [], partitions }: Report, expected: number): void {
  const none = frameworks.filter(({ uses }) => uses.length > 0 && uses.every(({ takes }) => takes?.nodes === 0));
  if (none.length !== expected) throw new Error(`${none.length} of ${expected} frameworks would take nothing`);
  if ((partitions[0]?.rooms ?? []).length === 0) throw new Error(`nothing is free in ${CLUSTER}`);
}

const asking = ({ roles }: FrameworkLevel, revived = 0): FrameworkLevel["roles"] =>
  roles.map((wish) => ({ ...wish, suppressed: false, revived }));

const level = (n: number, role: string): FrameworkLevel => ({
  id: `framework-${n}`,
  rev: 1,
  state: "active",
  name: `framework ${n}`,
  user: "bench",
  principal: null,
  checkpoint: false,
  capabilities: ["MULTI_ROLE"],
  roles: [{ name: role, role, suppressed: true, revived: 0, minAllocatable: null, constraints: null }],
});
