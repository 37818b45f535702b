import { expect, test } from "vitest";
import { installLine } from "./token.ts";

test("a machine becomes a node by one line, whatever way the broker's address was written", () => {
  const line = "curl -fsSL https://hansa.example.org/install | sh -s -- --token hns_join_a_b_c";
  expect(installLine("https://hansa.example.org", "hns_join_a_b_c")).toBe(line);
  expect(installLine("https://hansa.example.org/", "hns_join_a_b_c")).toBe(line);
});
