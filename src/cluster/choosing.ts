/**
 * Where room is made for all that start at once, a task or a gang: on what is free first, then instead of the attempts
 * whose loss is least, site by site, on the placer as it would be without those chosen so far. Nothing is taken by it:
 * what it tried is undone, whatever it found.
 */
import { add, fits, type Resources, subtract } from "../model/resources.ts";
import type { Asked } from "../scheduling/place/asked.ts";
import type { Place } from "../scheduling/place/occupancy.ts";
import type { Where } from "../scheduling/place/search.ts";
import { chooseSite } from "../scheduling/reclaim.ts";
import type { ClusterMemory } from "./memory.ts";
import type { Live } from "./state.ts";
import type { Choice, Claimant, Unit } from "./victims.ts";

/** Of those chosen for a gang so many are tried to be let run on, as others free enough: the dearest. */
const MOST_TRIED = 32;

export interface Chosen {
  /** by node */
  places: ReadonlyMap<string, number>;
  /** none of them spare */
  victims: readonly Live[];
}

/**
 * @param spare of what is free, so much may be used
 * @param choiceOf whom the claim may choose of; not asked where enough is free
 * @returns null: there are not places for all
 */
export function chooseRoom(
  memory: ClusterMemory,
  claimant: Claimant,
  { tasks, spare, now }: { tasks: number; spare: Resources; now: number },
  choiceOf: () => Choice,
): Chosen | null {
  const draft = new Draft(memory, claimant, spare, now);
  try {
    while (draft.size < tasks) if (!draft.takeFree() && !draft.takeInstead(choiceOf())) return null;
    if (tasks > 1) draft.dropSpare();
    return draft.chosen();
  } finally {
    draft.undo();
  }
}

/** Whether all that start at once have room by now, be it promised to others. */
export const fitTogether = (memory: ClusterMemory, claimant: Claimant, tasks: number, now: number): boolean =>
  !claimant.job.claim?.inKind &&
  memory.placer.together(claimant.job.asked, whereOf(memory, claimant, now), tasks) !== null;

function whereOf(memory: ClusterMemory, { job, partition }: Claimant, now: number): Where {
  const isExcluded = (name: string): boolean => {
    const node = memory.nodes.get(name);
    return !node || !memory.isUp(node, now) || job.refusedBy.has(name);
  };
  return { partition, pack: memory.spec(partition).pack, reach: "up", isExcluded };
}

interface Ranked {
  node: string;
  /** at least */
  loss: number;
}

/** What was chosen so far. */
class Draft {
  readonly #memory: ClusterMemory;
  readonly #claimant: Claimant;
  readonly #now: number;
  readonly #spare: Resources;
  /** what may still be used of what is free, or freed by those chosen */
  #left: Resources;
  #places: Place[] = [];
  #gone = new Map<Unit["lives"], Unit>();
  /** sites by what making room there loses, the least first; null: not known yet */
  #ranked: Ranked[] | null = null;

  constructor(memory: ClusterMemory, claimant: Claimant, spare: Resources, now: number) {
    this.#memory = memory;
    this.#claimant = claimant;
    this.#now = now;
    this.#spare = Object.fromEntries(Object.entries(spare).map(([name, amount]) => [name, Math.max(0, amount)]));
    this.#left = this.#spare;
  }

  get size(): number {
    return this.#places.length;
  }
  get #asked(): Asked {
    return this.#claimant.job.asked;
  }
  get #where(): Where {
    return whereOf(this.#memory, this.#claimant, this.#now);
  }

  takeFree(): boolean {
    if (!fits(this.#asked.demand, this.#left)) return false;
    const place = this.#memory.placer.choose(this.#asked, this.#where);
    if (place !== null) this.#take(place);
    return place !== null;
  }

  takeInstead(choice: Choice): boolean {
    const site = this.#bestSite(choice);
    if (site === null) return false;
    for (const unit of site.victims) this.#stop(unit);
    const place = this.#memory.placer.placeAt(this.#asked, this.#claimant.partition, site.node);
    if (place !== null) this.#take(place);
    return place !== null;
  }

  #take(place: Place): void {
    this.#memory.placer.add(this.#asked, place);
    this.#places.push(place);
    this.#left = subtract(this.#left, this.#asked.demand);
  }

  #stop(unit: Unit): void {
    for (const live of unit.lives) this.#memory.placer.remove(live.job.asked, live);
    this.#gone.set(unit.lives, unit);
    this.#left = add(this.#left, freedBy([unit]));
  }

  /** A site that was found impossible may be possible once those chosen have freed something there, too. */
  #bestSite(choice: Choice): { node: string; victims: Unit[] } | null {
    const found = this.#ranked && this.#first(choice, this.#ranked);
    if (found) return found;
    this.#ranked = [];
    for (const node of choice.nodes()) {
      const losses = choice.siteOn(node, this.#left, this.#gone)?.candidates.map(({ loss }) => loss);
      if (losses) this.#ranked.push({ node, loss: Math.min(...losses) });
    }
    this.#ranked.sort((a, b) => a.loss - b.loss);
    return this.#first(choice, this.#ranked);
  }

  /** Each is looked at closely as it comes first: those behind lose no less. */
  #first(choice: Choice, ranked: Ranked[]): { node: string; victims: Unit[] } | null {
    for (let first = ranked.shift(); first !== undefined; first = ranked.shift()) {
      const site = choice.siteOn(first.node, this.#left, this.#gone);
      const minRunMs = this.#claimant.job.claim?.minRunMs ?? 0;
      const chosen = site && chooseSite([site], { nowMs: this.#now, minRunMs });
      if (!chosen) continue;
      const loss = chosen.victims.reduce((sum, victim) => sum + victim.loss, 0);
      const isFirst = loss <= (ranked[0]?.loss ?? Number.POSITIVE_INFINITY);
      const behind = ranked.findIndex((other) => other.loss > loss);
      ranked.splice(behind < 0 ? ranked.length : behind, 0, { node: first.node, loss });
      if (isFirst) return chosen;
    }
    return null;
  }

  /** Who was chosen for one place may be spare beside those chosen for the next: what goes as a whole frees more. */
  dropSpare(): void {
    const { placer } = this.#memory;
    const wanted = add({}, this.#asked.demand, this.size);
    for (const unit of [...this.#gone.values()].sort((a, b) => b.loss - a.loss).slice(0, MOST_TRIED)) {
      const others = new Map([...this.#gone].filter(([, other]) => other !== unit));
      if (!fits(wanted, add(this.#spare, freedBy([...others.values()])))) continue;
      for (const place of this.#places) placer.remove(this.#asked, place);
      for (const live of unit.lives) placer.add(live.job.asked, live);
      const places = placer.together(this.#asked, this.#where, this.size);
      if (places === null) for (const live of unit.lives) placer.remove(live.job.asked, live);
      else [this.#gone, this.#places] = [others, places];
      for (const place of this.#places) placer.add(this.#asked, place);
    }
  }

  chosen(): Chosen {
    const places = new Map<string, number>();
    for (const { node } of this.#places) places.set(node, (places.get(node) ?? 0) + 1);
    return { places, victims: [...this.#gone.keys()].flat() };
  }

  undo(): void {
    const { placer } = this.#memory;
    for (const place of this.#places) placer.remove(this.#asked, place);
    for (const lives of this.#gone.keys()) for (const live of lives) placer.add(live.job.asked, live);
  }
}

const freedBy = (units: readonly Unit[]): Resources =>
  units.reduce<Resources>((sum, { job, lives }) => add(sum, job.template.resources, lives.length), {});
