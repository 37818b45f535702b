/** Ids of the jobs that are made of what frameworks launch: no job that a person submits has one like it. */

const PRIME = 0x01000193;

/** FNV-1a, 32 bit. */
function hash(text: string, seed: number): number {
  let sum = seed;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), PRIME);
  return sum >>> 0;
}

/** @param text that is said once in a league */
export const jobIdOf = (text: string): string =>
  `m${hash(text, 0x811c9dc5).toString(36).padStart(7, "0")}${hash(text, 0x9e3779b9).toString(36).padStart(7, "0")}`;
