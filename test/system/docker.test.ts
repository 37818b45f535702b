/** Jobs that run as containers of a real daemon: output, ends, stops, a killed agent, and nothing left behind. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cancelJob } from "../../cli/api/endpoints.ts";
import { IMAGE, Podman } from "../support/podman.ts";
import { hansaOf, saysOf } from "./hansa.ts";
import { League } from "./league.ts";
import { until } from "./processes.ts";

let podman: Podman;
let league: League;

beforeAll(async () => {
  podman = await Podman.start();
  league = await League.start(["north", "south"]);
  league.addAgent("north", "n1", { cpus: 2, words: ["--docker-host", podman.host] });
  league.addAgent("south", "n1", { words: ["--docker-host", join(league.root, "none.sock")] });
  await league.allUp();
}, 300_000);

afterAll(async () => {
  await league?.end();
  await podman?.end();
}, 60_000);

const agent = () => {
  const [first] = league.agents;
  if (!first) throw new Error("no agent");
  return first;
};
const docker = { driver: "docker", image: IMAGE } as const;
const nothingLeft = () => until("no container is left", () => podman.containers().length === 0);

test("hansa run --image runs a command there, and only where there is a daemon", async () => {
  const said = await saysOf(league, ["run", "--image", IMAGE, "--", 'ls /bin/busybox; echo "$HANSA_CLUSTER"']);
  expect(said).toContain("/bin/busybox");
  expect(said).toContain("north");
  await nothingLeft();
}, 40_000);

test("a job file says driver and image; each task has its item, its exit code and its two streams", async () => {
  const path = join(league.root, "job.yaml");
  const command = 'echo "item $HANSA_ITEM"; echo "not $HANSA_ITEM" >&2; exit $HANSA_ITEM';
  writeFileSync(path, `driver: docker\nimage: ${IMAGE}\neach: ["0", "7"]\ncommand: ${JSON.stringify(command)}\n`);
  const { code } = await hansaOf(league, ["submit", "--watch", path]);
  expect(code).toBe(1);
  const { stdout: list } = await hansaOf(league, ["ps", "--json"]);
  const id = JSON.parse(list).find(({ state }: { state: string }) => state === "failed").id;
  const tasks = await league.tasks(id);
  expect(tasks.map(({ attempts }) => attempts)).toMatchObject([
    [{ state: "succeeded", code: 0 }],
    [{ state: "failed", code: 7, reason: "exit" }],
  ]);
  expect(await league.output(id, 1)).toBe("item 7\n");
  expect(await league.output(id, 1, "stderr")).toBe("not 7\n");
  await nothingLeft();
}, 40_000);

test("a cancelled job's container gets TERM, and is gone", async () => {
  const command = "trap 'echo told; exit 0' TERM; echo up; while :; do sleep 0.05; done";
  const { id } = await league.submit({ ...docker, command });
  await until("it runs", async () => (await league.task(id)).state === "running" && (await output(id)) === "up\n");
  await cancelJob(league.client, id);
  expect(await league.ended(id)).toMatchObject({ state: "cancelled" });
  expect(await league.output(id)).toBe("up\ntold\n");
  await nothingLeft();
}, 40_000);

test("more memory than it asked for ends it, and that is said", async () => {
  const command = "exec dd if=/dev/zero of=/dev/null bs=200M count=1";
  const { id } = await league.run({ ...docker, command, resources: { mem: "32MiB" } });
  expect((await league.task(id)).attempts).toMatchObject([{ state: "failed", reason: "out-of-memory" }]);
}, 40_000);

test("an image that can't be had fails the task with the registry's words", async () => {
  const { id } = await league.run({ ...docker, image: "127.0.0.1:9/nothing:1", command: "true" });
  const [attempt] = (await league.task(id)).attempts;
  expect(attempt?.message).toMatch(/127\.0\.0\.1:9\/nothing:1 can't be pulled: .*refused/);
}, 40_000);

test("a container outlives its agent: the next one tells its end and all of its output, once", async () => {
  const command = "seq 1 500; until [ -e go ]; do sleep 0.05; done; echo after; exit 7";
  const { id } = await league.submit({ ...docker, command });
  await until("it runs", async () => (await output(id)).endsWith("500\n"));
  await agent().kill();
  const [name] = podman.containers();
  expect(name).toBeDefined();
  agent().start();
  await until("the agent is back", async () => /session 2/.test(agent().log));
  expect(podman.containers()).toEqual([name]);
  const tasks = join(agent().data, "tasks");
  const folder = readdirSync(tasks).find((each) => each.startsWith(`${id}.0@`)) ?? "";
  writeFileSync(join(tasks, folder, "work", "go"), "");
  expect(await league.ended(id)).toMatchObject({ state: "failed" });
  expect((await league.task(id)).attempts).toMatchObject([{ state: "failed", code: 7 }]);
  const numbers = Array.from({ length: 500 }, (_, i) => i + 1).join("\n");
  expect(await league.output(id)).toBe(`${numbers}\nafter\n`);
  await nothingLeft();
}, 60_000);

/** What is there of it, without waiting for its end. */
async function output(id: string): Promise<string> {
  const response = await league.client.send("GET", `/v1/tasks/${id}.0/logs`, {
    query: { stream: "stdout" },
    headers: { accept: "application/octet-stream" },
  });
  return response.text();
}
