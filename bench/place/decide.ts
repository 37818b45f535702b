/**
 * `bench:place` without `--durable`: the Cluster's own placement as a function, from what came to where it goes. First
 * all tasks within the quotas of their roles; then the last part comes, of higher priority and of roles that are at
 * their quotas: each of these takes the place of lower ones, those with the least lost work.
 */
import { partitionsOf } from "../../src/cluster/partitions.ts";
import { DEFAULT_PRIORITY } from "../../src/model/placing.ts";
import { dominantShare, type Resources, subtract } from "../../src/model/resources.ts";
import { type Asked, askedOf } from "../../src/scheduling/place/asked.ts";
import { type PlaceClass, type Placement, type PlacePartition, place } from "../../src/scheduling/place/place.ts";
import { Placer } from "../../src/scheduling/place/placer.ts";
import { type Candidate, type Site as CandidateSite, chooseSite } from "../../src/scheduling/reclaim.ts";
import { seeded } from "../../test/support/seeded.ts";
import { attributesOf, freeOf, type InstanceJob, type PlaceInstance } from "./instance.ts";

/** Of all tasks, so many come last. */
export const LATE_PART = 0.01;
const LATE_PRIORITY = 95;
const LONGEST_RUN_MS = 3_600_000;
/** Nodes that are looked at together when room is made: those where the cheapest victim is cheapest. */
const SITES = 8;

export interface Running extends Placement {
  priority: number;
}

export interface Decided {
  ms: number;
  running: Running[];
  /** of all that came */
  unplaced: number;
  /** classes that were decided on, the late ones too */
  classes: number;
  preempted: Running[];
}

/** Those that come last, from the classes of their roles. */
export function lateJobs({ jobs }: PlaceInstance, tasks: number): InstanceJob[] {
  const byRole = new Map<string, InstanceJob>();
  for (const job of jobs) {
    const known = byRole.get(job.template.role);
    if (job.template.priority <= DEFAULT_PRIORITY && limitOf(job) > (known ? limitOf(known) : 0))
      byRole.set(job.template.role, job);
  }
  const each = Math.floor(tasks / Math.max(1, byRole.size));
  return [...byRole.values()].map((job, at) => ({
    ...job,
    id: `late-${job.id}`,
    template: {
      ...job.template,
      name: `late-${job.template.name}`,
      priority: LATE_PRIORITY,
      preferences: [],
      spread: [],
    },
    count: at === 0 ? tasks - each * (byRole.size - 1) : each,
  }));
}

const limitOf = ({ limits }: InstanceJob): number => Object.values(limits).reduce((sum, one) => sum + one, 0);

interface Waiting {
  job: InstanceJob;
  asked: Asked;
  next: number;
  rooms: Record<string, number>;
}

export class Decider {
  readonly #instance: PlaceInstance;
  readonly #placer = new Placer();
  readonly #free: Map<string, Record<string, number>>;
  readonly #running = new Set<Running>();
  readonly #asked = new Map<string, Asked>();

  constructor(instance: PlaceInstance) {
    this.#instance = instance;
    for (const node of instance.nodes) {
      const { capacity, drivers, ports = [] } = node.inventory;
      const attributes = attributesOf(node);
      const partitions = partitionsOf(instance.partitions, attributes);
      this.#placer.setNode({ name: node.name, capacity, attributes, roles: null, drivers, partitions, ports });
      this.#placer.setState(node.name, "listening");
    }
    this.#free = new Map([...freeOf(instance.nodes)].map(([name, free]) => [name, { ...free }]));
  }

  decide(late: readonly InstanceJob[]): Decided {
    const startedAtMs = performance.now();
    const waiting = this.#instance.jobs.map((job): Waiting => {
      const asked = askedOf(job.id, job.template);
      this.#asked.set(job.id, asked);
      this.#placer.arrive(asked, job.count);
      return { job, asked, next: 0, rooms: { ...job.limits } };
    });
    this.#fill(waiting);
    const preempted: Running[] = [];
    let missed = 0;
    for (const job of late) missed += this.#makeRoomFor(job, preempted);
    const ms = performance.now() - startedAtMs;
    const unplaced = missed + waiting.reduce((sum, { job, next }) => sum + job.count - next, 0) + preempted.length;
    const classes = waiting.length + late.length;
    return { ms, running: [...this.#running], unplaced, classes, preempted };
  }

  /** Turn by turn, as the Cluster does. */
  #fill(waiting: readonly Waiting[]): void {
    const starved = new Set<string>();
    for (;;) {
      const open = waiting.filter(({ job, next }) => next < job.count && !starved.has(job.id));
      const byJob = new Map(open.map((one) => [one.job.id, one]));
      const give = (placement: Placement): void => {
        const one = byJob.get(placement.job);
        if (!one) return;
        one.next += 1;
        one.rooms[placement.partition] = (one.rooms[placement.partition] ?? 0) - 1;
        this.#start(one.asked, placement, one.job.template.priority);
      };
      const result = place(this.#placer, this.#partitions(), open.map(classOf), { reach: "listening" }, give);
      for (const id of result.starved) starved.add(id);
      if (result.placed === 0) return;
    }
  }

  #partitions(): Map<string, PlacePartition> {
    return new Map(
      this.#instance.partitions.map(({ name, pack }) => [name, { free: this.#free.get(name) ?? {}, pack }]),
    );
  }

  #start(asked: Asked, placement: Placement, priority: number): void {
    this.#placer.add(asked, placement);
    this.#running.add({ ...placement, priority });
    charge(this.#free.get(placement.partition), asked.demand, -1);
  }

  /** Its role is at its quota: each task of it takes the place of lower ones of the role. @returns tasks without room */
  #makeRoomFor(job: InstanceJob, preempted: Running[]): number {
    const asked = askedOf(job.id, job.template);
    this.#asked.set(job.id, asked);
    this.#placer.arrive(asked, job.count);
    const sites = this.#sitesFor(job, asked);
    for (let index = 0; index < job.count; index += 1) {
      const chosen = this.#cheapest(asked, sites);
      if (chosen === null) return job.count - index;
      const { site, victims } = chosen;
      for (const { runs } of victims) {
        this.#running.delete(runs);
        this.#placer.remove(this.#asked.get(runs.job) as Asked, runs);
        charge(this.#free.get(runs.partition), this.#asked.get(runs.job)?.demand ?? {}, 1);
        preempted.push(runs);
      }
      site.candidates = site.candidates.filter((one) => !victims.includes(one));
      const partition = victims[0]?.runs.partition ?? "";
      const where = { partition, pack: "pack" as const, reach: "listening" as const };
      const isExcluded = (node: string) => node !== site.node;
      const found = this.#placer.choose(asked, { ...where, isExcluded });
      if (found === null)
        throw new Error(`${job.id}.${index} does not fit on ${site.node}, where room was made for it`);
      this.#start(asked, { ...found, job: job.id, index, partition, devices: found.devices ?? [] }, LATE_PRIORITY);
    }
    return 0;
  }

  /** By node, what runs there of the role with a lower priority, in one partition: the cheapest first. */
  #sitesFor(job: InstanceJob, asked: Asked): Site[] {
    const random = seeded(Number.parseInt(job.id.replaceAll(/\D/g, ""), 10) + 1);
    const accepting = new Set([...this.#placer.accepting(asked)].map(({ name }) => name));
    const capacities = new Map(this.#instance.nodes.map(({ name, inventory }) => [name, inventory.capacity]));
    const sites = new Map<string, Site>();
    for (const runs of this.#running) {
      const other = this.#asked.get(runs.job);
      if (!other || other.role !== asked.role || runs.priority >= LATE_PRIORITY || !accepting.has(runs.node)) continue;
      const key = `${runs.node} ${runs.partition}`;
      const site = sites.get(key) ?? { node: runs.node, candidates: [] };
      sites.set(key, site);
      const ranMs = Math.floor(random() * LONGEST_RUN_MS);
      const loss = ranMs * dominantShare(other.demand, capacities.get(runs.node) ?? {});
      site.candidates.push({ runs, frees: other.demand, loss, startedAtMs: -ranMs });
    }
    return [...sites.values()].sort((a, b) => cheapestOf(a) - cheapestOf(b));
  }

  #cheapest(asked: Asked, sites: readonly Site[]): { site: Site; victims: Victim[] } | null {
    let best: { site: Site; victims: Victim[]; loss: number } | null = null;
    for (let from = 0; from < sites.length; from += SITES) {
      const some = sites.slice(from, from + SITES).filter(({ candidates }) => candidates.length > 0);
      if (best !== null && some[0] && cheapestOf(some[0]) >= best.loss) break;
      const found = chooseSite(
        some.map(
          ({ node, candidates }): CandidateSite<Victim> => ({
            node,
            candidates,
            missing: subtract(asked.demand, this.#placer.freeOn(node)),
            fitsWithout: (victims) =>
              this.#placer.fitsWithout(
                asked,
                node,
                victims.map(({ runs }) => ({ asked: this.#asked.get(runs.job) as Asked, place: runs })),
              ),
          }),
        ),
        { nowMs: 0, minRunMs: 0 },
      );
      if (found === null) continue;
      const loss = found.victims.reduce((sum, victim) => sum + victim.loss, 0);
      const site = some.find(({ candidates }) => candidates.includes(found.victims[0] as Victim));
      if (site && (best === null || loss < best.loss)) best = { site, victims: found.victims, loss };
    }
    return best;
  }
}

interface Victim extends Candidate {
  runs: Running;
}

interface Site {
  node: string;
  candidates: Victim[];
}

const cheapestOf = ({ candidates }: Site): number =>
  candidates.reduce((least, { loss }) => Math.min(least, loss), Number.POSITIVE_INFINITY);

function charge(free: Record<string, number> | undefined, amounts: Resources, times: 1 | -1): void {
  if (free) for (const [name, amount] of Object.entries(amounts)) free[name] = (free[name] ?? 0) + amount * times;
}

function classOf({ job, asked, next, rooms }: Waiting): PlaceClass {
  return {
    asked,
    priority: job.template.priority,
    refusedBy: new Set(),
    room: Math.min(
      job.count - next,
      Object.values(rooms).reduce((sum, one) => sum + one, 0),
    ),
    rooms,
    tasks: indices(next, job.count),
  };
}

function* indices(from: number, to: number): Generator<{ index: number; avoid: string | null }> {
  for (let index = from; index < to; index += 1) yield { index, avoid: null };
}
