import { expect, it } from "vitest";
import { terminalOf } from "./terminal.ts";

function screen(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string | Uint8Array) => {
    written.push(String(text));
    return true;
  };
  return { out: { isTTY, columns: 20, write }, written };
}

it("a live line is taken away for a line of output and put back below it", () => {
  const { out, written } = screen(true);
  const terminal = terminalOf(out, out, {});
  terminal.live("1 of 2");
  terminal.out("hi");
  terminal.live("");
  expect(written).toEqual(["1 of 2", "\r\x1b[K", "hi\n", "1 of 2", "\r\x1b[K"]);
});

it("a live line never wraps", () => {
  const { out, written } = screen(true);
  terminalOf(out, out, {}).live("x".repeat(50));
  expect(written).toEqual(["x".repeat(19)]);
});

it("without a terminal there is neither a live line nor colour", () => {
  const { out, written } = screen(false);
  const terminal = terminalOf(out, out, {});
  terminal.live("1 of 2");
  terminal.out(terminal.paint("red", "failed"));
  expect(written).toEqual(["failed\n"]);
});

it("NO_COLOR takes the colour from a terminal", () => {
  const { out } = screen(true);
  expect(terminalOf(out, out, {}).paint("red", "x")).not.toBe("x");
  expect(terminalOf(out, out, { NO_COLOR: "1" }).paint("red", "x")).toBe("x");
});
