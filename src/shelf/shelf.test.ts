import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { harness, type ObjectHome } from "../../test/sim/nodeSqlite.ts";
import type { Problem } from "../model/problems.ts";
import { crc32 } from "./crc32.ts";
import type { ShelfMethods, StreamKey } from "./methods.ts";
import { Shelf } from "./shelf.ts";
import { SHELVES, shelfOf } from "./shelfOf.ts";

const KEY: StreamKey = { task: "job1.0", epoch: 7, stream: "stdout" };
const DAY_MS = 86_400_000;

type Put = Parameters<ShelfMethods["put"]>[0];

function shelf(maxBytes = 2 ** 30) {
  const home: ObjectHome<Shelf> = harness((p) => new Shelf(p, { maxAgeMs: 30 * DAY_MS, maxBytes }), {
    kind: "shelf",
    league: "l",
    name: "3",
  });
  return {
    home,
    put: (put: Partial<Put> & { bytes: Uint8Array }) =>
      home.call("put", { ...KEY, offset: 0, end: null, writer: "north/n1", ...put }) as {
        offset: number;
        followed: boolean;
      },
    read: (read: Partial<StreamKey & { offset: number; limit: number }> = {}) =>
      home.call("read", { ...KEY, offset: 0, limit: 2 ** 20, ...read }) as ReturnType<ShelfMethods["read"]>,
    sweep() {
      for (let steps = 0; home.alarmAt !== null && steps < 100; steps++) {
        home.nowMs = Math.max(home.nowMs, home.alarmAt);
        const dueAt = home.nowMs;
        home.fireAlarm();
        if (home.alarmAt === null || home.alarmAt > dueAt) return;
      }
    },
  };
}

const bytes = (length: number, from = 0) => Uint8Array.from({ length }, (_, i) => (from + i * 7) % 251);
const endOf = (all: Uint8Array) => ({ size: all.length, crc32: zlibCrc32(all) });

function problemOf(run: () => unknown): Problem {
  try {
    run();
  } catch (error) {
    return error as Problem;
  }
  throw new Error("nothing was thrown");
}

test("crc32 is zlib's, in any pieces", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (all, at) => {
      expect(crc32(all.subarray(at), crc32(all.subarray(0, at)))).toBe(zlibCrc32(all));
    }),
  );
});

test("what was put in any pieces is read in any pieces, and its sum is verified at the end", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: 1, max: 40_000 }), fc.constant(600_000), fc.constant(512 * 1024)), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.nat(),
      fc.integer({ min: 1, max: 300_000 }),
      (sizes, seed, limit) => {
        const { put, read } = shelf();
        const all = bytes(
          sizes.reduce((a, b) => a + b),
          seed,
        );
        let offset = 0;
        for (const size of sizes) {
          const piece = all.subarray(offset, offset + size);
          const end = offset + size === all.length ? endOf(all) : null;
          expect(put({ offset, bytes: piece, end }).offset).toBe(offset + size);
          offset += size;
        }
        expect(read()).toMatchObject({ size: all.length, ended: true, verified: true });
        const from = seed % all.length;
        const part = read({ offset: from, limit });
        expect(part.offset).toBe(from);
        expect(Buffer.from(part.bytes).equals(all.subarray(from, from + limit))).toBe(true);
      },
    ),
    { numRuns: 12 },
  );
});

test("a put at a wrong offset says the right one and stores nothing", () => {
  const { put, read } = shelf();
  put({ bytes: bytes(10) });
  expect(problemOf(() => put({ offset: 4, bytes: bytes(10) }))).toMatchObject({
    code: "offset-mismatch",
    status: 416,
    extra: { data: { offset: 10 } },
  });
  expect(problemOf(() => put({ offset: 0, bytes: bytes(10) })).code).toBe("offset-mismatch");
  expect(read().size).toBe(10);
});

test("the end may be said again, and nothing follows it", () => {
  const { put } = shelf();
  const all = bytes(10);
  put({ bytes: all, end: endOf(all) });
  expect(put({ offset: 10, bytes: new Uint8Array(0), end: endOf(all) }).offset).toBe(10);
  expect(problemOf(() => put({ offset: 10, bytes: bytes(1) })).code).toBe("conflict");
});

test("an end whose sum or size is not that of the bytes is told to readers", () => {
  for (const end of [
    { size: 11, crc32: zlibCrc32(bytes(10)) },
    { size: 10, crc32: 1 },
  ]) {
    const { put, read } = shelf();
    put({ bytes: bytes(10), end });
    expect(read()).toMatchObject({ ended: true, verified: false });
  }
});

test("attempts and streams of a task lie apart", () => {
  const { put, read } = shelf();
  put({ bytes: bytes(3) });
  put({ bytes: bytes(4), stream: "stderr" });
  put({ bytes: bytes(5), epoch: 8 });
  expect([read().size, read({ stream: "stderr" }).size, read({ epoch: 8 }).size]).toEqual([3, 4, 5]);
});

test("nobody adds to the output that another node has begun", () => {
  const { put, read } = shelf();
  put({ bytes: bytes(3) });
  expect(problemOf(() => put({ offset: 3, bytes: bytes(3), writer: "north/n2" })).code).toBe("not-allowed");
  expect(read().size).toBe(3);
});

test("what was never put is empty, and asking for it creates no table", () => {
  const { home, read } = shelf();
  expect(read()).toMatchObject({ size: 0, ended: false });
  expect(home.call("metrics", {})).toMatchObject({ in_use: 0, reads: 1 });
  expect(home.query("SELECT name FROM sqlite_master")).toEqual([]);
});

test("an output that comes in one put with its end is two rows", () => {
  const { home, put } = shelf();
  put({ bytes: bytes(10), end: endOf(bytes(10)) });
  const before = home.rowsWritten;
  put({ epoch: 8, bytes: bytes(10), end: endOf(bytes(10)) });
  expect(home.rowsWritten - before).toBe(2);
});

test("a stream that trickles is few chunks", () => {
  const { home, put } = shelf();
  for (let offset = 0; offset < 32_000; offset += 100) put({ offset, bytes: bytes(100, offset) });
  expect(home.query("SELECT COUNT(*) AS n FROM chunk")).toEqual([{ n: 2 }]);
});

test("followers are told of each growth of their stream, also after a rebuild, and the agent that it is followed", () => {
  const { home, put } = shelf();
  const socket = home.openSocket();
  home.message(socket, { follow: KEY });
  home.crash();
  expect(put({ bytes: bytes(3) }).followed).toBe(true);
  expect(put({ bytes: bytes(3), stream: "stderr" }).followed).toBe(false);
  home.closeSocket(socket);
  expect(put({ offset: 3, bytes: bytes(3), end: null }).followed).toBe(false);
});

test("followers hear the size now, each new one, and the end", () => {
  const { home, put } = shelf();
  const socket = home.openSocket();
  put({ bytes: bytes(3) });
  home.message(socket, { follow: KEY });
  put({ offset: 3, bytes: bytes(3) });
  put({ offset: 6, bytes: new Uint8Array(0), end: endOf(bytes(6)) });
  expect(home.take("send").map(({ message }) => message)).toEqual([
    { size: 3, ended: false },
    { size: 6, ended: false },
    { size: 6, ended: true },
  ]);
});

test("output 30 days old goes, but not that of a stream which still grows", () => {
  const { home, put, read, sweep } = shelf();
  put({ bytes: bytes(10), end: endOf(bytes(10)) });
  put({ epoch: 8, bytes: bytes(10) });
  home.nowMs += 20 * DAY_MS;
  put({ epoch: 8, offset: 10, bytes: bytes(10) });
  put({ epoch: 9, bytes: bytes(10) });
  home.nowMs += 11 * DAY_MS;
  sweep();
  expect([read().size, read({ epoch: 8 }).size, read({ epoch: 9 }).size]).toEqual([0, 20, 10]);
  home.nowMs += 40 * DAY_MS;
  sweep();
  expect(home.query("SELECT * FROM stream")).toEqual([]);
  expect(home.query("SELECT * FROM chunk")).toEqual([]);
  expect(home.alarmAt).toBe(null);
});

test("beyond its room the oldest bytes go first, and a stream that grows goes on where it was", () => {
  const { home, put, read, sweep } = shelf(2_000_000);
  for (const epoch of [1, 2, 3]) {
    home.nowMs += 1000;
    put({ epoch, bytes: bytes(1_000_000), end: epoch === 1 ? endOf(bytes(1_000_000)) : null });
  }
  sweep();
  expect(read({ epoch: 1 }).size).toBe(0);
  put({ epoch: 2, offset: 1_000_000, bytes: bytes(600_000) });
  sweep();
  const left = read({ epoch: 2, offset: 0 });
  expect(left).toMatchObject({ offset: 1_000_000, size: 1_600_000 });
  expect(left.bytes).toEqual(bytes(600_000));
  expect(read({ epoch: 3 }).size).toBe(1_000_000);
});

test("an object that wakes asks for the alarm that is set already", () => {
  const { home, put } = shelf();
  put({ bytes: bytes(10) });
  const at = home.alarmAt;
  home.nowMs += 60_000;
  home.crash();
  expect(home.alarmAt).toBe(at);
});

test("the outputs of one job lie on one shelf, those of many on all", () => {
  expect(shelfOf("l", "job1.0")).toEqual(shelfOf("l", "job1.999"));
  const used = new Set(Array.from({ length: 500 }, (_, n) => shelfOf("l", `job${n}.0`).name));
  expect(used.size).toBe(SHELVES);
});
