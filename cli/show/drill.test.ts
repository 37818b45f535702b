import { expect, test } from "vitest";
import type { DrillView } from "../../src/model/drillView.ts";
import { drillOf, NOW, previewOf, taskOf } from "./drill.fixture.ts";
import { drillProgress, isBad, previewLines, reportLines } from "./drill.ts";

test("before it begins: what stops, what may, what goes on, what is handed out again", () => {
  expect(previewLines(previewOf())).toEqual([
    "a drill cuts the 2 nodes of north off for 5m, as if the uplink of its site were cut",
    "  will be stopped at its deadline, and tried again: k3v1.0 on n1",
    "  handed out again while it lasts: k3v1.0",
  ]);
  const many = previewOf({
    nodes: { cut: 12, silent: 1 },
    massHoldMs: 300_000,
    counts: { live: 402, stops: 400, mayStop: 1, goesOn: 1, again: 0 },
    tasks: [
      ...Array.from({ length: 9 }, (_, i) => ({
        task: `k3v1.${i}`,
        node: "n1",
        framework: null,
        fate: "stops" as const,
        again: false,
      })),
      { task: "m.0", node: "n2", framework: null, fate: "may-stop", again: false },
      { task: "f.0", node: "n3", framework: "marathon", fate: "goes-on", again: false },
    ],
  });
  expect(previewLines(many).slice(1)).toEqual([
    "  1 node of it is silent already",
    expect.stringMatching(/^ {2}will be stopped at their deadlines, .* k3v1.7 on n1 and 392 more$/),
    "  may be stopped, if nodes come back late: m.0 on n2",
    "  goes on: 1",
    "  so many nodes fall silent together that what ran there waits 5m longer before it is handed out again",
    "  1 of them is of frameworks, which are told and decide for themselves",
  ]);
});

test("of an empty cluster it says that nothing runs there", () => {
  const counts = { live: 0, stops: 0, mayStop: 0, goesOn: 0, again: 0 };
  expect(previewLines(previewOf({ counts, tasks: [] })).at(-1)).toBe("  nothing runs there");
});

test("while it lasts: how long it still does, who is silent, what runs again", () => {
  const on = drillOf({
    state: "on",
    nodes: { cut: 2, silent: 1, back: 0, missing: [] },
    counts: { givenUp: 1, again: 1 },
    again: { south: 1 },
  }).drill as DrillView;
  expect(drillProgress(on, NOW + 18_000)).toBe(
    "cut off for 42s more, 1 of 2 nodes taken for silent; 1 of 2 tasks stopped or given up; 1 runs again (south 1)",
  );
  expect(drillProgress({ ...on, state: "settling" }, NOW + 61_000)).toBe(
    "the cut is over, 0 of 2 nodes back; 1 of 2 tasks stopped or given up; 1 runs again (south 1)",
  );
});

test("its report names what did not go on, and says that nothing was doubled, lost or late", () => {
  const view = drillOf({
    counts: { live: 3, followed: 3, stopped: 1, givenUp: 1, wentOn: 1, again: 1, waiting: 1 },
    again: { south: 1 },
    tasks: [
      taskOf({ task: "k3v1.1", became: "given-up", now: "waits", place: null, again: false, waits: "space" }),
      taskOf(),
      taskOf({ task: "k3v1.2", became: "went-on", place: "north/n1", again: false }),
    ],
  });
  expect(reportLines(view, null)).toEqual([
    "north was cut off for 1m; 2 of 2 nodes came back",
    "TASK    WAS ON  ITS ATTEMPT              ITS TASK",
    "k3v1.1  n1      given up                 waits: space",
    "k3v1.0  n1      stopped at its deadline  runs again on south/s1",
    "3 tasks: 1 went on, 1 stopped at its deadline, 1 given up",
    "run again: south 1",
    "wait for a place: 1",
    "doubled: nothing",
    "lost: nothing",
    "late: nothing",
  ]);
  expect(isBad(view.drill as DrillView)).toBe(false);
});

test("what must not be is told by name", () => {
  const view = drillOf({
    nodes: { cut: 2, silent: 0, back: 1, missing: ["n2"] },
    counts: { live: 9, followed: 2, stopped: 2, doubled: 2, lost: 1, late: 2 },
    doubled: [
      { task: "k3v1.0", node: "n1", byMs: 12_400 },
      { task: "k3v1.1", node: "n1", byMs: null },
    ],
    lost: ["k3v1.4"],
    late: [
      { task: "k3v1.0", node: "n1", what: "outlived", byMs: 12_400 },
      { task: "k3v1.1", node: "n1", what: "given-up", byMs: 20_000 },
    ],
  });
  const lines = reportLines(view, null);
  expect(lines[0]).toBe("north was cut off for 1m; 1 of 2 nodes came back, not: n2");
  expect(lines.slice(1)).toEqual([
    "2 of 9 tasks: 0 went on, 2 stopped at their deadlines",
    "doubled: k3v1.0 (on n1, lived on for 12s or more), k3v1.1 (on n1, which still had it)",
    "lost: k3v1.4",
    "late: k3v1.0 (on n1, past its deadline by 12s), k3v1.1 (given up by 20s)",
  ]);
  expect(isBad(view.drill as DrillView)).toBe(true);
});
