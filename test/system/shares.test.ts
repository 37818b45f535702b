import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { cancelJob, explainJob, getJob, listNodes } from "../../cli/api/endpoints.ts";
import { getLeague, getLedger, getRole, listPartitions, listRoles, putPartition } from "../../cli/api/shares.ts";
import { storedEvents } from "../../cli/api/streams.ts";
import { add, type Resources } from "../../src/model/resources.ts";
import type { JobView, PartitionView } from "../../src/model/views.ts";
import { hansaOf, saysOf } from "./hansa.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { until } from "./processes.ts";

const CLUSTERS = ["north", "south"] as const;
/** Four of these fill a node. */
const HALF = { cpus: 0.5, mem: "64MiB" };

const METRICS = z.object({
  objects: z.array(z.object({ object: z.string(), values: z.record(z.string(), z.number()) })),
});

let league: League;

beforeAll(async () => {
  league = await League.start(CLUSTERS);
  for (const [cluster, name] of [
    ["north", "n1"],
    ["north", "n2"],
    ["south", "s1"],
  ] as const)
    league.addAgent(cluster, name, { cpus: 2, mem: "2GiB" });
  await league.allUp();
}, 30_000);

afterAll(() => league?.end(), 30_000);

const hansa = (...words: string[]) => hansaOf(league, words);
const says = (...words: string[]) => saysOf(league, words);

const partitions = async (): Promise<PartitionView[]> =>
  (await Promise.all(CLUSTERS.map((cluster) => listPartitions(league.client, cluster)))).flat();

const sumOf = (all: readonly Resources[]): Resources => all.reduce((sum, one) => add(sum, one), {});

/** R = Σ partitions = Σ nodes, and each partition is the sum of its parts: of every resource. */
async function addsUp(): Promise<PartitionView[]> {
  const all = await partitions();
  for (const { cluster, name, amounts } of all) {
    const { total, free, used, offered, reserved, stopping, down } = amounts;
    const parts = sumOf([free, used, offered, reserved, stopping, down]);
    for (const resource of Object.keys({ ...total, ...parts })) {
      expect(parts[resource] ?? 0, `${resource} of ${cluster}/${name}`).toBe(total[resource] ?? 0);
    }
  }
  for (const cluster of CLUSTERS) {
    const nodes = sumOf((await listNodes(league.client, cluster)).map(({ capacity }) => capacity));
    const whole = sumOf(all.filter((one) => one.cluster === cluster).map(({ amounts }) => amounts.total));
    expect(whole).toEqual(nodes);
  }
  return all;
}

/** The Broker has heard of what a Cluster was told. */
async function heard(change: () => Promise<unknown>): Promise<void> {
  const told = async () => {
    let n = 0;
    for await (const { type } of storedEvents(league.client, {})) if (type === "partition.changed") n++;
    return n;
  };
  const before = await told();
  await change();
  await until("the broker knows of the change", async () => (await told()) > before);
}

async function live(id: string, wanted: number): Promise<JobView> {
  await until(
    `${wanted} tasks of ${id} are live`,
    async () => (await getJob(league.client, id)).counts.live === wanted,
  );
  return getJob(league.client, id);
}

test("partitions set by command and by API hold all that the nodes have, also while tasks run", async () => {
  const said = await says("partitions", "set", "north/own", "--nodes", "node = n1", "--owner", "lab", "--spread");
  expect(said).toBe("partition north/own  created  nodes node = n1, owner lab, pack spread\n");
  expect(await says("partitions", "set", "north/own", "--owner", "lab")).toBe("partition north/own  unchanged\n");
  await putPartition(league.client, "south", "part", { slice: { cpus: "50%", mem: "512MiB" } });

  const before = await addsUp();
  const total = (key: string) => before.find(({ cluster, name }) => `${cluster}/${name}` === key)?.amounts.total;
  expect(total("north/own")).toMatchObject({ cpus: 2000, mem: 2_048_000 });
  expect(total("south/part")).toMatchObject({ cpus: 1000, mem: 512_000 });
  expect(total("south/default")).toMatchObject({ cpus: 1000, mem: 1_536_000 });

  const marks = new Marks(league.marks, "adding");
  const { id } = await league.submit({ command: marks.beat, count: 12, resources: HALF });
  await live(id, 12);
  const during = await addsUp();
  expect(sumOf(during.map(({ amounts }) => amounts.used))).toMatchObject({ cpus: 6000, mem: 768_000 });
  const table = await says("partitions", "--cluster", "north");
  expect(table).toMatch(/^PARTITION +OWNER +NODES +CPUS +MEM/);
  expect(table).toMatch(/^north\/own +lab +1\/1 +2\/2 /m);

  marks.letEnd();
  expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
  const idle = async () =>
    Object.values(sumOf((await addsUp()).map(({ amounts }) => amounts.used))).every((n) => n === 0);
  await until("nothing is in use", idle);
}, 60_000);

test("a role never has more than its limit, over all clusters and all that is under it", async () => {
  expect(await says("roles", "set", "crew", "--limit", "cpus=1")).toBe("role crew  created  limit cpus=1\n");
  const marks = new Marks(league.marks, "limited");
  const { id } = await league.submit({ command: marks.beat, count: 8, resources: HALF, role: "crew/a" });
  await live(id, 2);
  expect(await getRole(league.client, "crew")).toMatchObject({ charged: { cpus: 1000 }, jobs: 1 });
  expect(await explainJob(league.client, id)).toMatchObject({ reason: "over-limit", position: 1 });
  expect(await says("explain", id)).toMatch(/waits: over-limit.*position 1\n$/s);

  await says("roles", "set", "crew", "--limit", "cpus=2");
  await live(id, 4);
  expect(await says("roles")).toMatch(/^ {2}crew\/a /m);
  marks.letEnd();
  expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
}, 60_000);

test("one role borrows of another over two clusters, and the ledger balances", async () => {
  await heard(() => says("partitions", "set", "north/default", "--owner", "lab"));
  for (const partition of ["default", "part"])
    await heard(() => says("partitions", "set", `south/${partition}`, "--owner", "web"));
  const owns = async () => (await listRoles(league.client)).flatMap((role) => role.owns);
  await until("all partitions have an owner", async () => (await owns()).length === 4);

  const marks = new Marks(league.marks, "borrowing");
  const words = ["run", "--detach", "--json", "--role", "web", "--count", "10", "--cpus", "0.5", "--mem", "64MiB"];
  const submitted: JobView = JSON.parse(await says(...words, "--", marks.beat));
  const job = await live(submitted.id, 10);
  expect(new Set(job.borrows.map(({ owner }) => owner))).toEqual(new Set(["lab"]));
  expect(sumOf(job.borrows.map(({ resources }) => resources))).toMatchObject({ cpus: 3000 });
  marks.letEnd();
  await league.ended(job.id);

  const lent = async () =>
    (await getLedger(league.client)).entries.filter(({ kind, borrower }) => kind === "lent" && borrower === "web");
  const isTold = async () => (await lent()).some(({ resourceSeconds }) => (resourceSeconds.cpus ?? 0) > 0);
  await until("the ledger tells of it", isTold);
  for (const entry of await lent()) expect(entry).toMatchObject({ lender: "lab" });
  expect((await getLedger(league.client)).balanced).toBe(true);
  expect(await says("ledger")).toMatch(/^balances: lent (.* cpus.*) = borrowed \1$/m);
}, 60_000);

test("what is not lent is not borrowed", async () => {
  for (const partition of ["own", "default"])
    await heard(() => says("partitions", "set", `north/${partition}`, "--lend", "none"));
  const marks = new Marks(league.marks, "kept");
  const { id } = await league.submit({ command: marks.beat, count: 10, resources: HALF, role: "web" });
  const job = await live(id, 4);
  expect(job.borrows).toEqual([]);
  expect(Object.keys(job.partitions).filter((key) => key.startsWith("north/"))).toEqual([]);
  await cancelJob(league.client, id);
  marks.letEnd();
  await league.ended(id);
}, 60_000);

const FILE = `
league: { objective: balance, historyHalfLife: 30m }
roles:
  lab: { weight: 2, guarantee: { cpus: 1 } }
  lab/ml:
clusters:
  north:
    partitions:
      small: { nodes: ["node = n2"], lend: { cpus: 50% }, price: 2 }
      own: { nodes: ["node = n1"], owner: lab }
  west:
    labels: { region: eu }
    partitions:
      default: { pack: spread }
`;

test("when jobs contend the round is optimised, says how good it is, and nobody starves", async () => {
  const marks = new Marks(league.marks, "contending");
  const command = marks.beat;
  const first = await league.submit({ command, count: 20, resources: HALF, role: "lab" });
  const second = await league.submit({ command, count: 20, resources: { cpus: 0.3, mem: "200MiB" }, role: "web" });
  const decided = async () => {
    for await (const { type, round } of storedEvents(league.client, {})) if (type === "round.decided") return round;
    return undefined;
  };
  await until("a round was optimised", async () => (await decided()) !== undefined);
  const round = await decided();
  expect(round).toMatchObject({ method: "sifting", objective: "utilisation", contended: true, jobs: 2 });
  expect(round?.bound).toBeGreaterThanOrEqual(round?.value ?? Number.NaN);
  expect(round?.gapPct).toBeGreaterThanOrEqual(0);
  expect(round?.resources).toMatchObject({ cpus: 6000 });
  expect(await says("events")).toMatch(
    /round\.decided +sifting for utilisation {2}gap [\d.]+ % {2}2 jobs.* R .* T .* U /,
  );
  const { objects } = await league.client.get("/metrics", METRICS, { query: { format: "json" } });
  const broker = objects.find(({ object }) => object === "broker")?.values;
  expect(broker).toMatchObject({ starved_jobs: 0, resources_cpus: 6 });
  expect(broker?.optimisations_total).toBeGreaterThan(0);
  for (const { id } of [first, second]) await cancelJob(league.client, id);
  marks.letEnd();
  for (const { id } of [first, second]) expect(await league.ended(id)).toMatchObject({ state: "cancelled" });
}, 60_000);

test("a job that can never run as it is written says what was likely meant, and is not left behind", async () => {
  const { code, stderr } = await hansa("run", "--constraint", "archh = x64", "--", "true");
  expect(code).toBe(3);
  expect(stderr).toContain("did you mean arch?");
  const { notes } = await getRole(league.client, "crew");
  expect(notes).toEqual([]);
  const said = await hansa("roles", "set", "crew", "--limit", "cpu=1");
  expect(said.stderr).toContain("limit: no node has cpu; did you mean cpus?");
  await says("roles", "set", "crew", "--limit", "cpu=");
}, 30_000);

test("a file is applied, and applied again it changes nothing", async () => {
  const file = join(league.root, "league.yaml");
  writeFileSync(file, FILE);
  const dry = await hansa("apply", "--dry-run", "--prune", file);
  expect(dry.stdout).toContain("role crew  removed");
  expect((await getLeague(league.client)).objective).toBe("utilisation");

  expect((await says("apply", file)).split("\n")).toEqual([
    "league  changed  objective utilisation → balance, half-life 1h → 30m",
    "role lab  created  weight 2, guarantee cpus=1",
    "role lab/ml  created",
    "cluster north  unchanged",
    "cluster west  created  region=eu",
    "partition north/small  created  nodes node = n2, lend cpus=50%, price 2",
    "partition north/own  changed  lend none → all, pack spread → pack",
    "partition west/default  changed  pack pack → spread",
    "",
  ]);
  const { things } = JSON.parse(await says("apply", "--json", file));
  expect(things).toHaveLength(8);
  for (const { outcome, changes } of things) expect([outcome, changes]).toEqual(["unchanged", []]);
  expect((await listPartitions(league.client, "north")).map(({ name }) => name)).toEqual(["small", "own", "default"]);
  await addsUp();

  expect(await says("apply", "--prune", "--yes", file)).toContain("role crew  removed");
  expect(await getRole(league.client, "crew")).toMatchObject({ configured: false });
}, 60_000);

test("all that is wrong in a file is told, and nothing of it is done", async () => {
  const file = join(league.root, "wrong.yaml");
  writeFileSync(file, "league: { objective: cost }\nroles: { lab: { wieght: 2, limit: { cpus: lots } } }\n");
  const { code, stderr } = await hansa("apply", file);
  expect(code).toBe(2);
  expect(stderr).toContain("roles.lab.wieght: unknown (did you mean weight?)");
  expect(stderr).toContain("roles.lab.limit.cpus:");
  expect((await getLeague(league.client)).objective).toBe("balance");
}, 20_000);
