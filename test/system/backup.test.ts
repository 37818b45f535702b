/** `hansa backup` while the broker serves, and `hansa restore` into a new folder. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Client } from "../../cli/api/client.ts";
import { createToken, getJob, listJobs, listNodes, listTokens, submitJob } from "../../cli/api/endpoints.ts";
import { rootToken } from "../../src/model/token.ts";
import { BrokerProcess } from "./broker.ts";
import { LEAGUE, League } from "./league.ts";
import { Marks } from "./marks.ts";
import { cleanEnvironment, until } from "./processes.ts";

const run = promisify(execFile);

let league: League;

beforeAll(async () => {
  league = await League.start(["north"]);
  league.addAgent("north", "n1");
  await league.allUp();
}, 30_000);

afterAll(() => league?.end(), 30_000);

const hansa = (...words: string[]) => run(process.execPath, ["dist/hansa.mjs", ...words], { env: cleanEnvironment() });

/** Incarnations of all objects of one class, as their rows say. */
function incarnations(broker: BrokerProcess, kind: "broker" | "cluster"): number[] {
  const folder = join(broker.data, "objects", `hansa-${kind}`);
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite")
    .map((name) => {
      const database = new DatabaseSync(join(folder, name), { readOnly: true });
      const row = database.prepare("SELECT incarnation FROM self").get();
      database.close();
      return Number(row?.incarnation);
    });
}

test("a broker restored from a backup knows its jobs, tokens and outputs, is a new incarnation, and its nodes work on", async () => {
  const done = await league.run({ command: "echo kept" });
  const { id: token } = await createToken(league.client, { scope: "member", role: "lab", note: "kept too" });
  const marks = new Marks(league.marks, "through");
  const disconnect = { stopAfter: "30s" };
  const { id: running } = await league.submit({ command: `${marks.beat}; echo through`, disconnect });
  await until("it runs", () => marks.of(0).length > 0);
  await until("the Broker knows", async () => (await getJob(league.client, running)).counts.live === 1);

  const file = join(league.root, "backup.tar");
  await hansa("backup", "--data", league.broker.data, "--to", file);
  const later = await league.run({ command: "echo after the backup" });
  const before = [...incarnations(league.broker, "broker"), ...incarnations(league.broker, "cluster")];
  const moved = new BrokerProcess(league.root, league.broker.port, "restored");
  await hansa("restore", "--data", moved.data, "--from", file);
  await league.broker.stop();
  await moved.start();
  const client = new Client({ url: moved.url, token: await rootToken(moved.secret, LEAGUE) });

  const ids = (await listJobs(client, { limit: 100 })).items.map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining([done.id, running]));
  expect(ids).not.toContain(later.id);
  expect((await listTokens(client)).map(({ id }) => id)).toContain(token);
  expect(await league.output(done.id)).toBe("kept\n");

  await until("the node is back", async () => (await listNodes(client, "north")).some(({ state }) => state === "up"));
  const after = [...incarnations(moved, "broker"), ...incarnations(moved, "cluster")];
  expect(Math.min(...after)).toBeGreaterThan(Math.max(...before));

  // What the backup does not know of may run still: nothing of it is started before that must be over.
  const soon = { copies: "at-least-one", disconnect: { stopAfter: "30s", lostAfter: "10s" } } as const;
  const next = await submitJob(client, { command: "true", ...soon }, crypto.randomUUID());
  await until("it waits", async () => (await getJob(client, next.id)).waits?.reason === "holding");
  expect(await league.ended(next.id)).toMatchObject({ state: "succeeded" });
  marks.letEnd();
  expect(await league.ended(running)).toMatchObject({ state: "succeeded" });
  expect(marks.lives(0)).toHaveLength(1);
  expect(await league.output(running)).toBe("through\n");
}, 120_000);
