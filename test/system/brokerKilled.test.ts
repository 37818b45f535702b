/** kill -9 of the broker in the middle of a job, and a new start on the same data. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { getJob } from "../../cli/api/endpoints.ts";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { until } from "./processes.ts";

const TASKS = 200;

let league: League;

beforeAll(async () => {
  league = await League.start(["north", "south"]);
  for (const cluster of ["north", "south"]) for (const node of ["n1", "n2"]) league.addAgent(cluster, node);
  await league.allUp();
}, 30_000);

afterAll(() => league?.end(), 30_000);

test("every task of a job of 200 finishes exactly once, though the broker was killed twice on the way", async () => {
  const marks = new Marks(league.marks, "once");
  const { id } = await league.submit({ command: `${marks.leave}; sleep 0.4`, count: TASKS });
  for (const share of [0.2, 0.6]) {
    await until(`${share} of the job is done`, async () => {
      const { counts } = await getJob(league.client, id);
      return counts.succeeded >= TASKS * share;
    });
    await league.broker.kill();
    await league.broker.start();
  }
  expect(await league.ended(id)).toMatchObject({ state: "succeeded", counts: { succeeded: TASKS, failed: 0 } });

  const tasks = await league.tasks(id);
  expect(tasks.map(({ index }) => index)).toEqual(Array.from({ length: TASKS }, (_, index) => index));
  for (const task of tasks) {
    expect(task.state).toBe("succeeded");
    const runs = marks.of(task.index);
    expect(runs, `marks of task ${task.index}`).toHaveLength(1);
    expect(task.attempts.filter(({ state }) => state === "succeeded")).toMatchObject([{ epoch: runs[0]?.epoch }]);
  }
}, 90_000);
