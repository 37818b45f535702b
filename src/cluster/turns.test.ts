/** What a turn looks at, how much it does, and what goes on without it. */
import { beforeEach, describe, expect, test } from "vitest";
import { ToyNodes } from "../../test/support/toyNodes.ts";
import { jobSpecSchema, templateOf } from "../model/job.ts";
import type { Live } from "./state.ts";

let toy: ToyNodes;
beforeEach(() => {
  toy = new ToyNodes();
});

const liveOf = (job: string): Live => {
  const [live] = toy.home.object.inspect().jobs.get(job)?.live.values() ?? [];
  if (!live) throw new Error(`nothing of ${job} runs`);
  return live;
};

describe("a change of which nobody is told", () => {
  beforeEach(() => {
    toy.node("n1", 4);
    toy.grant("some", { resources: { cpus: 1 } });
  });

  test.each<[string, RegExp, () => void]>([
    ["that an attempt is stopped", /how n1 counts/, () => Object.assign(liveOf("some"), { stopping: "drained" })],
    ["that one runs", /live of some|how n1 counts/, () => Map.prototype.delete.call(liveOf("some").job.live, 0)],
    [
      "that a task waits",
      /waits/,
      () => liveOf("some").job.fresh.push({ handout: 2, attemptsUsed: 0, ranges: [[5, 6]] }),
    ],
    ["where it finds no room", /fragmented/, () => Object.assign(liveOf("some").job, { lacksIn: ["default"] })],
  ])("shows in the next turn of a test: %s", (_what, message, change) => {
    toy.home.call("metrics", {});
    change();
    expect(() => toy.home.call("metrics", {})).toThrow(message);
  });
});

test("a turn places a thousand tasks at most, and goes on by an alarm, whoever polls or does not", () => {
  for (const name of ["n1", "n2", "n3"]) toy.node(name, 100);
  const template = templateOf(
    jobSpecSchema.parse({ command: "true", count: 2_500, resources: { cpus: 0.1, mem: "1MiB" } }),
  );
  const supply = [{ from: 0, to: 2_500, handout: 1, attemptsUsed: 0 }];
  const { incarnation, jobs } = toy.home.object.inspect();
  const grant = { job: "many", gen: 1, action: "run", limits: { default: 2_500 }, supply, template };
  toy.home.call("grant", { incarnation: 1, clusterIncarnation: incarnation, grants: [grant] });
  const placed = [jobs.get("many")?.live.size];
  while (toy.home.alarmAt !== null && toy.home.alarmAt <= toy.home.nowMs + 1 && placed.length < 5) {
    toy.home.nowMs = toy.home.alarmAt;
    toy.home.fireAlarm();
    placed.push(jobs.get("many")?.live.size);
  }
  expect(placed).toEqual([1_000, 2_000, 2_500]);
});

test("when its alarm was lost it asks for another time: for the same one the platform would do nothing", () => {
  toy.node("n1", 4);
  toy.grant("some", { resources: { cpus: 1 } });
  toy.pass(25_000);
  toy.silence("n1");
  toy.pass(1_000);
  const lostAt = toy.home.alarmAt ?? 0;
  toy.home.nowMs = lostAt + 60_000;
  toy.home.call("metrics", {});
  expect(toy.home.alarmAt).toBeGreaterThan(toy.home.nowMs);
  toy.pass(120_000);
  expect(Object.keys(toy.report("some")?.returned ?? {})).toEqual(["0"]);
});
