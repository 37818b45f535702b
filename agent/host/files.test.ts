import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hansa-files-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** In a process that may write so many blocks of 512 bytes to a file: the write that reaches the limit is a short one. */
function within(blocks: number, file: string, call: string): string {
  const script = `import(${JSON.stringify(join(import.meta.dirname, file))}).then((it) => it.${call})`;
  const limited = `trap '' XFSZ; ulimit -f ${blocks}; exec "$@"`;
  return spawnSync("sh", ["-c", limited, "-", process.execPath, "-e", script], { encoding: "utf8" }).stderr;
}

test("a file that there is no room for stays as it was", () => {
  const path = join(root, "kept");
  writeFileSync(path, "old");
  expect(within(1, "files.ts", `writeDurably(${JSON.stringify(path)}, "n".repeat(600))`)).toContain("EFBIG");
  expect(readFileSync(path, "utf8")).toBe("old");
});

test("a lock that there is no room for is not taken, and leaves nothing", () => {
  const path = join(root, "lock");
  expect(within(0, "journal/lock.ts", `takeLock(${JSON.stringify(path)}, "boot")`)).toContain("EFBIG");
  expect(readdirSync(root)).toEqual([]);
});
