import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readOptions, readToken, UsageError } from "./options.ts";

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "hansa-options-"));
});
afterEach(() => rmSync(data, { recursive: true }));

const read = (argv: string[], environment: NodeJS.ProcessEnv = {}) =>
  readOptions([...argv, "--data", data], environment, 1000);

test("flags win over the environment, that over the config file", () => {
  writeFileSync(join(data, "agent.json"), JSON.stringify({ cpus: 1, mem: "1GiB", disk: "1GiB", runAs: "build" }));
  const options = read(["run", "--cpus", "3"], { HANSA_AGENT_CPUS: "2", HANSA_AGENT_MEM: "2GiB" });
  expect(options.resources).toEqual({ cpus: 3000, mem: 2_048_000, disk: 1_024_000 });
  expect(options.runAs).toBe("build");
});

test("what may be said more than once is a list everywhere", () => {
  writeFileSync(join(data, "agent.json"), JSON.stringify({ label: { zone: "a", rack: 7 } }));
  expect(read(["run", "--resource", "licences=2", "--resource", "fpga=1"])).toMatchObject({
    resources: { licences: 2000, fpga: 1000 },
    labels: { zone: "a", rack: "7" },
  });
  expect(read(["run"], { HANSA_AGENT_LABEL: "zone=b,ssd=" }).labels).toEqual({ zone: "b", ssd: "" });
});

test("roles that are not said are every role, and an empty list is none", () => {
  expect(read(["run"]).roles).toBeNull();
  expect(read(["run", "--roles", "lab, build"]).roles).toEqual(["lab", "build"]);
  expect(read(["run", "--roles", ""]).roles).toEqual([]);
});

test("ports are the default range, the owner's, or none", () => {
  expect(read(["run"]).ports).toEqual([[31_000, 32_000]]);
  writeFileSync(join(data, "agent.json"), JSON.stringify({ ports: ["40000-40009", "8080"] }));
  expect(read(["run"]).ports).toEqual([
    [8080, 8080],
    [40_000, 40_009],
  ]);
  expect(read(["run"], { HANSA_AGENT_PORTS: "5000-5001,5002" }).ports).toEqual([[5000, 5002]]);
  expect(read(["run", "--ports", "none"], { HANSA_AGENT_PORTS: "5000" }).ports).toEqual([]);
});

test("what tasks may have fetched is of the web, unless the owner says otherwise", () => {
  expect(read(["run"]).fetch).toEqual({ allowed: { schemes: ["http", "https"], folders: [] }, mostBytes: 2 ** 30 });
  const options = read(["run", "--fetch-from", "https,/srv/data/", "--max-fetch", "2MiB"]);
  expect(options.fetch).toEqual({ allowed: { schemes: ["https"], folders: ["/srv/data"] }, mostBytes: 2 ** 21 });
  expect(read(["run"], { HANSA_AGENT_FETCH_FROM: "none" }).fetch.allowed).toEqual({ schemes: [], folders: [] });
});

test("containers may have no folder of the node, unless the owner says so", () => {
  expect(read(["run"]).volumes).toEqual([]);
  writeFileSync(join(data, "agent.json"), JSON.stringify({ volumes: ["/srv/data:ro", "/scratch"] }));
  expect(read(["run"]).volumes).toEqual([
    { folder: "/srv/data", isReadOnly: true },
    { folder: "/scratch", isReadOnly: false },
  ]);
});

test("the broker may call, unless the owner says no", () => {
  expect(read(["run"]).wake).toBe(true);
  expect(read(["run", "--no-wake"]).wake).toBe(false);
  expect(read(["run"], { HANSA_AGENT_NO_WAKE: "1" }).wake).toBe(false);
});

test.each([
  [["fly"], "no command"],
  [["run", "now"], "too many"],
  [["run", "--speed", "9"], "--speed"],
  [["run", "--fetch-from", "ftp"], "http, https"],
  [["run", "--max-fetch", "0"], "64MiB"],
  [["run", "--volumes", "data"], "/srv/data:ro"],
  [["run", "--url", "ftp://x"], "https://"],
  [["run", "--name", "Node_1"], "lower-case"],
  [["run", "--mem", "lots"], "amount"],
  [["run", "--resource", "licences"], "licences=4"],
  [["run", "--resource", "gpus=1.5"], "whole"],
  [["run", "--resource", "gpus=1025"], "1024 at most"],
  [["run", "--resource", "ports=10"], "--ports 31000-32000"],
  [["run", "--ports", "9-8"], "31000-32000"],
  [["run", "--label", "=x"], "zone=a"],
  [["run", "--drivers", "dockr"], "no such driver"],
])("%j is refused with a sentence that helps", (argv, hint) => {
  expect(() => read(argv)).toThrow(UsageError);
  expect(() => read(argv)).toThrow(hint);
});

test("more names than a cluster takes of a node are refused", () => {
  const many = (flag: string, count: number) => Array.from({ length: count }, (_, i) => [flag, `x${i}=1`]).flat();
  expect(() => read(["run", ...many("--resource", 57)])).toThrow("56 names at most");
  expect(() => read(["run", ...many("--label", 101)])).toThrow("100 at most");
});

test("a config file that was named must be there and mean something", () => {
  expect(() => read(["run", "--config", join(data, "none.json")])).toThrow("none.json");
  writeFileSync(join(data, "agent.json"), '{"cpu": 2}');
  expect(() => read(["run"])).toThrow('no setting "cpu"');
  writeFileSync(join(data, "agent.json"), "cpus: 2");
  expect(() => read(["run"])).toThrow(UsageError);
});

test("a token may be in a file", () => {
  writeFileSync(join(data, "token"), "hns_join_x\n");
  expect(readToken(`file:${join(data, "token")}`)).toBe("hns_join_x");
  expect(readToken("hns_join_x")).toBe("hns_join_x");
  expect(() => readToken("file:/no/such/file")).toThrow(UsageError);
});

test("figures are shown on loopback and nowhere else, and not unless asked", () => {
  expect(read(["run"]).listen).toBeNull();
  expect(read(["run", "--listen", "[::1]:9464"]).listen).toEqual({ host: "::1", port: 9464 });
  writeFileSync(join(data, "agent.json"), JSON.stringify({ listen: "127.0.0.1:9464" }));
  expect(read(["run", "--listen", "none"]).listen).toBeNull();
  expect(() => read(["run", "--listen", "0.0.0.0:9464"])).toThrow(/only on loopback/);
});

test("a deadline is a time, and one that no timer can wait for is refused", () => {
  expect(read(["drain"]).deadlineMs).toBeNull();
  expect(read(["drain", "--deadline", "1h30m"]).deadlineMs).toBe(5_400_000);
  expect(() => read(["drain", "--deadline", "soon"])).toThrow(/write it like/);
  expect(() => read(["drain", "--deadline", "90d"])).toThrow(/at most/);
});

test("an install may name a config file that it is to write; a run needs it to be there", () => {
  const config = join(data, "mine.json");
  expect(read(["install", "--config", config]).configFile).toBe(config);
  expect(() => read(["run", "--config", config])).toThrow(UsageError);
});
