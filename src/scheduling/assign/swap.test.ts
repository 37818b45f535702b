import { expect, test } from "vitest";
import { columnsOf } from "./columns.ts";
import { add, emptyWhole } from "./integers.ts";
import { exchange } from "./swap.ts";

test("a unit that makes way for one of its own class is not placed a second time", () => {
  const better = { partition: 0, value: 9, rows: [] };
  const worse = { partition: 0, value: 1, rows: [] };
  const elsewhere = { partition: 1, value: 0.5, rows: [] };
  const columns = columnsOf({
    resources: 1,
    partitions: [
      { key: "a", capacity: [2] },
      { key: "b", capacity: [9] },
    ],
    rows: [],
    classes: [
      { key: "c", demand: [1], count: 2, on: [better, worse, elsewhere] },
      { key: "d", demand: [1], count: 1, on: [{ ...worse, value: 0.1 }] },
    ],
  });
  const whole = emptyWhole(columns);
  add(columns, whole, 1, 1);
  add(columns, whole, 3, 1);
  exchange(columns, whole, columns.value.slice());
  expect([...whole.units]).toEqual([2, 0, 0, 0]);
  expect([...whole.left]).toEqual([0, 1]);
});
