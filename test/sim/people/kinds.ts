/** Jobs that not every node can run, that can never run, that come many at once, and what others would rather have. */
import { type JobSpecInput, jobSpecSchema, silenceLimitMs, templateOf } from "../../../src/model/job.ts";
import type { Chance } from "../world/random.ts";
import { drawPlans, type Plan } from "./person.ts";

const SOME = 0.6;
/** What only some nodes have may be gone for good with them. */
const PATIENCE_MS = 240_000;
const HOPELESS = 0.15;
/** So long after the faults everybody knows what nodes there are. */
const TOLD_AFTER_MS = 200_000;
const MOST_SPARE_S = 60;

const DEMANDING = { name: "kind", copies: 0.1, pinned: 0, serves: false };
const BURST = { name: "burst", copies: 0.1, pinned: 0, serves: false };

type Demand = (chance: Chance) => Partial<JobSpecInput>;

const DEMANDS: readonly Demand[] = [
  (chance) => ({ resources: { cpus: 0.5, mem: "64MiB", gpus: chance.pick([0.25, 0.4, 0.5, 0.7]) } }),
  (chance) => ({ resources: { cpus: 0.5, mem: "64MiB", gpus: chance.pick([1, 1, 2, 4]) } }),
  (chance) => ({ resources: { cpus: 0.2, mem: "64MiB", licences: chance.pick([1, 1, 2]) } }),
  (chance) => ({
    resources: { cpus: 0.2, mem: "16MiB", ports: chance.int(0, 2) },
    ports: chance.of(0.5) ? [31_000] : [31_000, 31_000 + chance.int(1, 9)],
  }),
  (chance) => ({ antiAffinity: [{ job: "self", over: chance.pick(["node", "zone"]), required: true }] }),
  (chance) => ({
    constraints: chance.pick([
      ["arch = x64"],
      ["zone in a, b", "has ssd"],
      ["zone != c"],
      ["region = eu"],
      ["cores >= 4"],
    ]),
  }),
];

const HOPES: readonly Partial<JobSpecInput>[] = [
  { resources: { cpus: 1000 } },
  { resources: { gpus: 64 } },
  { resources: { quantum: 1 } },
  { constraints: ["arch = riscv"] },
];

/** Some leagues have jobs with needs. */
export function drawKinds(chance: Chance, clusters: readonly string[], faultsEndMs: number): Plan[] {
  if (!chance.of(SOME)) return [];
  const demanding = drawPlans(chance, clusters, faultsEndMs, DEMANDING)
    .filter(({ keep }) => !keep)
    .map((plan) => ({
      ...plan,
      spec: { ...plan.spec, ...chance.pick(DEMANDS)(chance) },
      cancelAtMs: plan.cancelAtMs ?? faultsEndMs + PATIENCE_MS,
    }));
  return [...demanding, ...(chance.of(HOPELESS) ? [drawHopeless(chance, faultsEndMs)] : [])];
}

function drawHopeless(chance: Chance, faultsEndMs: number): Plan {
  const [plan] = drawPlans(chance, ["north"], faultsEndMs, { ...DEMANDING, name: "hopeless", copies: 0 }) as [Plan];
  const { clusters: _, ...spec } = plan.spec;
  const hope = chance.pick(HOPES);
  return {
    ...plan,
    keep: false,
    spec: { ...spec, disconnect: {}, stopGrace: "1s", ...hope },
    cancelAtMs: null,
    givesUpAtMs: faultsEndMs + TOLD_AFTER_MS,
  };
}

/** Many people come at the same moment, with little work each. */
export function drawBurst(chance: Chance, clusters: readonly string[], faultsEndMs: number): Plan[] {
  if (!chance.of(0.1)) return [];
  const atMs = chance.int(1_000, faultsEndMs * 0.7);
  return Array.from({ length: chance.int(3, 8) }, (_, n) =>
    drawPlans(chance, clusters, faultsEndMs, { ...BURST, name: `burst${n}` }),
  )
    .flat()
    .filter(({ keep }) => !keep)
    .map((plan) => ({ ...plan, submitAtMs: atMs + chance.int(0, 200), pondersMs: null }));
}

const FEWEST_TINY = 200;
const MOST_TINY = 2_000;

/** One job of very many tasks that are over at once. */
export function drawTiny(chance: Chance, clusters: readonly string[], faultsEndMs: number): Plan[] {
  if (!chance.of(0.03)) return [];
  const [plan] = drawPlans(chance, clusters, faultsEndMs, { ...BURST, name: "tiny", copies: 0 }) as [Plan];
  const { each: _, timeout: __, clusters: ___, ...spec } = plan.spec;
  const count = chance.spread(FEWEST_TINY, MOST_TINY);
  const resources = { cpus: 0.1, mem: "16MiB" };
  const ends = { retry: { max: 3, backoff: "0s" }, disconnect: { stopAfter: "30s" }, stopGrace: "1s" };
  return [{ ...plan, keep: false, count, spec: { ...spec, command: "work", count, resources, ...ends } }];
}

const MOST_APART = 10;
const NAMES = ["train", "cache", "web"];

/** The same job, with what keeps nothing waiting. */
export function withPreferences(plan: Plan, chance: Chance): Plan {
  const { spec } = plan;
  const { stopAfterMs } = templateOf(jobSpecSchema.parse(spec));
  const waitsLonger = typeof spec.disconnect === "object" && plan.atMostOne && stopAfterMs !== null && chance.of(0.1);
  const spareS = chance.int(0, MOST_SPARE_S);
  const hasPorts = spec.ports === undefined && spec.resources?.ports === undefined && chance.of(0.2);
  // One after the other they must still end in time.
  const mayBeApart = plan.pinned === null && spec.gang === undefined && !plan.id.startsWith("long") && !plan.serves;
  const isApart = mayBeApart && plan.count <= MOST_APART && chance.of(0.15);
  return {
    ...plan,
    spec: {
      ...spec,
      ...(chance.of(0.3) && { name: chance.pick(NAMES) }),
      ...(hasPorts && { resources: { ...spec.resources, ports: chance.int(1, 2) } }),
      ...(chance.of(0.15) && { env: { LEVEL: "3" } }),
      ...(chance.of(0.15) && { spread: chance.pick(["zone", ["zone", "arch"], "node"]) }),
      ...(chance.of(0.15) && {
        affinity: chance.pick([["has ssd"], [{ rule: "zone = a", weight: 20 }], [{ job: "cache" }]]),
      }),
      ...(chance.of(0.15) &&
        spec.antiAffinity === undefined && {
          antiAffinity: chance.pick([["arch = arm64"], [{ job: "web", over: "zone" }], [{ job: "self" }]]),
        }),
      ...(isApart && { antiAffinity: [{ job: "self", required: true }] }),
      ...(waitsLonger && {
        disconnect: {
          ...(spec.disconnect as object),
          lostAfter: `${Math.ceil(silenceLimitMs(stopAfterMs) / 1000) + spareS}s`,
          onReturn: "keep-new" as const,
        },
      }),
    },
  };
}
