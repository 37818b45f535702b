import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Drain, type DrainNews } from "./drain.ts";

let left: number;
let changed: (() => void) | null;
let did: string[];
let told: DrainNews[];
let drain: Drain;
beforeEach(() => {
  vi.useFakeTimers();
  left = 2;
  changed = null;
  did = [];
  told = [];
  drain = new Drain({
    begin: () => did.push("begin"),
    left: () => left,
    watch: (tell) => {
      changed = tell;
      return () => {
        changed = null;
      };
    },
    leave: async () => void did.push("leave"),
  });
});
afterEach(() => vi.useRealTimers());

const leaves = (count: number) => {
  left = count;
  changed?.();
};
const tell = (news: DrainNews) => told.push(news);

test("waits until the last has ended, however long, and then leaves once", () => {
  drain.start(null, tell);
  expect(did).toEqual(["begin"]);
  vi.advanceTimersByTime(86_400_000);
  leaves(2);
  leaves(1);
  expect(did).toEqual(["begin"]);
  leaves(0);
  leaves(0);
  expect(did).toEqual(["begin", "leave"]);
  expect(told).toEqual([{ left: 2 }, { left: 2 }, { left: 1 }, { left: 0, over: "empty" }]);
});

test("leaves at its deadline with what still runs, and says how many", () => {
  drain.start(60_000, tell);
  vi.advanceTimersByTime(59_999);
  expect(did).toEqual(["begin"]);
  vi.advanceTimersByTime(1);
  expect(did).toEqual(["begin", "leave"]);
  expect(told.at(-1)).toEqual({ left: 2, over: "deadline" });
});

test("the newest deadline holds, and both who asked are told", () => {
  const second: DrainNews[] = [];
  drain.start(1000, tell);
  drain.start(60_000, (news) => second.push(news));
  vi.advanceTimersByTime(59_999);
  expect(did).toEqual(["begin"]);
  vi.advanceTimersByTime(1);
  expect(did).toEqual(["begin", "leave"]);
  expect(told.at(-1)).toEqual(second.at(-1));
});

test("who no longer listens is not told, and the draining goes on", () => {
  const end = drain.start(null, tell);
  end();
  const heard = told.length;
  leaves(0);
  expect(told.length).toBe(heard);
  expect(did).toEqual(["begin", "leave"]);
});

test("an empty node leaves at once", () => {
  left = 0;
  drain.start(null, tell);
  expect(did).toEqual(["begin", "leave"]);
});
