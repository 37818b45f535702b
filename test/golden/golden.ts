/** Messages that earlier versions wrote, as files: a folder a version, a file a kind. `test/sim/record.ts` writes them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type Json, type Shape, shapeOf } from "./shape.ts";

export const GOLDEN = "test/golden";

export interface Golden {
  version: string;
  kind: string;
  /** one that has all fields, or few that together have them */
  messages: Json[];
}

const isVersion = (name: string): boolean => /^\d+\.\d+\.\d+$/.test(name);
const partsOf = (version: string): number[] => version.split(".").map(Number);
const compare = (a: string, b: string): number => {
  const [left, right] = [partsOf(a), partsOf(b)];
  return left.reduce((order, part, i) => order || part - (right[i] ?? 0), 0);
};

/** Oldest first. */
export const versions = (): string[] => (existsSync(GOLDEN) ? readdirSync(GOLDEN).filter(isVersion).sort(compare) : []);

/** All kinds of a version. */
export const goldenOf = (version: string): Golden[] =>
  readdirSync(`${GOLDEN}/${version}`)
    .sort()
    .map((file) => JSON.parse(readFileSync(`${GOLDEN}/${version}/${file}`, "utf8")));

/** Of the newest version that was recorded, by kind. @param more messages beside those that were recorded */
export const previousShapes = (more: Readonly<Record<string, readonly Json[]>> = {}): ReadonlyMap<string, Shape> =>
  new Map(
    versions()
      .slice(-1)
      .flatMap(goldenOf)
      .map(({ kind, messages }) => [kind, shapeOf([...messages, ...(more[kind] ?? [])])]),
  );
