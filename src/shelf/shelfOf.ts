/** Which Shelf holds the output of a task: all of a job in one, the jobs of a league over sixteen. */
import type { ObjectRef } from "../platform/seam.ts";

export const SHELVES = 16;

/** FNV-1a, 32 bit. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return sum >>> 0;
}

/** @param task `JOB.INDEX` */
export function shelfOf(league: string, task: string): ObjectRef {
  const [job = ""] = task.split(".");
  return shelfAt(league, hash(job) % SHELVES);
}

export const shelfAt = (league: string, number: number): ObjectRef => ({
  kind: "shelf",
  league,
  name: String(number),
});
