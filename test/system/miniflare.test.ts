/** The bundle that is deployed and served, as it is, in Miniflare. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Client } from "../../cli/api/client.ts";
import { createCluster, createToken, getJob, submitJob } from "../../cli/api/endpoints.ts";
import { rootToken } from "../../src/model/token.ts";
import { type RunningWorker, runWorker, SECRET } from "../support/miniflare.ts";
import { HandMadeAgent, succeeded } from "./handMadeAgent.ts";

let worker: RunningWorker;
let client: Client;

beforeAll(async () => {
  worker = await runWorker(readFileSync("dist/worker/index.js", "utf8"));
  client = new Client({ url: worker.url, token: await rootToken(SECRET, "lab") });
}, 30_000);

afterAll(() => worker?.dispose());

test("it is healthy", async () => {
  expect((await fetch(`${worker.url}/healthz`)).status).toBe(200);
});

test("a job goes all its way, by an agent made by hand", async () => {
  await createCluster(client, "north", {});
  const { token } = await createToken(client, { scope: "join", cluster: "north", uses: 1, expiresIn: "1h" });
  const agent = await HandMadeAgent.join(worker.url, token, "n1");
  await agent.introduce();
  const held = agent.poll({}, 10);
  const { id } = await submitJob(client, { command: "true", count: 2 }, "one");
  const { assignments } = await held;
  expect(assignments.map(({ task }) => task).sort()).toEqual([`${id}.0`, `${id}.1`]);
  const updates = assignments.map(succeeded);
  expect((await agent.poll({ updates })).acked.sort()).toEqual(updates.map(({ uuid }) => uuid).sort());
  expect(await getJob(client, id, 10)).toMatchObject({ state: "succeeded", counts: { succeeded: 2 } });
});
