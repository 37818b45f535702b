import { expect, test } from "vitest";
import { parseAsked, UsageError } from "./arguments.ts";
import { quotasOf } from "./quotas.ts";
import { redrawn } from "./redraw.ts";
import { parseTrace, TraceError } from "./trace.ts";

const HEAD = "vc,arrival_s,gpus,duration_s_est";
const trace = (...rows: string[]) => parseTrace([HEAD, ...rows, ""].join("\n"));

test("jobs are read in order of arrival, whatever the order of rows, columns and line ends", () => {
  const jobs = parseTrace("gpus,vc,duration_s_est,arrival_s\r\n2,b,30,5\r\n1,a,1.5,4\r\n");
  expect(jobs).toEqual([
    { id: 0, owner: "a", size: 1, queuedAtMs: 4000, durationMs: 1500 },
    { id: 1, owner: "b", size: 2, queuedAtMs: 5000, durationMs: 30_000 },
  ]);
});

test.each([
  ["no column gpus", () => parseTrace("vc,arrival_s,duration_s_est\na,1,1")],
  ["line 3: gpus", () => trace("a,0,1,1", "a,0,0,1")],
  ["line 2: duration_s_est", () => trace("a,0,1")],
  ["no jobs", () => trace()],
])("a trace that cannot be read is refused: %s", (reason, read) => {
  expect(read).toThrow(TraceError);
  expect(read).toThrow(reason);
});

test("an owner brings room for its largest job and its part of the work; the first gets what rounding left", () => {
  const jobs = trace("a,0,4,10", "b,0,1,50", "b,0,1,60");
  // left: 10 − 5; work 40 and 110 of 150, so 1 and 3, and 1 over
  expect(quotasOf(jobs, 10)).toEqual(
    new Map([
      ["a", 4 + 1 + 1],
      ["b", 1 + 3],
    ]),
  );
  expect(() => quotasOf(jobs, 4)).toThrow("5 GPUs at least");
});

test("a redraw deals each owner the durations it had, the same for the same seed", () => {
  const rows = Array.from({ length: 40 }, (_, i) => `${i % 2 ? "a" : "b"},${i},1,${i}`);
  const jobs = trace(...rows);
  const other = redrawn(jobs, 7);
  expect(other).not.toEqual(jobs);
  expect(redrawn(jobs, 7)).toEqual(other);
  const durations = (of: typeof jobs) =>
    of
      .filter(({ owner }) => owner === "a")
      .map(({ durationMs }) => durationMs)
      .sort((x, y) => x - y);
  expect(durations(other)).toEqual(durations(jobs));
});

test.each([
  ["--jobs is missing", ["--gpus", "8"]],
  ["--gpus is missing", ["--jobs", "x"]],
  ['not "8x"', ["--jobs", "x", "--gpus", "8x"]],
  ["Unknown option", ["--jobs", "x", "--gpus", "8", "--fast"]],
])("what is asked wrongly is refused: %s", (reason, words) => {
  expect(() => parseAsked(words)).toThrow(UsageError);
  expect(() => parseAsked(words)).toThrow(reason);
});
