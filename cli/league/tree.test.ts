import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { demoTree } from "./tree.ts";

it("the demo has at least forty real files, always the same", () => {
  const tree = demoTree(false);
  expect(tree.files.length).toBeGreaterThanOrEqual(40);
  expect(tree.files.every((file) => statSync(join(tree.root, file)).isFile())).toBe(true);
  expect(demoTree(false).files).toEqual(tree.files);
});

it("another user can read every file, in place or in a copy that goes away", () => {
  const tree = demoTree(true);
  const [file = ""] = tree.files;
  expect(statSync(join(tree.root, file)).mode & 0o004).toBe(0o004);
  expect(readFileSync(join(tree.root, file))).toEqual(readFileSync(join(demoTree(false).root, file)));
  tree.remove();
});
