/** `bench:place` without `--durable`: runs the placement a few times over, checks what it decided, and takes medians. */
import { type Figures, percentile, progress, rounded } from "../line.ts";
import { faultsOf } from "./check.ts";
import { type Decided, Decider, LATE_PART, lateJobs } from "./decide.ts";
import { type PlaceInstance, type PlaceSize, placeInstance } from "./instance.ts";

const RUNS = 5;

/** @returns figures for the line, and a sentence for each broken rule */
export function measureDecisions(size: PlaceSize, seed: number): { figures: Figures; faults: string[] } {
  const lateTasks = Math.ceil(size.tasks * LATE_PART);
  const instance = placeInstance({ ...size, tasks: size.tasks - lateTasks }, seed);
  const late = lateJobs(instance, lateTasks);
  const runs: Decided[] = [];
  for (let n = 0; n < RUNS; n += 1) {
    const decided = new Decider(instance).decide(late);
    progress(
      `run ${n + 1}: ${decided.running.length} run, ${decided.preempted.length} were stopped, ${rounded(decided.ms)} ms`,
    );
    runs.push(decided);
  }
  const [first] = runs as [Decided, ...Decided[]];
  const faults = [
    ...brokenBy(instance, late, first),
    ...(runs.every((run) => isSame(run, first)) ? [] : ["two runs differ"]),
  ];
  const placed = first.running.length + first.preempted.length;
  const rates = runs.map(({ ms }) => (1000 * placed) / ms);
  const figures: Figures = {
    placed: first.running.length,
    unplaced: first.unplaced,
    placements_per_s: rounded(percentile(rates, 0.5)),
    job_decisions_per_s: rounded(
      percentile(
        runs.map(({ ms, classes }) => (1000 * classes) / ms),
        0.5,
      ),
    ),
    preemptions: first.preempted.length,
    violations: faults.length,
  };
  return { figures, faults };
}

function brokenBy(
  instance: PlaceInstance,
  late: ReturnType<typeof lateJobs>,
  { running, preempted }: Decided,
): string[] {
  const faults = faultsOf({ ...instance, jobs: [...instance.jobs, ...late] }, running);
  const roles = new Map([...instance.jobs, ...late].map(({ id, template }) => [id, template.role]));
  const isRunning = new Set(running.map(({ job, index }) => `${job}.${index}`));
  for (const { job, index, priority } of preempted) {
    if (isRunning.has(`${job}.${index}`)) faults.push(`${job}.${index} was stopped and runs`);
    const above = running.some((other) => roles.get(other.job) === roles.get(job) && other.priority > priority);
    if (!above) faults.push(`${job}.${index} was stopped for nobody`);
  }
  return faults;
}

const isSame = (a: Decided, b: Decided): boolean =>
  a.running.length === b.running.length &&
  a.running.every(({ job, index, node }, at) => {
    const other = b.running[at];
    return job === other?.job && index === other.index && node === other.node;
  });
