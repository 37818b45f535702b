import { expect, test } from "vitest";
import { regexError } from "./regex.ts";

test("plain patterns are taken", () => {
  for (const regex of ["a+", "(foo|bar)", "[a-z]+\\d{2,}", "rack-(1|2)[*+]", "(?:ab)+c", "a(b)?"]) {
    expect(regexError(regex), regex).toBe(null);
  }
});

test("what is no pattern, or none of RE2's, is not", () => {
  expect(regexError("(")).toContain("Failed to construct regex from pattern '('");
  for (const regex of ["(a)\\1", "a(?=b)", "(?<!a)b"]) expect(regexError(regex), regex).toContain("refers back");
  expect(regexError("a".repeat(501))).toContain("longer than 500");
});

test("what could take exponential time is refused", () => {
  for (const regex of ["(a+)+$", "(a|aa)*b", "((a*)b)+", "(?:a{2,})*"]) {
    expect(regexError(regex), regex).toContain("too complex");
  }
});
