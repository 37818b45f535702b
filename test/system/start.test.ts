/** `npm start`: a whole league on this machine by one command, and nothing of it left by Ctrl-C. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { Checkout, type Command } from "./checkout.ts";
import { commandOf, endAllOf, processesOf, until } from "./processes.ts";

const URL_SAID = /a league runs at (http:\/\/127\.0\.0\.1:(\d+))/;
const contextSchema = z.object({ url: z.string(), token: z.string() });

let checkout: Checkout;
let busy: Server;
let busyPort: number;

beforeAll(async () => {
  checkout = new Checkout();
  busy = createServer();
  await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
  const address = busy.address();
  busyPort = typeof address === "object" && address !== null ? address.port : 0;
}, 30_000);

afterAll(async () => {
  busy.close();
  await checkout.remove();
}, 30_000);

/** The next test begins with nothing running, also when one has failed. */
afterEach(() => endAllOf(checkout.root), 30_000);

const start = (...words: string[]): Command => checkout.npm("start", "--", ...words);
const left = (): string[] => processesOf(checkout.root).map((pid) => `${pid} ${commandOf(pid)}`);
const contextOf = (folder = ".hansa") =>
  contextSchema.parse(JSON.parse(readFileSync(join(checkout.root, folder, "context.json"), "utf8")));

async function endedByCtrlC(league: Command): Promise<void> {
  league.interrupt();
  await league.ended();
  await until("no process is left", () => left().length === 0, 15_000);
}

test("it says where it is, where the token is and what to type next; that works; Ctrl-C leaves no process behind", async () => {
  const league = start("--listen", `127.0.0.1:${busyPort}`);
  const [, url = "", port] = await league.says(URL_SAID);
  expect(Number(port)).toBeGreaterThan(busyPort);
  await league.says(/\.hansa\/context\.json/);
  expect(contextOf().url).toBe(url);
  const [, next = ""] = await league.says(/^ +(npm run -s hansa -- run --count 4 -- .*)$/m);

  const words = next.match(/'[^']*'|\S+/g)?.map((word) => word.replaceAll("'", "")) ?? [];
  const hello = checkout.npm(...words.slice(1));
  expect(await hello.ended()).toBe(0);
  expect(hello.output.match(/hi from n\d/g)).toHaveLength(4);

  const second = start("--listen", "127.0.0.1:0");
  expect(await second.ended()).not.toBe(0);
  expect(second.output).toContain(url);

  expect(left().length).toBeGreaterThan(6);
  await endedByCtrlC(league);
}, 60_000);

test("the data is kept for the next start; Ctrl-C also ends a task that does not listen to TERM", async () => {
  const league = start("--listen", "127.0.0.1:0");
  await league.says(URL_SAID);
  const jobs = checkout.npm("run", "-s", "hansa", "--", "ps", "--json");
  expect(await jobs.ended()).toBe(0);
  expect(jobs.output).toContain("echo hi from $HANSA_NODE");
  const nodes = checkout.npm("run", "-s", "hansa", "--", "nodes", "--json");
  expect(await nodes.ended()).toBe(0);
  expect(nodes.output.match(/"name": "n\d"/g)).toEqual(Array.from({ length: 4 }, () => expect.anything()));

  const mark = join(checkout.marks, "deaf");
  const deaf = `trap '' TERM; echo >${mark}; while :; do sleep 1; done`;
  const job = checkout.npm("run", "-s", "hansa", "--", "run", "--", deaf);
  await until("the task runs", () => existsSync(mark));
  league.interrupt();
  await league.ended();
  job.interrupt();
  await until("no process is left", () => left().length === 0, 15_000);
}, 60_000);

test("npm start -- --demo checksums a tree over both clusters, says what it found, ends everything and exits 0", async () => {
  const demo = start("--demo", "--data", "demo", "--listen", "127.0.0.1:0");
  expect(await demo.ended()).toBe(0);
  expect(demo.output.match(/^\w{10}\.\d+ /gm)?.length).toBeGreaterThanOrEqual(40);
  for (const cluster of ["north/", "south/"]) expect(demo.output).toContain(cluster);
  expect(demo.output).toMatch(/(\d+) of \1 checksums equal/);
  expect(left()).toEqual([]);
}, 60_000);

test("npm run deploy -- --dry-run passes", async () => {
  const deploy = checkout.npm("run", "deploy", "--", "--dry-run");
  const code = await deploy.ended();
  expect(deploy.output).toContain("--dry-run");
  expect(code).toBe(0);
}, 60_000);
