import { expect, it } from "vitest";
import { parseConfiguration } from "./file.ts";

const parse = (text: string) => parseConfiguration(text, "league.yaml");
function errorsOf(text: string) {
  try {
    parse(text);
  } catch (error) {
    return (error as { extra: { errors: object[] } }).extra.errors;
  }
  return [];
}

it("holds bodies as the API takes them, and what they mean", () => {
  const { league, roles, clusters } = parse(`
league: { objective: cost, historyHalfLife: 1h }
roles:
  lab/ml: { weight: 2, guarantee: { cpus: 4, mem: 2GiB } }
clusters:
  north:
    labels: { region: eu }
    partitions:
      gpu: { nodes: ["gpu_model = T4"], owner: lab/ml, lend: { gpus: 50% } }
      default: { lend: none }
`);
  expect(league).toEqual({
    body: { objective: "cost", historyHalfLife: "1h" },
    settings: { objective: "cost", historyHalfLifeMs: 3_600_000 },
  });
  expect(roles).toMatchObject([
    {
      name: "lab/ml",
      body: { weight: 2 },
      policy: { weight: 2, guarantee: { cpus: 4000, mem: 2_048_000 }, limit: {} },
    },
  ]);
  expect(clusters).toMatchObject([
    {
      name: "north",
      labels: { region: "eu" },
      partitions: [
        { name: "gpu", body: { lend: { gpus: "50%" } }, spec: { owner: "lab/ml", lend: { gpus: { percent: 50 } } } },
        { name: "default", body: { lend: "none" }, spec: { nodes: [], slice: null, lend: "none" } },
      ],
    },
  ]);
});

it("what is left out is not spoken of, and what has no fields is there", () => {
  expect(parse("league:")).toEqual({ league: { body: {}, settings: {} }, roles: null, clusters: [] });
  const { roles, clusters } = parse("roles:\n  web:\nclusters:\n  north:\n  south:\n    partitions:\n      a:\n");
  expect(roles).toMatchObject([{ name: "web", body: {}, policy: { weight: 1 } }]);
  expect(clusters).toMatchObject([
    { name: "north", partitions: null },
    { name: "south", partitions: [{ name: "a", body: {} }] },
  ]);
});

it("partitions stand in the order of the file, also when their names are numbers", () => {
  const { clusters } = parse("clusters: { north: { partitions: { b: {}, '20': {}, a: {}, '10': {} } } }");
  expect(clusters[0]?.partitions?.map(({ name }) => name)).toEqual(["b", "20", "a", "10"]);
});

it("all that is wrong is told at once, by field", () => {
  const errors = errorsOf(`
leage: {}
league: { objective: fast }
roles:
  Lab: {}
  lab: { limit: { cpus: lots }, wieght: 2 }
clusters:
  north:
    partitions:
      gpu: { nodes: [nonsense], position: 2, lend: maybe }
`);
  expect(errors).toEqual(
    expect.arrayContaining([
      { field: "leage", message: "unknown", didYouMean: "league" },
      expect.objectContaining({ field: "league.objective" }),
      expect.objectContaining({ field: "roles.Lab", message: expect.stringContaining("like lab/ml") }),
      expect.objectContaining({ field: "roles.lab.limit.cpus" }),
      { field: "roles.lab.wieght", message: "unknown", didYouMean: "weight" },
      expect.objectContaining({ field: "clusters.north.partitions.gpu.nodes[0]" }),
      expect.objectContaining({
        field: "clusters.north.partitions.gpu.position",
        message: expect.stringContaining("order"),
      }),
      expect.objectContaining({
        field: "clusters.north.partitions.gpu.lend",
        message: expect.stringContaining("none"),
      }),
    ]),
  );
  expect(errors).toHaveLength(8);
});

it("the rest takes neither rule nor slice", () => {
  const text = "clusters: { north: { partitions: { default: { slice: { cpus: 1 } } } } }";
  expect(errorsOf(text)).toMatchObject([{ field: "clusters.north.partitions.default.slice" }]);
});

it("what is no YAML, twice there, or no configuration is refused with its name", () => {
  expect(() => parse("roles: [\n")).toThrow(/league\.yaml: .*line 2/s);
  expect(() => parse("roles: { a: {}, a: {} }")).toThrow(/league\.yaml: .*unique/);
  expect(() => parse("- north")).toThrow(/configures nothing/);
  expect(() => parse("")).toThrow(/configures nothing/);
});
