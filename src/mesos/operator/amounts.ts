/** Amounts as the operator API lists them, and as the older endpoints write them. */
import type { Piece, PortRanges } from "../../model/framework.ts";
import { type Resources, subtract } from "../../model/resources.ts";
import { type Json, resourcesJson } from "../events/offeredResources.ts";

const MILLI = 1000;
const BARE: Record<string, number> = { cpus: 0, gpus: 0, mem: 0, disk: 0 };
const UNREFINED = { hasManyRoles: false, hasRefinedReservations: false };

/** @param role that they are allocated to; null: to none, or to several */
export const listOf = (amounts: Resources, ports: PortRanges = [], role: string | null = null): Json[] =>
  resourcesJson([{ reservation: null, amounts, ports }], role ?? "", { ...UNREFINED, hasManyRoles: role !== null });

/** Reserved ones in both of Mesos' formats. */
export const reservedListOf = (role: string, amounts: Resources): Json[] => {
  const piece: Piece = { reservation: { role, principal: null, labels: [] }, amounts, ports: [] };
  return resourcesJson([piece], "", UNREFINED).map((resource) => ({
    ...resource,
    reservations: [{ type: "DYNAMIC", role }],
  }));
};

/** `{"cpus":1.5,"mem":64,…,"ports":"[31000-31001]"}` */
export function objectOf(amounts: Resources, ports: PortRanges = []): Json {
  const values = { ...BARE };
  for (const [name, amount] of Object.entries(amounts)) if (name !== "ports") values[name] = plainValue(name, amount);
  return ports.length === 0 ? values : { ...values, ports: rangesText(ports) };
}

/** Of a gpu there is all or nothing in Mesos. */
export const plainValue = (name: string, amount: number): number =>
  name === "gpus" ? Math.floor(amount / MILLI) : amount / MILLI;

const rangesText = (ports: PortRanges): string => `[${ports.map(([from, to]) => `${from}-${to}`).join(", ")}]`;

/** What is left, and nothing below zero. */
export const restOf = (all: Resources, some: Resources): Resources =>
  Object.fromEntries(Object.entries(subtract(all, some)).map(([name, amount]) => [name, Math.max(0, amount)]));

export const quantitiesOf = (amounts: Resources): Json =>
  Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, { value: plainValue(name, amount) }]));
