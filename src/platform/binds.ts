/**
 * What may be bound to a statement, checked by every adapter alike, so that the simulator refuses what Cloudflare
 * would refuse or quietly change (a boolean is stored as text there, a BigInt throws, 2 MB is the limit of a value).
 */
import type { SqlValue } from "./seam.ts";

const MAX_BINDS = 100;
export const MAX_VALUE_BYTES = 2_000_000;
/** longest a UTF-16 code unit gets in UTF-8 */
const MAX_BYTES_PER_UNIT = 3;

const encoder = new TextEncoder();

/** @throws TypeError | RangeError naming the bind; values come from code, so a wrong one is a bug */
export function checkBinds(binds: readonly unknown[]): asserts binds is SqlValue[] {
  if (binds.length > MAX_BINDS) throw new RangeError(`${binds.length} binds; a statement takes ${MAX_BINDS}`);
  for (let i = 0; i < binds.length; i++) {
    const wrong = objection(binds[i]);
    if (wrong !== null) throw new TypeError(`bind ${i + 1} ${wrong}`);
  }
}

/** In UTF-8, where that is more than a value may have; 0: it is not. */
export const bytesTooMany = (text: string, most = MAX_VALUE_BYTES): number => {
  if (text.length * MAX_BYTES_PER_UNIT <= most) return 0;
  const { length } = encoder.encode(text);
  return length > most ? length : 0;
};

function objection(value: unknown): string | null {
  if (value === null) return null;
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value)) return `is ${value}`;
      return Number.isInteger(value) && !Number.isSafeInteger(value) ? `is ${value}, not a safe integer` : null;
    case "string":
      return bytesTooMany(value) > 0 ? "is a string over 2 MB" : null;
    default:
      if (!(value instanceof Uint8Array)) return `is of type ${typeof value}`;
      return value.byteLength > MAX_VALUE_BYTES ? "is bytes over 2 MB" : null;
  }
}
