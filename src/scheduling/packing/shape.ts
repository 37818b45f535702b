/**
 * What a task asks of one node, as packing sees it: counted amounts, devices, rules over attributes. Tasks of one shape
 * are all the same to it.
 */
import type { Constraint } from "../../model/constraints.ts";
import { type Resources, resourcesKey, timesFits } from "../../model/resources.ts";

export const WHOLE_DEVICE_MILLI = 1000;
const DEVICES = "gpus";

export interface Shape {
  /** all but devices */
  amounts: Resources;
  /** `count` devices, `milli` of each: 1000, or less of a single one; count 0: none */
  devices: { count: number; milli: number };
  constraints: readonly Constraint[];
}

/** @returns null when no set of devices is that much: more than one and not whole */
export function shapeOf(demand: Resources, constraints: readonly Constraint[] = []): Shape | null {
  const { [DEVICES]: milli = 0, ...amounts } = demand;
  if (milli <= 0) return { amounts, devices: { count: 0, milli: 0 }, constraints };
  if (milli < WHOLE_DEVICE_MILLI) return { amounts, devices: { count: 1, milli }, constraints };
  if (milli % WHOLE_DEVICE_MILLI !== 0) return null;
  return { amounts, devices: { count: milli / WHOLE_DEVICE_MILLI, milli: WHOLE_DEVICE_MILLI }, constraints };
}

/** How many tasks with the demand an empty node holds: parts of a device do not go over two. */
export function copiesOn(demand: Resources, capacity: Resources): number {
  const copies = timesFits(demand, capacity);
  const milli = demand[DEVICES] ?? 0;
  if (milli === 0 || milli % WHOLE_DEVICE_MILLI === 0) return copies;
  if (milli > WHOLE_DEVICE_MILLI) return 0;
  const gpus = capacity[DEVICES] ?? 0;
  const whole = Math.floor(gpus / WHOLE_DEVICE_MILLI) * Math.floor(WHOLE_DEVICE_MILLI / milli);
  return Math.min(copies, whole + Math.floor((gpus % WHOLE_DEVICE_MILLI) / milli));
}

/** Equal for equal shapes only. */
export const shapeKey = ({ amounts, devices, constraints }: Shape): string =>
  `${devices.count}x${devices.milli} ${resourcesKey(amounts)}${constraints.length > 0 ? ` ${JSON.stringify(constraints)}` : ""}`;

export const devicesMilli = ({ devices }: Shape): number => devices.count * devices.milli;
