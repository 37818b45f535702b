/** What this version says on the wire, the version before it still understands. */
import { expect, test } from "vitest";
import { Pool } from "./pool.ts";

/** They go through most of what there is. */
const SEEDS = [3, 6];
const WHAT_TO_DO =
  "An agent or an object of the version before this one does not have what it needs. Say it as it was beside the new way, " +
  "until no version that needs it is left; see docs/protocol.md, How the wire may change.";

test("each message has what the version before this one needs in it, as it was", async () => {
  const pool = await Pool.open();
  try {
    const missed = await Promise.all(SEEDS.map((seed) => pool.missed(seed)));
    expect([...new Set(missed.flat())].sort(), WHAT_TO_DO).toEqual([]);
  } finally {
    await pool.close();
  }
}, 300_000);
