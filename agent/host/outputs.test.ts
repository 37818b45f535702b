import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Outputs } from "./outputs.ts";
import { measure } from "./process/output.ts";

const KEY = "abcd.0@1";
const LIMIT = 100;
const SECRET = "hunter2-hunter3";

let tasks: string;
let outputs: Outputs;
const path = () => join(tasks, KEY, "stdout");
const text = () => readFileSync(path(), "utf8");
const exit = async () => ({
  ...{ code: 0, signal: null, stderr: { size: 0, crc32: 0, dropped: 0 } },
  stdout: await measure(path()),
});

beforeEach(() => {
  tasks = mkdtempSync(join(tmpdir(), "hansa-outputs-"));
  mkdirSync(join(tasks, KEY));
  writeFileSync(path(), "");
  outputs = new Outputs(tasks, LIMIT);
  outputs.add(KEY, { DB_PASSWORD: SECRET });
});
afterEach(() => rmSync(tasks, { recursive: true }));

describe("secrets", () => {
  test("are covered before anything may be sent, also one that is printed in two pieces", () => {
    appendFileSync(path(), `a ${SECRET} b hunter2-`);
    expect(outputs.ready(KEY, "stdout")).toBe(`a ${SECRET} b `.length);
    appendFileSync(path(), "hunter3 c");
    const stars = "*".repeat(SECRET.length);
    expect(outputs.ready(KEY, "stdout")).toBe(text().length);
    expect(text()).toBe(`a ${stars} b ${stars} c`);
  });

  test("that never came whole are sent as what they are once it is over", async () => {
    appendFileSync(path(), "it was hunter2");
    expect(outputs.ready(KEY, "stdout")).toBe("it was ".length);
    const { stdout } = await outputs.finish(KEY, await exit());
    expect(stdout).toEqual({ size: 14, crc32: crc32("it was hunter2"), dropped: 0 });
  });

  test("never are in what may be sent, however it was printed", () => {
    const words = fc.constantFrom(SECRET, SECRET.slice(0, 5), SECRET.slice(5), "x", "hunter2-", "\n");
    fc.assert(
      fc.property(fc.array(words, { maxLength: 30 }), (pieces) => {
        writeFileSync(path(), "");
        const keeper = new Outputs(tasks, 10_000);
        keeper.add(KEY, { DB_PASSWORD: SECRET });
        let sent = "";
        for (const piece of pieces) {
          appendFileSync(path(), piece);
          const ready = keeper.ready(KEY, "stdout");
          sent += text().slice(sent.length, ready);
        }
        expect(sent).not.toContain(SECRET);
        expect(sent).toBe(text().slice(0, sent.length));
      }),
    );
  });
});

describe("beyond the limit", () => {
  test("is cut while it runs, again and again, and the last line says how much that was", async () => {
    appendFileSync(path(), "x".repeat(LIMIT + 30));
    expect(outputs.ready(KEY, "stdout")).toBe(LIMIT);
    expect(text()).toHaveLength(LIMIT);
    appendFileSync(path(), "y".repeat(12));
    const { stdout } = await outputs.finish(KEY, await exit());
    expect(text()).toMatch(/^x{100}\n\[hansa: 42 bytes more were dropped; .*\]\n$/);
    expect(stdout).toEqual({ size: text().length, crc32: crc32(text()), dropped: 42 });
  });

  test("is told once, also by an agent that comes after it was", async () => {
    appendFileSync(path(), "x".repeat(LIMIT + 30));
    const first = await outputs.finish(KEY, await exit());
    const later = new Outputs(tasks, LIMIT);
    later.add(KEY, {});
    expect(await later.finish(KEY, await exit())).toEqual(first);
  });
});

test("what has no secret and is within the limit is left as it was measured", async () => {
  appendFileSync(path(), "short");
  const plain = new Outputs(tasks, LIMIT);
  plain.add(KEY, { PATH: "/bin" });
  const ended = await exit();
  expect(await plain.finish(KEY, ended)).toEqual(ended);
});
