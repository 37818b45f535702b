/**
 * Offers that are in the way of jobs which have room by their limits and no node with space. A job for which none helps is
 * asked about again where something changed.
 */
import { amountsOf, devicesIn, portsIn } from "../../model/pieces.ts";
import { timesFits } from "../../model/resources.ts";
import type { Asked } from "../../scheduling/place/asked.ts";
import type { Place } from "../../scheduling/place/occupancy.ts";
import type { ClusterMemory } from "../memory.ts";
import { fitsNow } from "../starved.ts";
import { type JobState, limitOf, partitionsFor, stockSize } from "../state.ts";
import { askedFor } from "./kept.ts";
import type { HeldOffer } from "./state.ts";
import { unreserved } from "./useSums.ts";

export class Yields {
  readonly #memory: ClusterMemory;
  /** nodes that are otherwise since this was asked last */
  readonly #changed: Set<string>;
  /** jobs that had no room then, and no offer to have it by; with their limits */
  #inVain = new Map<JobState, JobState["limits"]>();

  constructor(memory: ClusterMemory) {
    this.#memory = memory;
    this.#changed = memory.watchNodes();
  }

  /** The newest ones first, of each job no more than it has tasks for. @returns whether any was given back */
  yieldTo(starved: readonly string[], now: number): boolean {
    const { frameworks, jobs } = this.#memory;
    const before = this.#inVain;
    const changed = [...this.#changed];
    this.#inVain = new Map();
    this.#changed.clear();
    if (frameworks.offers.size === 0) return false;
    let all: readonly HeldOffer[] | null = null;
    let isAny = false;
    for (const id of starved) {
      const job = jobs.get(id);
      if (!job) continue;
      const isKnown = before.get(job) === job.limits;
      // Beside offers there is a place, and its node will listen.
      if (isKnown ? this.#fitsOn(job, changed, now) : fitsNow(this.#memory, job, now, partitionsFor(job))) continue;
      if (!isKnown) all ??= newestFirst(frameworks.offers.values());
      const offers = isKnown ? newestFirst(changed.flatMap((name) => [...frameworks.offersOn(name)])) : (all ?? []);
      const wanted = Math.min(limitOf(job) - job.live.size, stockSize(job.fresh) + job.retry.size);
      if (this.#yield(job, offers, wanted)) isAny = true;
      // Who must be apart from others may have room on one node by what ends on another.
      else if (wanted > 0 && job.template.apart.length === 0) this.#inVain.set(job, job.limits);
    }
    return isAny;
  }

  #fitsOn(job: JobState, nodes: readonly string[], now: number): boolean {
    const { nodes: all, nodeAccounts, placer } = this.#memory;
    const partitions = partitionsFor(job);
    return nodes.some((name) => {
      const node = all.get(name);
      if (!node || !this.#memory.isUp(node, now) || job.refusedBy.has(name)) return false;
      return nodeAccounts.homesOf(name).some((one) => partitions.includes(one)) && placer.fits(job.asked, name);
    });
  }

  /** @returns whether any was given back */
  #yield(job: JobState, offers: readonly HeldOffer[], wanted: number): boolean {
    const { frameworks, placer } = this.#memory;
    let left = wanted;
    for (const offer of offers) {
      if (left <= 0) break;
      if ((job.limits[offer.partition] ?? 0) === 0 || !frameworks.offers.has(offer.id)) continue;
      // What is set aside stays so.
      const gone = beside(offer);
      if (Object.keys(gone.asked.demand).length === 0) continue;
      if (!placer.fitsWithout(job.asked, offer.node, [gone])) continue;
      frameworks.rescind(offer);
      left -= Math.max(1, timesFits(job.asked.demand, placer.freeOn(offer.node)));
    }
    return left < wanted;
  }
}

/** What it keeps from others and would not, were it given back. */
export function beside({ node, pieces }: HeldOffer): { asked: Asked; place: Place } {
  const given = unreserved(pieces);
  const place = { node, devices: devicesIn(given), ports: [], portRanges: portsIn(given) };
  return { asked: askedFor(amountsOf(given)), place };
}

/** @param offers as they were made */
const newestFirst = (offers: Iterable<HeldOffer>): HeldOffer[] => [...offers].reverse();
