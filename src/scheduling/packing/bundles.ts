/**
 * Shares of devices put together so that little of a device is left over: for a batch that is known as a whole, a bundle
 * is packed like one task with a whole device.
 */
import { add, type Resources } from "../../model/resources.ts";
import { type Shape, WHOLE_DEVICE_MILLI } from "./shape.ts";

export interface Bundle {
  /** of one whole device */
  shape: Shape;
  /** indices of the tasks in it */
  members: number[];
  wasteMilli: number;
}

/** @param tasks those that ask for a part of a device are bundled, with others under the same rules */
export function bundlesOf(shapes: readonly Shape[], tasks: readonly number[] = [...shapes.keys()]): Bundle[] {
  const milliOf = (task: number): number => (shapes[task] as Shape).devices.milli;
  const shares = tasks.filter((task) => milliOf(task) > 0 && milliOf(task) < WHOLE_DEVICE_MILLI);
  const ruled = Map.groupBy(shares, (task) => JSON.stringify((shapes[task] as Shape).constraints));
  return [...ruled.values()].flatMap((group) => fullest(shapes, group));
}

/** The fullest first, each of the tasks that are left, until none are. */
function fullest(shapes: readonly Shape[], tasks: readonly number[]): Bundle[] {
  const milliOf = (index: number): number => (shapes[index] as Shape).devices.milli;
  const left = Map.groupBy(tasks, milliOf);
  const bundles: Bundle[] = [];
  for (let pattern = fullestPattern(left); pattern.length > 0; pattern = fullestPattern(left)) {
    while (hasAll(left, pattern)) {
      const members = pattern.map((milli) => (left.get(milli) as number[]).pop() as number);
      const used = members.reduce((sum, index) => sum + milliOf(index), 0);
      bundles.push({
        shape: {
          amounts: members.reduce((sum: Resources, index) => add(sum, (shapes[index] as Shape).amounts), {}),
          devices: { count: 1, milli: WHOLE_DEVICE_MILLI },
          constraints: (shapes[members[0] as number] as Shape).constraints,
        },
        members,
        wasteMilli: WHOLE_DEVICE_MILLI - used,
      });
    }
  }
  return bundles;
}

function hasAll(left: ReadonlyMap<number, readonly number[]>, pattern: readonly number[]): boolean {
  const wanted = Map.groupBy(pattern, (milli) => milli);
  return [...wanted].every(([milli, times]) => (left.get(milli) ?? []).length >= times.length);
}

/** Largest sum of what is left that one device holds, by dynamic programming; large sizes are used up first. */
function fullestPattern(left: ReadonlyMap<number, readonly number[]>): number[] {
  const sizes = [...left].filter(([, tasks]) => tasks.length > 0).sort(([a], [b]) => b - a);
  const best: (readonly number[] | undefined)[] = [[]];
  for (const [milli, tasks] of sizes) {
    for (let sum = WHOLE_DEVICE_MILLI; sum >= milli; sum -= 1) {
      for (let times = 1; times <= tasks.length && times * milli <= sum; times += 1) {
        const rest = best[sum - times * milli];
        if (rest === undefined || best[sum] !== undefined) continue;
        best[sum] = [...rest, ...Array<number>(times).fill(milli)];
      }
    }
  }
  return [...(best.findLast((pattern) => pattern !== undefined) ?? [])];
}
