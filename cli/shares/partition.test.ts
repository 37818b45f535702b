import { expect, it } from "vitest";
import type { PartitionView } from "../../src/model/views.ts";
import { changeOfPartition, partitionNamed } from "./partition.ts";

const NOTHING = { total: {}, free: {}, used: {}, offered: {}, reserved: {}, stopping: {}, down: {} };
const view = (name: string, over: Partial<PartitionView> = {}): PartitionView => ({
  cluster: "north",
  name,
  nodes: [],
  slice: null,
  owner: null,
  lend: "all",
  pack: "pack",
  price: 1,
  speed: 1,
  nodeCounts: { up: 1, total: 1 },
  amounts: NOTHING,
  notes: [],
  ...over,
});
const GPU = view("gpu", { nodes: ["gpu_model = T4"], owner: "lab", lend: { gpus: "50%", mem: "8192MiB" }, price: 2 });
const ALL = [view("first"), GPU, view("default")];
const key = (name: string) => ({ cluster: "north", name });
const change = (name: string, options: Parameters<typeof changeOfPartition>[2]) =>
  changeOfPartition(key(name), ALL, options);

it("what is not named stays as it is", () => {
  expect(change("gpu", { owner: "web" })).toMatchObject({
    body: { nodes: ["gpu_model = T4"], slice: null, owner: "web", lend: GPU.lend, price: 2 },
    outcome: "changed",
    changes: ["owner lab → web"],
  });
  expect(change("gpu", {})).toMatchObject({ outcome: "unchanged", changes: [] });
  expect(change("gpu", { owner: "lab", price: 2, nodes: ["gpu_model = T4"] })).toMatchObject({ outcome: "unchanged" });
});

it("single amounts are changed, other spellings are no change, and words replace them all", () => {
  expect(change("gpu", { lend: "gpus=25%" })).toMatchObject({
    body: { lend: { gpus: "25%", mem: "8192MiB" } },
    changes: ["lend gpus=50%,mem=8GiB → gpus=25%,mem=8GiB"],
  });
  expect(change("gpu", { lend: "mem=8GiB" }).outcome).toBe("unchanged");
  expect(change("gpu", { lend: "none" }).body.lend).toBe("none");
  expect(change("gpu", { lend: "all" }).changes).toEqual(["lend gpus=50%,mem=8GiB → all"]);
  expect(change("first", { lend: "cpus=2" }).body.lend).toEqual({ cpus: "2" });
  expect(change("first", { slice: "cpus=25%" }).body.slice).toEqual({ cpus: "25%" });
  expect(change("first", { slice: "none" }).outcome).toBe("unchanged");
});

it("an owner and rules are taken away by words of their own", () => {
  expect(change("gpu", { owner: false, nodes: ["all"] })).toMatchObject({
    body: { owner: null, nodes: [] },
    changes: ["nodes gpu_model = T4 → all", "owner lab → nobody"],
  });
});

it("a partition that is not there is created, and only what is unusual of it is told", () => {
  expect(change("new", { spread: true, speed: 2 })).toEqual({
    body: { pack: "spread", speed: 2 },
    outcome: "created",
    changes: ["pack spread", "speed 2"],
  });
});

it("a position is sent only when it moves something", () => {
  expect(change("gpu", { position: 0 })).toMatchObject({ body: { position: 0 }, changes: ["position 1 → 0"] });
  for (const position of [1, 5]) {
    const { body, outcome } = change("gpu", { position });
    expect([body.position, outcome]).toEqual([undefined, "unchanged"]);
  }
  expect(change("new", { position: 7 }).body.position).toBe(2);
  expect(() => change("default", { position: 0 })).toThrow(/always the last/);
});

it("what the broker would refuse is told by field before it is asked", () => {
  const wrong = () => change("gpu", { nodes: ["nonsense"], slice: "mem=lots", speed: 0 });
  expect(wrong).toThrow(expect.objectContaining({ code: "invalid-request" }));
  try {
    wrong();
  } catch (error) {
    expect(error).toMatchObject({
      extra: { errors: [{ field: "nodes[0]" }, { field: "slice.mem" }, { field: "speed" }] },
    });
  }
  expect(() => change("gpu", { pack: true, spread: true })).toThrow(/exclude each other/);
});

it("a partition is named with its cluster", () => {
  expect(partitionNamed("north/gpu")).toEqual({ cluster: "north", name: "gpu" });
  for (const typed of ["north", "north/", "/gpu", "a/b/c", "North/gpu"]) {
    expect(() => partitionNamed(typed), typed).toThrow(/write it like north\/gpu/);
  }
});
