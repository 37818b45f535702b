/** Amounts: decimal numbers of which three places count, into milli-units. */
import type { Resources } from "../../model/resources.ts";
import { MAX_AMOUNT, RESOURCE_NAME } from "../../model/resources.ts";

export const milli = (value: number): number => Math.round(value * 1000);

/** @returns what is wrong with an amount; null: nothing */
export function amountError(name: string, value: number): string | null {
  if (Number.isNaN(value)) return "NaN not supported";
  if (!Number.isFinite(value)) return "Infinite values not supported";
  if (value < 0) return "Negative values not supported";
  if (milli(value) > MAX_AMOUNT) return `Values above ${MAX_AMOUNT / 1000} not supported`;
  return RESOURCE_NAME.test(name) ? null : "Names are of lower-case letters, digits, '.', '_' and '-' here";
}

export const readQuantities = (quantities: Readonly<Record<string, { readonly value: number }>>): Resources =>
  Object.fromEntries(Object.entries(quantities).map(([name, { value }]) => [name, milli(value)]));
