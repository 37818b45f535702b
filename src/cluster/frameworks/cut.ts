/**
 * Cuts offers out of what is free, for each framework as much as the Broker lets it have: whole nodes, and a part of one
 * where its shares leave no more. Gives back those that nobody answered, and those that it may not have any more.
 */
import type { Piece } from "../../model/framework.ts";
import { amountsOf, firstPorts, isEmptyPiece } from "../../model/pieces.ts";
import { add, fits, type Resources, subtract } from "../../model/resources.ts";
import { isAllocatable } from "../../scheduling/offering/asks.ts";
import { WHOLE_DEVICE_MILLI } from "../../scheduling/packing/shape.ts";
import { accounts } from "../levels.ts";
import type { ClusterMemory } from "../memory.ts";
import { askedFor } from "./kept.ts";
import type { Alike } from "./offerable.ts";
import { type FrameworkHere, type HeldOffer, OFFER_TIMEOUT_MS, type RoleHere } from "./state.ts";
import { unreserved } from "./useSums.ts";
import { askedOf, compare, minimumOf } from "./uses.ts";

/** Who lets offers lapse, or has them taken back, is offered again after twice as long each time, up to this. */
const MAX_PATIENCE_MS = 300_000;
/** Offers that a turn makes at most. */
export const MAX_OFFERS = 1_000;

/**
 * Gives back what lapsed, what is beyond the limits, and what is on nodes that take nothing now.
 * @param changed nodes that are otherwise since this was asked last @param isInterval it is time to look what lapsed
 */
export function giveBack(memory: ClusterMemory, changed: Iterable<string>, isInterval: boolean, now: number): void {
  const { frameworks, nodes } = memory;
  for (const name of [...changed]) {
    const node = nodes.get(name);
    if (!node || !memory.isUp(node, now) || isOverfull(memory, name))
      for (const offer of [...frameworks.offersOn(name)]) frameworks.rescind(offer);
  }
  if (isInterval) {
    for (const offer of frameworks.lapsed(now)) {
      lapse(memory, offer, now);
      frameworks.rescind(offer);
    }
  }
  for (const here of frameworks.byId.values()) {
    if (!here.isDirty || here.offers.size === 0) continue;
    const isActive = here.level.state === "active";
    const unheld = isActive ? beyond(here) : [...here.offers];
    if (isActive) leaveToOthers(memory, here, unheld, now);
    for (const offer of unheld) frameworks.rescind(offer);
    if (unheld.length > 0) frameworks.hasten();
  }
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
    frameworks.refuse(here, name, theirs.map(refusalOf), patienceMs(role.rescinded()), now);
    frameworks.note(here);
  }
}

const refusalOf = ({ node, pieces }: HeldOffer) => ({ node, amounts: amountsOf(pieces) });

const patienceMs = (timesBefore: number): number => Math.min(MAX_PATIENCE_MS, 1_000 * 2 ** timesBefore);

/** It keeps others waiting: each time longer until it is asked again. */
function lapse(memory: ClusterMemory, offer: HeldOffer, now: number): void {
  const here = memory.frameworks.byId.get(offer.framework);
  const role = here?.roles.get(offer.role);
  if (!here || !role) return;
  memory.frameworks.refuse(here, offer.role, [refusalOf(offer)], patienceMs(role.lapsed(offer, now)), now);
  memory.frameworks.note(here);
}

/** The newest ones that its limits do not cover. */
function beyond(here: FrameworkHere): HeldOffer[] {
  const dropped: HeldOffer[] = [];
  for (const { role, partition, used, offered } of [...here.uses.values()]) {
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

/** Who is to be offered something. */
interface Asker {
  readonly here: FrameworkHere;
  /** the framework's own name of the role */
  readonly name: string;
  readonly role: RoleHere;
}

/** @returns those that were made */
export function cutOffers(memory: ClusterMemory, now: number): HeldOffer[] {
  const cut = new Cut(memory, now);
  for (const here of memory.frameworks.byId.values()) {
    if (here.level.state !== "active") continue;
    here.waits.begin();
    for (const [name, role] of here.roles) {
      if (!role.isAsking) continue;
      for (const partition of Object.keys(here.limits[name] ?? {})) cut.offerFree({ here, name, role }, partition);
      cut.offerReserved({ here, name, role });
      if (cut.isFull) return cut.made;
    }
  }
  return cut.made;
}

class Cut {
  readonly made: HeldOffer[] = [];
  readonly #memory: ClusterMemory;
  readonly #now: number;
  /** by partition, what may be had of it at all; null: not looked at yet */
  #left: Map<string, Resources> | null = null;

  constructor(memory: ClusterMemory, now: number) {
    this.#memory = memory;
    this.#now = now;
  }

  get isFull(): boolean {
    return this.made.length >= MAX_OFFERS;
  }

  offerFree(asker: Asker, partition: string): void {
    const { here, name, role } = asker;
    const { frameworks } = this.#memory;
    const { used, offered } = here.uses.of(name, partition);
    const wanted = positive(subtract(subtract(here.limits[name]?.[partition] ?? {}, used), offered));
    if (!isAllocatable(wanted, minimumOf(role))) return;
    this.#left ??= new Map([...accounts(this.#memory, this.#now)].map(([one, { free }]) => [one, free]));
    // Whoever was before may have made offers of the same nodes.
    frameworks.look(this.#now);
    let budget = wanted;
    const parts: { number: number; free: Resources }[] = [];
    for (const { alike, refused } of [...askedOf(frameworks, here, role, partition)].sort(byFree)) {
      // Before one of them is gone: each is another class then.
      for (const number of [...alike.nodes.without(refused)]) {
        if (this.isFull) return;
        if (!fits(alike.free, budget) || !fits(alike.free, this.#leftIn(partition))) {
          parts.push({ number, free: alike.free });
          break;
        }
        this.#make(asker, frameworks.offerable.nameOf(number), partition, alike.free);
        budget = subtract(budget, alike.free);
      }
    }
    const hasNone = budget === wanted && !holdsAny(asker, partition);
    if (hasNone) this.#offerPart(asker, partition, budget, parts);
  }

  /** A part of a node is only for who has none, as its shares leave it less than one. */
  #offerPart(
    asker: Asker,
    partition: string,
    budget: Resources,
    nodes: readonly { number: number; free: Resources }[],
  ): void {
    const { here, name, role } = asker;
    for (const { number, free } of nodes) {
      const part = nameable(least(least(free, budget), this.#leftIn(partition)));
      if (!isAllocatable(part, minimumOf(role))) continue;
      if (role.refusals.covering(part).some((refused) => refused.has(number))) continue;
      // Not at once, for the Broker may not have heard yet what is free.
      if (!here.waits.isDue(`${name} ${partition}`, this.#now)) return;
      this.#make(asker, this.#memory.frameworks.offerable.nameOf(number), partition, part);
      return;
    }
  }

  /**
   * What is set aside for the role, without the rest of its node: it is the role's, whatever its limits leave it. Where
   * the rest is free too the Broker may not have heard of that yet: one offer of both is worth a wait.
   */
  offerReserved(asker: Asker): void {
    const { here, name, role } = asker;
    const { frameworks, nodes } = this.#memory;
    const { reservations, offerable } = frameworks;
    for (const node of reservations.freeNodesFor(role.wish.role)) {
      if (this.isFull) return;
      const there = nodes.get(node);
      if (!there || !this.#memory.isUp(there, this.#now)) continue;
      const amounts = amountsOf(reservations.freeFor(node, role.wish.role));
      if (!isAllocatable(amounts, minimumOf(role))) continue;
      const barred = [frameworks.unsuitableFor(here, role), ...role.refusals.covering(amounts)];
      if (barred.some((refused) => refused.has(offerable.numberOf(node)))) continue;
      const isRestWorthIt = isAllocatable(offerable.freeOn(node), minimumOf(role));
      if (isRestWorthIt && !here.waits.isDue(`${name} reserved on ${node}`, this.#now)) continue;
      this.#make(asker, node, reservations.partitionOf(node), {});
    }
  }

  #leftIn(partition: string): Resources {
    return this.#left?.get(partition) ?? {};
  }

  /** With what of the node is set aside for the role. @param amounts of what is nobody's */
  #make({ here, name, role }: Asker, node: string, partition: string, amounts: Resources): void {
    const { frameworks, placer } = this.#memory;
    const ports = firstPorts(placer.freePortsOn(node), (amounts.ports ?? 0) / 1000);
    const devices = placer.wholeDevicesOn(node).slice(0, (amounts.gpus ?? 0) / WHOLE_DEVICE_MILLI);
    const free: Piece = { reservation: null, amounts, ports, ...(devices.length > 0 && { devices }) };
    const pieces = [...(isEmptyPiece(free) ? [] : [free]), ...frameworks.reservations.freeFor(node, role.wish.role)];
    const offer = {
      id: this.#memory.newOfferId(),
      framework: here.id,
      role: name,
      node,
      partition,
      pieces,
      heldUntilMs: this.#now + OFFER_TIMEOUT_MS,
      mayBeKnown: false,
      asked: askedFor(amountsOf(pieces)),
    };
    frameworks.addOffer(offer);
    this.#left?.set(partition, subtract(this.#leftIn(partition), amounts));
    this.made.push(offer);
  }
}

const byFree = (a: { alike: Alike }, b: { alike: Alike }): number => compare(b.alike.free, a.alike.free);

const holdsAny = ({ here, name }: Asker, partition: string): boolean =>
  [...here.offers].some((one) => one.role === name && one.partition === partition);

const positive = (amounts: Resources): Resources =>
  Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, Math.max(0, amount)]));

const least = (a: Resources, b: Resources): Resources =>
  Object.fromEntries(Object.entries(a).map(([name, amount]) => [name, Math.max(0, Math.min(amount, b[name] ?? 0))]));

/** Gpus and ports are told by number: there is no part of one. */
const nameable = (amounts: Resources): Resources =>
  Object.fromEntries(
    Object.entries(amounts).map(([name, amount]) => [
      name,
      name === "gpus" || name === "ports" ? Math.floor(amount / 1000) * 1000 : amount,
    ]),
  );
