import { expect, it } from "vitest";
import { type Column, table } from "./table.ts";

interface Row {
  name: string;
  n: number;
}
const layout: Column<Row>[] = [
  { title: "NAME", cell: ({ name }) => name },
  { title: "N", cell: ({ n }) => String(n), align: "right" },
  { title: "NOTE", cell: ({ name }) => `about ${name}` },
];

it("columns are as wide as their widest cell and numbers stand right", () => {
  const lines = table(
    [
      { name: "north", n: 5 },
      { name: "s", n: 1200 },
    ],
    layout,
    null,
  );
  expect(lines).toEqual(["NAME      N  NOTE", "north     5  about north", "s      1200  about s"]);
});

it("a line is cut to the terminal", () => {
  expect(table([{ name: "north", n: 5 }], layout, 12)[1]).toBe("north  5  a…");
});

it("what a cell holds can't move the cursor or break the line", () => {
  expect(table([{ name: "a\n\u001b[2Jb", n: 1 }], layout, null)[1]).toBe("a [2Jb  1  about a [2Jb");
});
