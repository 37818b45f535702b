/** A thread that runs seeds, one at a time, as it is asked to. */
import { parentPort } from "node:worker_threads";
import type { Season } from "./faults/season.ts";
import { missedBy } from "./recording.ts";
import { runSeed, type Story, traceHash } from "./run.ts";

export type Ask =
  | { type: "story"; seed: number; only?: readonly string[]; isTraced?: boolean; season?: Season }
  | { type: "hash"; seed: number }
  | { type: "missed"; seed: number };
export type Told =
  | { type: "line"; line: string }
  | { type: "story"; story: Story }
  | { type: "hash"; hash: string }
  | { type: "missed"; missed: string[] };

const tell = (told: Told): void => parentPort?.postMessage(told);

parentPort?.on("message", async (ask: Ask) => {
  if (ask.type === "missed") return tell({ type: "missed", missed: await missedBy(ask.seed) });
  if (ask.type === "hash") return tell({ type: "hash", hash: await traceHash(ask.seed) });
  const trace = ask.isTraced ? (line: string) => tell({ type: "line", line }) : null;
  tell({ type: "story", story: await runSeed(ask.seed, ask.only ?? null, trace, ask.season ?? null) });
});
