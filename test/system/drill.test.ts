/**
 * A fire drill with real time: north is cut off by the command, while a job of it runs that is stopped by silence, one
 * that is kept, and a node rests that has nothing to do. South is only watched.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listClusters } from "../../cli/api/endpoints.ts";
import { storedEvents } from "../../cli/api/streams.ts";
import type { ClusterDrillView } from "../../src/model/drillView.ts";
import type { JobSpecInput } from "../../src/model/job.ts";
import { hansaOf, type Said, saysOf } from "./hansa.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { lives, until } from "./processes.ts";

const CPUS = 0.1;
const SMALL_CPUS = 0.05;
/** Long enough for a hold, the marking, the ticks, and stopAfter + 15 s + 1 %: south has it before the cut is over. */
const LENGTH = "80s";
/** The length, the longest time between two tries of a node, and room for a busy machine. */
const DRILL_MS = 200_000;
/** A resting node is missed a minute after it was called or has lost its socket. */
const SILENT_WITHIN_MS = 100_000;

let league: League;
/** stopAfter 30 s · disconnect: keep · in south only */
let once: Beating;
let kept: Beating;
let south: Beating;
let drilled: Promise<Said>;

interface Beating {
  id: string;
  marks: Marks;
  count: number;
}

beforeAll(async () => {
  league = await League.start(["north", "south"]);
  league.addAgent("north", "n1");
  await league.allUp();
  once = await beating("once", 2, { disconnect: { stopAfter: "30s" } });
  kept = await beating("kept", 1, { disconnect: "keep" });
  league.addAgent("north", "n2", { cpus: SMALL_CPUS });
  league.addAgent("south", "s1");
  await league.allUp();
  south = await beating("south", 1, { clusters: ["south"], disconnect: { stopAfter: "30s" } });
  drilled = hansaOf(league, ["drill", "north", "--for", LENGTH, "--yes", "--json"]);
}, 60_000);

afterAll(() => league?.end(), 30_000);

async function beating(name: string, count: number, spec: Partial<JobSpecInput>): Promise<Beating> {
  const marks = new Marks(league.marks, name);
  const { id } = await league.submit({ command: marks.beat, count, resources: { cpus: CPUS }, ...spec });
  await until(`${name} beats`, () => Array.from({ length: count }, (_, i) => marks.of(i)).every((of) => of.length > 0));
  return { id, marks, count };
}

const upIn = async (cluster: string) =>
  (await listClusters(league.client)).find(({ name }) => name === cluster)?.nodes.up;

describe.concurrent("a drill of north", () => {
  test(
    "cuts all of it off, and another one is refused meanwhile with what to do",
    async () => {
      await until("all of north is silent", async () => (await upIn("north")) === 0, SILENT_WITHIN_MS);
      expect(await saysOf(league, ["drill", "north"])).toMatch(/^north: cut off for \d+s more, 2 of 2 nodes/);
      const { code, stderr } = await hansaOf(league, ["drill", "north", "--for", "10s", "--yes"]);
      expect([code, stderr]).toEqual([2, expect.stringContaining("hansa drill north --end")]);
    },
    DRILL_MS,
  );

  test(
    "has what it stopped run in south, nothing twice, and reports that",
    async () => {
      const { code, stdout, stderr } = await drilled;
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(/will be stopped at their deadlines, and tried again: .* on n1, .* on n1/);
      const { cluster, drill } = JSON.parse(stdout) as ClusterDrillView;
      expect({ cluster, ...drill }).toMatchObject({
        cluster: "north",
        state: "over",
        nodes: { cut: 2, back: 2, missing: [] },
        counts: { live: 3, followed: 3, wentOn: 1, stopped: 2, again: 2, waiting: 0, doubled: 0, lost: 0, late: 0 },
        again: { south: 2 },
      });
      const moved = { node: "n1", became: "stopped", reason: "deadline", now: "runs", place: "south/s1", again: true };
      const stayed = { became: "went-on", now: "runs", place: "north/n1", again: false };
      expect(drill?.tasks).toMatchObject([
        { task: `${once.id}.0`, ...moved },
        { task: `${once.id}.1`, ...moved },
        { task: `${kept.id}.0`, ...stayed },
      ]);
    },
    DRILL_MS,
  );
});

describe("after it", () => {
  test("marks tell the same: dead before it ran elsewhere, and what was kept or in south was never touched", () => {
    for (const index of [0, 1]) {
      const [before = [], after = [], ...more] = once.marks.lives(index);
      expect([before[0]?.node, after[0]?.node, more]).toEqual(["n1", "s1", []]);
      expect(before.at(-1)?.uptimeS).toBeLessThan(after[0]?.uptimeS ?? 0);
      expect([lives(before[0]?.pid ?? 0), lives(after[0]?.pid ?? 0)]).toEqual([false, true]);
    }
    for (const { marks } of [kept, south]) {
      expect(marks.lives(0)).toHaveLength(1);
      expect(lives(marks.of(0)[0]?.pid ?? 0)).toBe(true);
    }
  });

  test("its begin and its end are in the log", async () => {
    const types: string[] = [];
    for await (const { type } of storedEvents(league.client, {})) if (/drill/.test(type)) types.push(type);
    expect(types).toEqual(["cluster.drill-started", "cluster.drill-ended"]);
  });

  test("everything ends once, and north takes work again", async () => {
    for (const { marks } of [once, kept, south]) marks.letEnd();
    for (const { id, count } of [once, kept, south])
      expect(await league.ended(id)).toMatchObject({ state: "succeeded", counts: { succeeded: count } });
    expect(
      await league.run({ command: "true", constraints: ["node = n2"], resources: { cpus: SMALL_CPUS } }),
    ).toMatchObject({
      state: "succeeded",
    });
  });
});
