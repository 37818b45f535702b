/**
 * Cuts offers out of what is free, for each framework as much as the Broker lets it have: whole nodes, and a part of one
 * where its shares leave no more. Gives back those that nobody answered, and those that it may not have any more.
 */
import type { Piece } from "../../model/framework.ts";
import { amountsOf, portCount } from "../../model/pieces.ts";
import { add, fits, type Resources, subtract, timesFits } from "../../model/resources.ts";
import { isAllocatable } from "../../scheduling/offering/asks.ts";
import { accounts } from "../levels.ts";
import type { ClusterMemory } from "../memory.ts";
import { fitsNow } from "../starved.ts";
import { limitOf, partitionsFor, stockSize } from "../state.ts";
import { askedFor } from "./frameworks.ts";
import type { FrameworkHere, HeldOffer, RoleHere } from "./state.ts";
import { unreserved } from "./useSums.ts";
import { askedOf, compare, minimumOf } from "./uses.ts";

/** An offer that is not answered so long is given back. */
export const OFFER_TIMEOUT_MS = 30_000;
/** Who lets offers lapse, or has them taken back, is offered again after twice as long each time, up to this. */
const MAX_PATIENCE_MS = 300_000;
/** Offers that a turn makes at most. */
export const MAX_OFFERS = 1_000;

/**
 * Gives back what lapsed, what is beyond the limits, and what is on nodes that take nothing now.
 * @param changed nodes that are otherwise since this was asked last
 */
export function giveBack(memory: ClusterMemory, changed: Iterable<string>, now: number): HeldOffer[] {
  const { frameworks, nodes } = memory;
  const rescinded: HeldOffer[] = [];
  const drop = (offer: HeldOffer): void => {
    frameworks.dropOffer(offer);
    rescinded.push(offer);
  };
  for (const name of [...changed]) {
    const node = nodes.get(name);
    if (!node || !memory.isUp(node, now) || isOverfull(memory, name))
      for (const offer of [...frameworks.offersOn(name)]) drop(offer);
  }
  if (frameworks.lapsesBy(now)) {
    for (const offer of [...frameworks.offers.values()]) {
      // A clock that went back keeps nothing longer than was said.
      if (offer.heldUntilMs > now && offer.heldUntilMs <= now + OFFER_TIMEOUT_MS) continue;
      lapse(memory, offer, now);
      drop(offer);
    }
  }
  for (const here of frameworks.byId.values()) {
    if (!here.isDirty || here.offers.size === 0) continue;
    const isActive = here.level.state === "active";
    const unheld = isActive ? beyond(here) : [...here.offers];
    if (isActive) leaveToOthers(memory, here, unheld, now);
    for (const offer of unheld) drop(offer);
    if (unheld.length > 0) frameworks.hasten();
  }
  return rescinded;
}

/** It shrank below what runs on it and is offered. */
const isOverfull = ({ placer }: ClusterMemory, node: string): boolean =>
  Object.values(placer.freeOn(node)).some((amount) => amount < 0);

/**
 * Who has a better right is to take what is given back before it is offered again, each time longer: whoever has it
 * changes what each has a right to, and it could go to and fro.
 */
function leaveToOthers(
  { frameworks }: ClusterMemory,
  here: FrameworkHere,
  offers: readonly HeldOffer[],
  now: number,
): void {
  for (const [name, role] of here.roles) {
    const theirs = offers.filter((offer) => offer.role === name);
    if (theirs.length === 0) continue;
    frameworks.refuse(here, name, theirs.map(refusalOf), patienceMs(role.rescindedInRow), now);
    role.rescindedInRow += 1;
  }
}

const refusalOf = ({ node, pieces }: HeldOffer) => ({ node, amounts: amountsOf(pieces) });

const patienceMs = (timesBefore: number): number => Math.min(MAX_PATIENCE_MS, 1_000 * 2 ** timesBefore);

/** It keeps others waiting: each time longer until it is asked again. */
function lapse(memory: ClusterMemory, offer: HeldOffer, now: number): void {
  const here = memory.frameworks.byId.get(offer.framework);
  const role = here?.roles.get(offer.role);
  if (!here || !role) return;
  memory.frameworks.refuse(here, offer.role, [refusalOf(offer)], patienceMs(role.unanswered), now);
  role.unanswered += 1;
  role.refusedInRow += 1;
}

/** The newest ones that its limits do not cover. */
function beyond(here: FrameworkHere): HeldOffer[] {
  const dropped: HeldOffer[] = [];
  for (const { role, partition, used, offered } of here.uses.values()) {
    const limit = here.limits[role]?.[partition] ?? {};
    let held = add(used, offered);
    if (fits(held, limit)) continue;
    const offers = [...here.offers].filter((one) => one.role === role && one.partition === partition).reverse();
    for (const offer of offers) {
      const amounts = amountsOf(unreserved(offer.pieces));
      if (fits(held, limit)) break;
      if (!helps(held, limit, amounts)) continue;
      dropped.push(offer);
      held = subtract(held, amounts);
    }
  }
  return dropped;
}

/** To give these back brings it nearer to what it may have. */
const helps = (held: Resources, limit: Resources, amounts: Resources): boolean =>
  Object.keys(amounts).some((name) => (amounts[name] ?? 0) > 0 && (held[name] ?? 0) > (limit[name] ?? 0));

/** @returns those that were made */
export function cutOffers(memory: ClusterMemory, now: number): HeldOffer[] {
  const { frameworks } = memory;
  let left: Map<string, Resources> | null = null;
  const made: HeldOffer[] = [];
  for (const here of frameworks.byId.values()) {
    if (here.level.state !== "active") continue;
    here.waits.begin();
    for (const [name, role] of here.roles) {
      if (!role.isAsking) continue;
      for (const [partition, limit] of Object.entries(here.limits[name] ?? {})) {
        const { used, offered } = here.uses.of(name, partition);
        const budget = positive(subtract(subtract(limit, used), offered));
        if (!isAllocatable(budget, minimumOf(role))) continue;
        left ??= new Map([...accounts(memory, now)].map(([one, { free }]) => [one, free]));
        cutFor(memory, here, name, role, partition, budget, left, made, now);
        if (made.length >= MAX_OFFERS) return made;
      }
      offerReserved(memory, here, name, role, made, now);
    }
  }
  return made;
}

function cutFor(
  memory: ClusterMemory,
  here: FrameworkHere,
  name: string,
  role: RoleHere,
  partition: string,
  wanted: Resources,
  left: Map<string, Resources>,
  made: HeldOffer[],
  now: number,
): void {
  const { frameworks } = memory;
  // Whoever was before may have made offers of the same nodes.
  frameworks.look(now);
  let budget = wanted;
  const give = (node: string, amounts: Resources): void => {
    made.push(makeOffer(memory, here, name, node, partition, amounts, now));
    budget = subtract(budget, amounts);
    left.set(partition, subtract(left.get(partition) ?? {}, amounts));
  };
  const classes = [...askedOf(frameworks, here, role, partition)].sort((a, b) => compare(b.alike.free, a.alike.free));
  const parts: { node: string; free: Resources }[] = [];
  for (const { alike, refused } of classes) {
    // Before one of them is gone: each is another class then.
    const numbers = [...alike.nodes.without(refused)];
    for (const number of numbers) {
      if (made.length >= MAX_OFFERS) return;
      const node = frameworks.offerable.nameOf(number);
      if (fits(alike.free, budget) && fits(alike.free, left.get(partition) ?? {})) give(node, alike.free);
      else {
        parts.push({ node, free: alike.free });
        break;
      }
    }
  }
  const key = `${name} ${partition}`;
  // A part of a node is only for who has none, as its shares leave it less than one.
  const mayPart =
    budget === wanted &&
    parts.length > 0 &&
    ![...here.offers].some((one) => one.role === name && one.partition === partition);
  // Not at once, for the Broker may not have heard yet what is free.
  if (!mayPart || !here.waits.isDue(key, now)) return;
  for (const { node, free } of parts) {
    const part = least(least(free, budget), left.get(partition) ?? {});
    if (!isAllocatable(part, minimumOf(role))) continue;
    give(node, part);
    return;
  }
}

/**
 * What is set aside for the role, without the rest of its node: it is the role's, whatever its limits leave it. Where the
 * rest is free too the Broker may not have heard of that yet: one offer of both is worth a wait.
 */
function offerReserved(
  memory: ClusterMemory,
  here: FrameworkHere,
  name: string,
  role: RoleHere,
  made: HeldOffer[],
  now: number,
): void {
  const { frameworks, nodes } = memory;
  const give = (node: string, partition: string): void => {
    if (made.length < MAX_OFFERS) made.push(makeOffer(memory, here, name, node, partition, {}, now));
  };
  const waiting = new Map<string, string>();
  for (const { node, partition } of [...frameworks.reservations()]) {
    const amounts = amountsOf(frameworks.reservedFor(node, name));
    const there = nodes.get(node);
    if (!there || !memory.isUp(there, now) || !isAllocatable(amounts, minimumOf(role))) continue;
    const number = frameworks.offerable.numberOf(node);
    const barred = [frameworks.unsuitableFor(here, role), ...role.refusals.covering(amounts)];
    if (barred.some((refused) => refused.has(number))) continue;
    if (isAllocatable(frameworks.offerable.freeOn(node), minimumOf(role))) waiting.set(node, partition);
    else give(node, partition);
  }
  for (const [node, partition] of waiting)
    if (here.waits.isDue(`${name} reserved on ${node}`, now)) give(node, partition);
}

function makeOffer(
  memory: ClusterMemory,
  here: FrameworkHere,
  role: string,
  node: string,
  partition: string,
  amounts: Resources,
  now: number,
): HeldOffer {
  const { frameworks, placer } = memory;
  // Ports are not worth dividing: whoever is first has them all.
  const ports = isNothing(amounts) ? [] : placer.freePortsOn(node);
  const piece: Piece = { reservation: null, amounts: { ...amounts, ...portAmount(ports, amounts) }, ports };
  const pieces = [...(isNothing(amounts) ? [] : [piece]), ...frameworks.reservedFor(node, role)];
  const asked = askedFor(amountsOf(pieces));
  const offer = {
    id: memory.newOfferId(),
    framework: here.id,
    role,
    node,
    partition,
    pieces,
    heldUntilMs: now + OFFER_TIMEOUT_MS,
    asked,
  };
  frameworks.addOffer(offer);
  return offer;
}

/**
 * Offers that are in the way of jobs which have room by their limits and no node with space: the newest ones first, of
 * each job no more than it has tasks for.
 * @param starved such jobs @returns those that were given back
 */
export function yieldOffers(memory: ClusterMemory, starved: readonly string[], now: number): HeldOffer[] {
  const { frameworks, placer, jobs } = memory;
  const yielded: HeldOffer[] = [];
  if (frameworks.offers.size === 0) return yielded;
  for (const id of starved) {
    const job = jobs.get(id);
    // Beside offers there is a place, and its node will listen.
    if (!job || fitsNow(memory, job, now, partitionsFor(job))) continue;
    let wanted = Math.min(limitOf(job) - job.live.size, stockSize(job.fresh) + job.retry.size);
    for (const offer of [...frameworks.offers.values()].reverse()) {
      if (wanted <= 0) break;
      if ((job.limits[offer.partition] ?? 0) === 0) continue;
      const place = { node: offer.node, devices: null, ports: [] };
      if (!placer.fitsWithout(job.asked, offer.node, [{ asked: offer.asked, place }])) continue;
      frameworks.dropOffer(offer);
      yielded.push(offer);
      wanted -= Math.max(1, timesFits(job.asked.demand, placer.freeOn(offer.node)));
    }
  }
  return yielded;
}

const isNothing = (amounts: Resources): boolean => Object.values(amounts).every((amount) => amount === 0);

const portAmount = (ports: Piece["ports"], amounts: Resources): Resources =>
  ports.length === 0 && amounts.ports === undefined ? {} : { ports: portCount(ports) * 1000 };

const positive = (amounts: Resources): Resources =>
  Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, Math.max(0, amount)]));

const least = (a: Resources, b: Resources): Resources =>
  Object.fromEntries(Object.entries(a).map(([name, amount]) => [name, Math.max(0, Math.min(amount, b[name] ?? 0))]));
