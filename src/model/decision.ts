/**
 * What a plan decides for its job, and the token that carries it. The token says what was told and grants nothing: who
 * submits with it gets just that, or is told what has changed.
 */
import { z } from "zod";
import { MAX_TASKS } from "./ids.ts";

/** The same job in the same league gives the same one, whatever the job's id: in this order, and nothing beside. */
export interface Decision {
  /** digest of the job as it was validated */
  job: string;
  /** by partition, in the order of their names: tasks at once, and who owns it if the job borrows there */
  places: { partition: string; tasks: number; lender: string | null }[];
  /** tasks of others that may be stopped for it, by job and partition */
  preempts: { job: string; partition: string; tasks: number }[];
}

const PREFIX = "pln_";
/** A thousand partitions with long names fit. */
export const MAX_TOKEN_CHARS = 200_000;

const tasks = z.int().min(1).max(MAX_TASKS);
const name = z.string().min(1).max(300);
const packedSchema = z.tuple([
  z.string().max(64),
  z.array(z.tuple([name, tasks, name.nullable()])),
  z.array(z.tuple([name, name, tasks])),
]);

export function tokenOf({ job, places, preempts }: Decision): string {
  const packed: z.input<typeof packedSchema> = [
    job,
    places.map((one) => [one.partition, one.tasks, one.lender]),
    preempts.map((one) => [one.job, one.partition, one.tasks]),
  ];
  const text = JSON.stringify(packed);
  const carried = btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${PREFIX}${carried}_${checksum(text)}`;
}

/** @returns null when it is no token of a plan, or not a whole one */
export function decisionIn(token: string): Decision | null {
  const cut = token.lastIndexOf("_");
  if (token.length > MAX_TOKEN_CHARS || !token.startsWith(PREFIX) || cut <= PREFIX.length) return null;
  const text = decoded(token.slice(PREFIX.length, cut));
  if (text === null || checksum(text) !== token.slice(cut + 1)) return null;
  const packed = packedSchema.safeParse(jsonOf(text)).data;
  if (!packed) return null;
  const [job, places, preempts] = packed;
  return {
    job,
    places: places.map(([partition, tasks, lender]) => ({ partition, tasks, lender })),
    preempts: preempts.map(([job, partition, tasks]) => ({ job, partition, tasks })),
  };
}

function decoded(base64url: string): string | null {
  try {
    return atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** FNV-1a: tells a token that lost a character. */
function checksum(text: string): string {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return (sum >>> 0).toString(16).padStart(8, "0");
}
