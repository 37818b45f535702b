/** kill -9 of an agent that comes back: its tasks are taken up again, whatever happened to them meanwhile. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { League } from "./league.ts";
import { Marks } from "./marks.ts";
import { lives, until } from "./processes.ts";

let league: League;

beforeAll(async () => {
  league = await League.start(["north"]);
  league.addAgent("north", "n1");
  await league.allUp();
}, 30_000);

afterAll(() => league?.end(), 30_000);

const agent = () => {
  const [first] = league.agents;
  if (!first) throw new Error("no agent");
  return first;
};

test("what runs is re-adopted: the same process goes on, and its exit code and whole output arrive", async () => {
  const marks = new Marks(league.marks, "adopted");
  const { id } = await league.submit({ command: `echo before; ${marks.beat}; echo after; exit 7`, count: 2 });
  await until("both run", () => marks.of(0).length > 0 && marks.of(1).length > 0);
  const pid = marks.of(0)[0]?.pid ?? 0;
  await agent().kill();
  expect(lives(pid)).toBe(true);
  agent().start();
  const restartedAt = marks.of(0).length;
  await until("they go on", () => marks.of(0).length > restartedAt + 5);
  marks.letEnd();
  expect(await league.ended(id)).toMatchObject({ state: "failed", counts: { failed: 2 } });
  for (const task of await league.tasks(id)) {
    expect(marks.lives(task.index)).toHaveLength(1);
    expect(task.attempts).toMatchObject([{ epoch: marks.of(task.index)[0]?.epoch, state: "failed", code: 7 }]);
    expect(await league.output(id, task.index)).toBe("before\nafter\n");
  }
}, 30_000);

test("what ended while the agent was dead is told when it is back", async () => {
  const marks = new Marks(league.marks, "meanwhile");
  const { id } = await league.submit({ command: `${marks.beat}; echo over; exit 3` });
  await until("it runs", () => marks.of(0).length > 0);
  const pid = marks.of(0)[0]?.pid ?? 0;
  await agent().kill();
  marks.letEnd();
  await until("it is over", () => !lives(pid));
  agent().start();
  expect(await league.ended(id)).toMatchObject({ state: "failed" });
  expect((await league.task(id)).attempts).toMatchObject([{ state: "failed", code: 3, reason: "exit" }]);
  expect(await league.output(id)).toBe("over\n");
}, 30_000);

test("an agent killed again and again runs each task of a job exactly once", async () => {
  const marks = new Marks(league.marks, "again");
  const { id } = await league.submit({ command: `${marks.leave}; echo $HANSA_INDEX; sleep 0.3`, count: 60 });
  for (let round = 1; round <= 4; round++) {
    const done = round * 10;
    await until("some are done", () => Array.from({ length: 60 }, (_, i) => marks.of(i)).flat().length >= done);
    await agent().kill();
    agent().start();
  }
  expect(await league.ended(id)).toMatchObject({ state: "succeeded", counts: { succeeded: 60 } });
  for (let index = 0; index < 60; index++) {
    expect(marks.of(index), `marks of task ${index}`).toHaveLength(1);
    expect(await league.output(id, index)).toBe(`${index}\n`);
  }
}, 60_000);
