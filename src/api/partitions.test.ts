import { afterAll, beforeAll, expect, test } from "vitest";
import { League, startWorker } from "../../test/support/league.ts";
import type { RunningWorker } from "../../test/support/miniflare.ts";

let worker: RunningWorker;
let league: League;
beforeAll(async () => {
  worker = await startWorker();
  league = await League.on(worker, "lab");
  for (const name of ["north", "south"]) await league.ok("POST", "/v1/clusters", { body: { name } });
});
afterAll(() => worker.dispose());

const AT = "/v1/clusters/north/partitions";
const names = async () => (await league.ok("GET", AT)).items.map(({ name }: { name: string }) => name);
const put = (name: string, body: object) => league.call("PUT", `${AT}/${name}`, { body });

test("every cluster has one that holds the rest", async () => {
  const { items } = await league.ok("GET", AT);
  expect(items).toMatchObject([{ cluster: "north", name: "default", slice: null, owner: null, lend: "all" }]);
});

test("what is put is what there is, and what is left out has its default", async () => {
  const body = { nodes: ["gpu_model = T4"], owner: "lab/ml", lend: { gpus: "50%", mem: "8GiB" }, price: 2.5 };
  expect(await put("gpu", body)).toMatchObject({
    status: 200,
    body: { ...body, lend: { gpus: "50%", mem: "8192MiB" }, slice: null, pack: "pack", speed: 1 },
  });
  await put("gpu", { slice: { cpus: "25%" }, lend: "none" });
  expect(await league.ok("GET", `${AT}/gpu`)).toMatchObject({
    nodes: [],
    slice: { cpus: "25%" },
    owner: null,
    lend: "none",
    price: 1,
  });
  await league.ok("DELETE", `${AT}/gpu`);
});

test("they stand in their order, the rest last; one that is put again stays where it is", async () => {
  await put("a", {});
  await put("b", {});
  await put("c", { position: 0 });
  expect(await names()).toEqual(["c", "a", "b", "default"]);
  await put("a", { owner: "lab" });
  expect(await names()).toEqual(["c", "a", "b", "default"]);
  for (const name of ["a", "b", "c"]) await league.ok("DELETE", `${AT}/${name}`);
  expect(await names()).toEqual(["default"]);
});

test.each<[string, object, object]>([
  ["an unknown field", { onwer: "lab" }, { field: "onwer", message: "unknown", didYouMean: "owner" }],
  ["a rule that is none", { nodes: ["arch = x64", "nonsense"] }, { field: "nodes[1]" }],
  ["an amount that is none", { slice: { mem: "lots" } }, { field: "slice.mem" }],
  ["more than all of it", { slice: { cpus: "101%" } }, { field: "slice.cpus" }],
  ["a word that lends nothing known", { lend: "some" }, { field: "lend" }],
  ["a lent amount that is none", { lend: { cpus: "-1" } }, { field: "lend.cpus" }],
  ["an owner that is no role", { owner: "Lab" }, { field: "owner" }],
  ["a price below nothing", { price: -1 }, { field: "price" }],
  ["no speed", { speed: 0 }, { field: "speed" }],
  ["a place before the first", { position: -1 }, { field: "position" }],
  ["another way to pack", { pack: "tight" }, { field: "pack" }],
])("%s is refused and named", async (_what, body, error) => {
  expect(await put("gpu", body)).toMatchObject({ status: 400, body: { errors: [error] } });
  expect(await names()).toEqual(["default"]);
});

test("the rest takes no rule and stays", async () => {
  expect(await put("default", { nodes: ["has ssd"] })).toMatchObject({ status: 400 });
  expect(await put("default", { owner: "lab" })).toMatchObject({ status: 200, body: { owner: "lab" } });
  expect(await league.call("DELETE", `${AT}/default`)).toMatchObject({ status: 409 });
});

test("what is not there is told with what there is", async () => {
  const cluster = await league.call("PUT", "/v1/clusters/absent/partitions/gpu", { body: {} });
  expect(cluster).toMatchObject({ status: 404, body: { code: "not-found" } });
  expect(cluster.body.detail).toContain("north, south");
  for (const method of ["GET", "DELETE"]) {
    const partition = await league.call(method, `${AT}/absent`);
    expect(partition).toMatchObject({ status: 404, body: { code: "not-found" } });
    expect(partition.body.detail).toContain("default");
  }
});

test("an owner changes its own cluster's, a member only looks", async () => {
  const owner = await league.makeToken({ scope: "owner", cluster: "north" });
  const member = await league.makeToken({ scope: "member", role: "lab" });
  const asked = (token: string, method: string, path: string) =>
    league.call(method, path, { token, ...(method === "PUT" && { body: {} }) }).then(({ status }) => status);
  const SOUTH = "/v1/clusters/south/partitions";
  expect(await asked(owner, "PUT", `${AT}/own`)).toBe(200);
  expect(await asked(owner, "PUT", `${SOUTH}/own`)).toBe(403);
  expect(await asked(owner, "GET", SOUTH)).toBe(200);
  expect(await asked(member, "PUT", `${AT}/own`)).toBe(403);
  expect(await asked(member, "DELETE", `${AT}/own`)).toBe(403);
  expect(await asked(member, "GET", `${AT}/own`)).toBe(200);
  expect(await asked(owner, "DELETE", `${AT}/own`)).toBe(200);
});
