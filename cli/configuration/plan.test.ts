import { expect, it } from "vitest";
import { DEFAULT_SETTINGS } from "../../src/model/league.ts";
import type { PartitionView, RoleView } from "../../src/model/views.ts";
import { labelNotes, stepLine } from "./apply.ts";
import { parseConfiguration } from "./file.ts";
import { type Present, planOf } from "./plan.ts";

const NOTHING = { total: {}, free: {}, used: {}, offered: {}, reserved: {}, stopping: {}, down: {} };
const partition = (name: string, over: Partial<PartitionView> = {}): PartitionView => ({
  ...{ cluster: "north", name, nodes: [], slice: null, owner: null, lend: "all", pack: "pack", price: 1, speed: 1 },
  ...{ nodeCounts: { up: 0, total: 0 }, amounts: NOTHING, notes: [] },
  ...over,
});
const role = (name: string, over: Partial<RoleView> = {}): RoleView => ({
  ...{ name, configured: true, weight: 1, guarantee: {}, limit: {}, lend: {}, borrow: {} },
  ...{ owns: [], entitled: {}, charged: {}, history: {}, share: 0, jobs: 0, notes: [] },
  ...over,
});
const presentWith = (...partitions: PartitionView[]): Present => ({
  league: DEFAULT_SETTINGS,
  roles: [role("lab", { limit: { cpus: 2000 } }), role("old"), role("seen", { configured: false })],
  clusters: [{ name: "north", labels: { region: "eu" }, partitions: [...partitions, partition("default")] }],
});
const FILE = `
league: { historyHalfLife: 60m }
roles: { lab: { limit: { cpus: 2 } }, seen: { weight: 2 } }
clusters:
  north:
    partitions:
      a: { owner: lab, lend: { mem: 1GiB } }
      b: { nodes: ["has ssd"] }
  south: { labels: { region: us }, partitions: { default: { pack: spread } } }
`;
const lines = (text: string, present: Present, prune = false) =>
  planOf(parseConfiguration(text, "file"), present, prune).map(stepLine);

it("says of each thing what becomes of it, and sends only what changes something", () => {
  const present = presentWith(partition("a", { owner: "lab", lend: { mem: "1024MiB" } }));
  const steps = planOf(parseConfiguration(FILE, "file"), present, false);
  expect(steps.map(stepLine)).toEqual([
    "league  unchanged",
    "role lab  unchanged",
    "role seen  created  weight 2",
    "cluster north  unchanged",
    "cluster south  created  region=us",
    "partition north/a  unchanged",
    "partition north/b  created  nodes has ssd",
    "partition south/default  changed  pack pack → spread",
  ]);
  expect(steps.flatMap(({ change }) => change ?? [])).toEqual([
    { kind: "put-role", name: "seen", body: { weight: 2 } },
    { kind: "create-cluster", name: "south", labels: { region: "us" } },
    { kind: "put-partition", cluster: "north", name: "b", body: { nodes: ["has ssd"], position: 1 } },
    { kind: "put-partition", cluster: "south", name: "default", body: { pack: "spread" } },
  ]);
});

it("partitions are put in the order of the file, before those that it does not name", () => {
  const a = partition("a", { owner: "lab", lend: { mem: "1GiB" } });
  const b = partition("b", { nodes: ["has ssd"] });
  const moved = (...there: PartitionView[]) => lines(FILE, presentWith(...there)).filter((l) => l.includes("north/"));
  expect(moved(a, b, partition("x"))).toEqual(["partition north/a  unchanged", "partition north/b  unchanged"]);
  expect(moved(b, partition("x"), a)).toEqual([
    "partition north/a  changed  position 2 → 0",
    "partition north/b  unchanged",
  ]);
  expect(moved(partition("x"), a, b)).toEqual([
    "partition north/a  changed  position 1 → 0",
    "partition north/b  changed  position 2 → 1",
  ]);
});

it("only pruning removes, and only of what the file speaks of", () => {
  const present = presentWith(partition("x"));
  const removed = (text: string) => lines(text, present, true).filter((line) => line.includes("removed"));
  expect(lines(FILE, present).filter((line) => line.includes("removed"))).toEqual([]);
  expect(removed(FILE)).toEqual(["partition north/x  removed", "role old  removed"]);
  expect(removed("clusters: { north: {} }")).toEqual([]);
  expect(removed("clusters: { north: { partitions: {} } }")).toEqual(["partition north/x  removed"]);
  expect(removed("roles: {}")).toEqual(["role lab  removed", "role old  removed"]);
});

it("labels are given once; others are told", () => {
  const notes = (text: string) => labelNotes(parseConfiguration(text, "file"), presentWith());
  expect(notes("clusters: { north: { labels: { region: us } } }")).toEqual([
    "cluster north keeps its labels (region=eu): they are set when it is created",
  ]);
  expect(notes("clusters: { north: { labels: { region: eu } }, south: { labels: { a: b } } }")).toEqual([]);
});
