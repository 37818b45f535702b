/** Wishes of people that hold once: a copy of one that comes late, when it was taken back since, is nobody's wish. */
import type { ClusterMemory } from "./memory.ts";

/** A copy that comes after so many others is not known any more. */
const MAX_REQUESTS = 50;

export const isKnown = ({ self }: ClusterMemory, request: string): boolean => self.requests.includes(request);

/** It is done in this turn. */
export function note(memory: ClusterMemory, request: string): void {
  memory.self = { ...memory.self, requests: [...memory.self.requests, request].slice(-MAX_REQUESTS) };
  memory.store.saveSelf(memory.self);
}

/** @returns whether it is done in this turn, for the first time */
export function noteOnce(memory: ClusterMemory, request: string): boolean {
  if (isKnown(memory, request)) return false;
  note(memory, request);
  return true;
}
