/**
 * Which attempts to stop so that what an owner misses becomes free, with the least work lost: a covering knapsack, by
 * dynamic programming over the resource that is hardest to come by; of several nodes, on the one where it loses least.
 * When to ask (grace), and who may be asked at all (those who use what they do not own), is for the caller to say.
 */
import { add, fits, type Resources } from "../model/resources.ts";

export interface Candidate {
  frees: Resources;
  /** what is lost if it is stopped, in any one unit: run time × amount, as a rule */
  loss: number;
  startedAtMs: number;
}

/** Amounts that share no large divisor are rounded to so many steps, on the safe side. */
const MAX_STEPS = 1000;

/**
 * The least loss for one resource, up to the rounding of MAX_STEPS; for several, a minimal set, not always the least.
 * @param missing more than nothing of at least one resource
 * @param minRunMs an attempt that has run for less is left alone: it shall get something done before it can be stopped
 * @returns newest first, none of them spare; null when all of them together do not free enough
 */
export function chooseVictims<Attempt extends Candidate>(
  candidates: readonly Attempt[],
  missing: Resources,
  { nowMs, minRunMs }: { nowMs: number; minRunMs: number },
): Attempt[] | null {
  let left = candidates
    .filter(({ startedAtMs }) => nowMs - startedAtMs >= minRunMs)
    .sort((a, b) => b.startedAtMs - a.startedAtMs);
  if (!fits(missing, freedBy(left))) return null;
  let chosen: Attempt[] = [];
  for (;;) {
    const resource = scarcest(add(missing, freedBy(chosen), -1), freedBy(left));
    if (resource === null) return withoutSpare(chosen, missing);
    const need = (missing[resource] ?? 0) - (freedBy(chosen)[resource] ?? 0);
    const more = new Set(cover(left, resource, need));
    chosen = [...chosen, ...more];
    left = left.filter((candidate) => !more.has(candidate));
  }
}

/** A node where room may be made. */
export interface Site<Attempt extends Candidate> {
  node: string;
  candidates: readonly Attempt[];
  /** what its free amounts lack; nothing: only devices, ports or neighbours stand in the way */
  missing: Resources;
  /** whether it really fits once these are gone: amounts are not all that matters */
  fitsWithout(victims: readonly Attempt[]): boolean;
}

/** The node and the attempts there whose loss is least in all; equal ones go by who is first. */
export function chooseSite<Attempt extends Candidate>(
  sites: Iterable<Site<Attempt>>,
  terms: { nowMs: number; minRunMs: number },
): { node: string; victims: Attempt[] } | null {
  let best: { node: string; victims: Attempt[]; loss: number } | null = null;
  for (const site of sites) {
    const cheapest = Math.min(...site.candidates.map(({ loss }) => loss));
    if (best !== null && cheapest >= best.loss) continue;
    const victims = victimsOn(site, terms);
    const loss = (victims ?? []).reduce((sum, victim) => sum + victim.loss, 0);
    if (victims !== null && (best === null || loss < best.loss)) best = { node: site.node, victims, loss };
  }
  return best && { node: best.node, victims: best.victims };
}

/** @returns at least one attempt, none of them spare; null: it does not fit there whoever is stopped */
function victimsOn<Attempt extends Candidate>(
  { candidates, missing, fitsWithout }: Site<Attempt>,
  terms: { nowMs: number; minRunMs: number },
): Attempt[] | null {
  const isShort = Object.values(missing).some((amount) => amount > 0);
  const chosen = isShort ? chooseVictims(candidates, missing, terms) : [];
  if (chosen === null) return null;
  if (chosen.length > 0 && fitsWithout(chosen)) return chosen;
  const old = candidates.filter(({ startedAtMs }) => terms.nowMs - startedAtMs >= terms.minRunMs);
  let more = [...chosen];
  for (const candidate of old.filter((one) => !chosen.includes(one)).sort((a, b) => a.loss - b.loss)) {
    more.push(candidate);
    if (fitsWithout(more)) break;
  }
  if (more.length === 0 || !fitsWithout(more)) return null;
  for (const spare of [...more].sort((a, b) => b.loss - a.loss)) {
    const others = more.filter((one) => one !== spare);
    if (others.length > 0 && fits(missing, freedBy(others)) && fitsWithout(others)) more = others;
  }
  return more;
}

const freedBy = (attempts: readonly Candidate[]): Resources =>
  attempts.reduce<Resources>((sum, { frees }) => add(sum, frees), {});

/** The resource of which the largest part of what could be freed is needed; null when nothing is. */
function scarcest(missing: Resources, available: Resources): string | null {
  const part = (name: string) => (missing[name] ?? 0) / Math.max(1, available[name] ?? 0);
  const short = Object.keys(missing).filter((name) => (missing[name] ?? 0) > 0);
  return short.reduce<string | null>(
    (worst, name) => (worst === null || part(name) > part(worst) ? name : worst),
    null,
  );
}

interface Choice<Attempt> {
  attempt: Attempt;
  rest: Choice<Attempt> | null;
}

/** best[g], the least loss that frees g steps, is min over attempts of best[g − what it frees] + its loss. */
function cover<Attempt extends Candidate>(candidates: readonly Attempt[], resource: string, need: number): Attempt[] {
  const amounts = candidates.map(({ frees }) => frees[resource] ?? 0);
  const step = Math.max(amounts.reduce(divisor, need), Math.ceil(need / MAX_STEPS));
  const steps = Math.ceil(need / step);
  const best = new Array<number>(steps + 1).fill(Number.POSITIVE_INFINITY);
  const choice = new Array<Choice<Attempt> | null>(steps + 1).fill(null);
  best[0] = 0;
  for (const [i, attempt] of candidates.entries()) {
    const freed = Math.floor((amounts[i] ?? 0) / step);
    if (freed === 0) continue;
    // Downwards, so that an entry it is added to does not have it yet. A tie stays with what came first: the newest.
    for (let g = steps; g > 0; g--) {
      const from = Math.max(0, g - freed);
      const loss = (best[from] ?? 0) + attempt.loss;
      if (loss >= (best[g] ?? 0)) continue;
      best[g] = loss;
      choice[g] = { attempt, rest: choice[from] ?? null };
    }
  }
  // What rounding down hid may be all there is: then everything that frees any is chosen, and the spare is returned.
  if (choice[steps] === null) return candidates.filter((_, i) => (amounts[i] ?? 0) > 0);
  const chosen: Attempt[] = [];
  for (let at = choice[steps] ?? null; at !== null; at = at.rest) chosen.push(at.attempt);
  return chosen;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/** Walks back over the dearest first, and returns what the others free without it. */
function withoutSpare<Attempt extends Candidate>(chosen: readonly Attempt[], missing: Resources): Attempt[] {
  let kept = [...chosen].sort((a, b) => b.loss - a.loss || a.startedAtMs - b.startedAtMs);
  for (const attempt of [...kept]) {
    const others = kept.filter((other) => other !== attempt);
    if (fits(missing, freedBy(others))) kept = others;
  }
  return kept.sort((a, b) => b.startedAtMs - a.startedAtMs);
}
