import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Lock, missingPackages } from "./lockEntries.ts";

const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as Lock;

test("the lock file has the packages of every platform, or npm ci refuses it (node scripts/lock.ts adds them)", () => {
  expect(Object.keys(missingPackages(lock))).toEqual([]);
});

test("the lock file names no addresses", () => {
  expect(Object.values(lock.packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
});

test("a package that is missing is found out, with its platform", () => {
  const packages = { "node_modules/tool": { optionalDependencies: { "@tool/linux-x64-musl": "1.0.0" } } };
  expect(missingPackages({ packages })).toEqual({
    "node_modules/@tool/linux-x64-musl": {
      version: "1.0.0",
      cpu: ["x64"],
      os: ["linux"],
      libc: ["musl"],
      optional: true,
    },
  });
  expect(missingPackages({ packages: { ...packages, "node_modules/@tool/linux-x64-musl": {} } })).toEqual({});
});
