/**
 * Completes `package-lock.json` after an `npm install`: `node scripts/lock.ts`. A registry that does not carry the
 * packages of every platform makes npm leave them out of the lock, and then `npm ci` refuses the lock as out of step.
 * The entries that are added name version, os and cpu only; npm fetches them where they are needed.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type Lock, missingPackages } from "./lockEntries.ts";

const path = "package-lock.json";
const lock = JSON.parse(readFileSync(path, "utf8")) as Lock;
const missing = missingPackages(lock);
const entries = Object.entries({ ...lock.packages, ...missing });
lock.packages = Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${Object.keys(missing).length} packages of other platforms added`);
