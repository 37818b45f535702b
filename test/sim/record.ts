/**
 * Writes what this version says on the wire to `test/golden/VERSION`, a file a kind, from leagues of fixed seeds:
 * `npm run sim:record`. What an earlier version wrote is never written anew.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import packageJson from "../../package.json" with { type: "json" };
import { GOLDEN } from "../golden/golden.ts";
import { Recording, recordJoin, recordSeed } from "./recording.ts";

/** Enough that each field of a message comes up. */
const SEEDS = Number(process.argv[2] ?? 50);

const { version } = packageJson;
const folder = `${GOLDEN}/${version}`;
if (existsSync(folder)) {
  console.error(`${folder} is there: what a version wrote does not change. Raise the version in package.json first.`);
  process.exit(1);
}
const recording = new Recording();
await recordJoin(recording);
for (let seed = 1; seed <= SEEDS; seed++) {
  const broken = await recordSeed(seed, recording);
  if (broken) throw new Error(`seed ${seed} breaks an invariant: what it says is not to be kept`, { cause: broken });
  console.error(`seed ${seed}: ${recording.messages} messages, ${recording.shapes} shapes`);
}
mkdirSync(folder, { recursive: true });
for (const [kind, messages] of recording.few()) {
  const golden = { version, kind, messages };
  writeFileSync(`${folder}/${kind}.json`, `${JSON.stringify(golden)}\n`);
}
