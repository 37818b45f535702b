import { appendFileSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Chunk, UploadOutcome } from "./broker/broker.ts";
import { Outputs } from "./outputs.ts";
import type { Stream } from "./process/output.ts";
import { CHUNK_BYTES, Uploads } from "./uploads.ts";

const attempt = { key: "7k2m.0@1", task: "7k2m.0", epoch: 1 };
const empty = { size: 0, crc32: 0, dropped: 0 };
const endOf = (text: string | Buffer) => ({ size: text.length, crc32: crc32(text), dropped: 0 });

let folder: string;
let nowMs: number;
let sent: Chunk[];
let stored: Buffer;
let uploaded: string[];
let answer: (chunk: Chunk) => UploadOutcome;
let uploads: Uploads;

const file = (stream: string) => join(folder, attempt.key, stream);
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Nothing is covered or cut. */
const outputs = {
  ready: (key: string, stream: Stream) => statSync(join(folder, key, stream), { throwIfNoEntry: false })?.size ?? 0,
  read: (key: string, stream: Stream, offset: number, length: number) =>
    new Outputs(folder, 0).read(key, stream, offset, length),
  drop: () => {},
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hansa-uploads-"));
  mkdirSync(join(folder, attempt.key));
  nowMs = 0;
  sent = [];
  stored = Buffer.alloc(0);
  uploaded = [];
  answer = ({ offset, bytes }) => {
    if (offset !== stored.length) return { kind: "rewind", offset: stored.length };
    stored = Buffer.concat([stored, bytes]);
    return { kind: "stored", offset: stored.length };
  };
  uploads = new Uploads({
    outputs,
    upload: async (chunk) => {
      sent.push(chunk);
      return answer(chunk);
    },
    uploaded: (key) => uploaded.push(key),
    nowMs: () => nowMs,
    random: () => 1,
    log: () => {},
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

test("an attempt without output sends nothing and is done at once", () => {
  uploads.end(attempt, empty, empty);
  expect(uploaded).toEqual([attempt.key]);
  expect(sent).toEqual([]);
});

test("the end carries size and checksum, and a long stream goes in pieces", async () => {
  const bytes = Buffer.alloc(CHUNK_BYTES * 2 + 7, "x");
  writeFileSync(file("stdout"), bytes);
  uploads.end(attempt, endOf(bytes), empty);
  while (uploaded.length === 0) await settle();
  expect(stored.equals(bytes)).toBe(true);
  expect(sent.map(({ offset, end }) => [offset, end?.size ?? null])).toEqual([
    [0, null],
    [CHUNK_BYTES, null],
    [CHUNK_BYTES * 2, bytes.length],
  ]);
  expect(sent.at(-1)?.end?.crc32).toBe(crc32(bytes));
});

test("what runs is sent every ten seconds, at once while it is followed, and at once when there is much", async () => {
  uploads.add(attempt);
  writeFileSync(file("stdout"), "a");
  nowMs = 9_999;
  uploads.pump();
  expect(sent).toHaveLength(0);
  nowMs = 10_000;
  uploads.pump();
  await settle();
  expect(sent).toHaveLength(1);
  uploads.follow([attempt.key]);
  appendFileSync(file("stdout"), "b");
  nowMs = 10_399;
  uploads.pump();
  expect(sent).toHaveLength(1);
  nowMs = 10_400;
  uploads.pump();
  await settle();
  expect(sent).toHaveLength(2);
  appendFileSync(file("stdout"), Buffer.alloc(CHUNK_BYTES));
  uploads.pump();
  await settle();
  expect(sent).toHaveLength(3);
});

test("after a restart the broker says where to go on", async () => {
  stored = Buffer.from("hello ");
  writeFileSync(file("stdout"), "hello world");
  uploads.end(attempt, endOf("hello world"), empty);
  while (uploaded.length === 0) await settle();
  expect(stored.toString()).toBe("hello world");
});

test("bytes that were all sent before the end still get their end", async () => {
  uploads.add(attempt);
  writeFileSync(file("stdout"), "abc");
  nowMs = 10_000;
  uploads.pump();
  await settle();
  uploads.end(attempt, endOf("abc"), empty);
  while (uploaded.length === 0) await settle();
  expect(sent.at(-1)).toMatchObject({ offset: 3, bytes: Buffer.alloc(0), end: { size: 3 } });
});

test("without an answer it is tried again, later and later", async () => {
  const works = answer;
  answer = () => ({ kind: "no-reply", retryAfterMs: null, message: "" });
  writeFileSync(file("stdout"), "abc");
  uploads.end(attempt, endOf("abc"), empty);
  await settle();
  nowMs = 999;
  uploads.pump();
  expect(sent).toHaveLength(1);
  nowMs = 1000;
  uploads.pump();
  await settle();
  nowMs = 2999;
  uploads.pump();
  expect(sent).toHaveLength(2);
  answer = works;
  nowMs = 3000;
  uploads.pump();
  while (uploaded.length === 0) await settle();
  expect(stored.toString()).toBe("abc");
});

test("a stream that the broker refuses, or that its task cut short, does not keep the attempt for ever", async () => {
  answer = () => ({ kind: "refused", message: "too large" });
  writeFileSync(file("stdout"), "abc");
  writeFileSync(file("stderr"), "abcdef");
  truncateSync(file("stderr"), 0);
  uploads.end(attempt, endOf("abc"), endOf("abcdef"));
  while (uploaded.length === 0) await settle();
  expect(sent.map(({ stream }) => stream)).toEqual(["stdout"]);
});

test("no more than two go at once", async () => {
  const waiting: (() => void)[] = [];
  const slow = new Uploads({
    outputs,
    upload: (chunk) =>
      new Promise((resolve) => {
        sent.push(chunk);
        waiting.push(() => resolve({ kind: "stored", offset: 3 }));
      }),
    uploaded: (key) => uploaded.push(key),
    nowMs: () => nowMs,
    random: () => 1,
    log: () => {},
  });
  for (const epoch of [1, 2, 3]) {
    const key = `7k2m.0@${epoch}`;
    mkdirSync(join(folder, key), { recursive: true });
    writeFileSync(join(folder, key, "stdout"), "abc");
    slow.end({ key, task: "7k2m.0", epoch }, endOf("abc"), empty);
  }
  expect(sent).toHaveLength(2);
  waiting.shift()?.();
  await settle();
  expect(sent).toHaveLength(3);
});
