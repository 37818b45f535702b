/** Partitions, roles and settings as a person reads them, and what changes between two of a kind. */
import { formatDuration } from "../../src/model/duration.ts";
import type { LeagueSettings } from "../../src/model/league.ts";
import type { PartitionSpec } from "../../src/model/partition.ts";
import type { RolePolicy } from "../../src/model/role.ts";
import { partWordsOf, wordList, wordsOf } from "./amounts.ts";

/** Each property in a few exact words. */
export type Told = Record<string, string>;
export type Outcome = "created" | "changed" | "unchanged" | "removed";

export const toldPartition = ({ nodes, slice, owner, lend, pack, price, speed }: PartitionSpec): Told => ({
  nodes: nodes.join(" and ") || "all",
  slice: slice === null ? "none" : wordList(partWordsOf(slice)),
  owner: owner ?? "nobody",
  lend: lendWord(lend),
  pack,
  price: String(price),
  speed: String(speed),
});

export const lendWord = (lend: PartitionSpec["lend"]): string =>
  lend === "none" ? lend : wordList(partWordsOf(lend)) || "all";

export const toldRole = ({ weight, guarantee, limit, lend, borrow }: RolePolicy): Told => ({
  weight: String(weight),
  guarantee: wordList(wordsOf(guarantee)) || "none",
  limit: wordList(wordsOf(limit)) || "none",
  lend: wordList(wordsOf(lend)) || "all",
  borrow: wordList(wordsOf(borrow)) || "all",
});

export const toldLeague = (settings: LeagueSettings): Told => ({
  objective: settings.objective,
  "half-life": formatDuration(settings.historyHalfLifeMs),
  "history-weight": String(settings.historyWeight),
  "entry-penalty": formatDuration(settings.entryPenaltyMs),
  grace: formatDuration(settings.graceMs),
  "min-run": formatDuration(settings.minRunMs),
});

/** `owner nobody → lab` */
export const changesBetween = (before: Told, after: Told): string[] =>
  differing(before, after).map(([name, value]) => `${name} ${before[name]} → ${value}`);

/** `owner lab`: what is not as usual. */
export const unusual = (usual: Told, after: Told): string[] =>
  differing(usual, after).map(([name, value]) => `${name} ${value}`);

const differing = (before: Told, after: Told): [string, string][] =>
  Object.entries(after).filter(([name, value]) => value !== before[name]);

/** `partition north/gpu  changed  owner nobody → lab` */
export const outcomeLine = (thing: string, outcome: Outcome, changes: readonly string[]): string =>
  [thing, outcome, changes.join(", ")].filter(Boolean).join("  ");
