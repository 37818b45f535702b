import { expect, test } from "vitest";
import { Cluster } from "../../src/cluster/cluster.ts";
import { restSpec } from "../../src/model/partition.ts";
import { Problem } from "../../src/model/problems.ts";
import type { Outcome, Platform, Turns } from "../../src/platform/seam.ts";
import { harness, isRefusal, type ObjectHome, WriteRefused } from "./nodeSqlite.ts";

const SELF = { kind: "cluster", league: "l", name: "c" } as const;

/** Adds to a number in a row, tells a friend, and can fail half-way. */
class Counter implements Turns {
  readonly platform: Platform;
  remembered = 0;
  constructor(platform: Platform) {
    this.platform = platform;
    platform.sql.exec(
      "CREATE TABLE IF NOT EXISTS counter (n INTEGER); -- one row; that is all\nCREATE TABLE IF NOT EXISTS other (n)",
    );
    this.remembered = this.read();
  }
  read(): number {
    return Number(this.platform.sql.exec<{ n: number }>("SELECT COALESCE(SUM(n), 0) AS n FROM counter")[0]?.n);
  }
  call(method: string, args: unknown): unknown {
    this.platform.sql.exec("INSERT INTO counter VALUES (?)", Number(args));
    this.platform.call(SELF, "friend", { at: this.platform.now() });
    this.platform.setAlarm(7);
    for (const { id } of this.platform.sockets.list()) {
      this.platform.sockets.attach(id, { seen: args });
      this.platform.sockets.send(id, { n: this.read() });
    }
    if (method === "fail") throw new Problem("conflict", "no");
    return this.read();
  }
  result(_to: unknown, _method: string, _args: unknown, outcome: Outcome): void {
    this.remembered = outcome.ok ? 1 : -1;
  }
  alarm(): void {
    this.platform.setAlarm(9);
  }
  message(): void {}
  closed(): void {}
}

/** Takes a refused write for done. */
class Careless extends Counter {
  override call(): unknown {
    try {
      this.platform.sql.exec("DELETE FROM counter");
    } catch {
      return "done";
    }
    return null;
  }
}

const counter = (): ObjectHome<Counter> => harness((platform) => new Counter(platform), SELF);

test("effects leave after the commit, in order", () => {
  const home = counter();
  const socket = home.openSocket();
  expect(home.call("add", 2)).toBe(2);
  expect(home.takeEffects()).toEqual([
    { type: "call", to: SELF, method: "friend", args: { at: home.nowMs } },
    { type: "alarm", at: 7 },
    { type: "send", socket, message: { n: 2 } },
  ]);
  expect(home.alarmAt).toBe(7);
  home.fireAlarm();
  expect(home.alarmAt).toBe(9);
});

test("a turn that throws leaves rows, effects, alarm and attachments as they were", () => {
  const home = counter();
  home.openSocket();
  expect(() => home.call("fail", 2)).toThrow("no");
  expect([home.query("SELECT * FROM counter"), home.takeEffects(), home.alarmAt]).toEqual([[], [], null]);
  expect(home.object.platform.sockets.list().map((s) => s.data)).toEqual([null]);
});

test("a crash keeps rows, alarm, sockets and attachments, and loses memory and effects", () => {
  const home = counter();
  const socket = home.openSocket();
  home.call("add", 2);
  home.object.remembered = 99;
  home.crash();
  expect(home.object.remembered).toBe(2);
  expect(home.takeEffects()).toEqual([]);
  expect(home.alarmAt).toBe(7);
  expect(home.object.platform.sockets.list()).toEqual([{ id: socket, data: { seen: 2 } }]);
});

test("a turn of which a write is refused fails whole, and the object is built anew from its rows", () => {
  const home = counter();
  home.call("add", 2);
  home.takeEffects();
  home.object.remembered = 99;
  const before = home.object;
  home.refusesWrite = () => true;
  expect(() => home.call("add", 3)).toThrow(WriteRefused);
  // It writes as it is built.
  expect(() => home.object).toThrow(WriteRefused);
  home.refusesWrite = () => false;
  expect([home.object === before, home.object.remembered, home.takeEffects()]).toEqual([false, 2, []]);
});

test("a turn that goes on after a refused write is none", () => {
  const careless: ObjectHome<Counter> = harness((platform) => new Careless(platform), SELF);
  careless.refusesWrite = () => true;
  expect(() => careless.call("add", 3)).toThrow("the turn went on");
});

test("drizzle tells a refused write by its cause", () => {
  const home = harness((platform) => new Cluster(platform), SELF);
  home.refusesWrite = () => true;
  let thrown: unknown;
  try {
    home.call("putPartition", { spec: { ...restSpec(), pack: "spread" }, position: null });
  } catch (error) {
    thrown = error;
  }
  expect(isRefusal(thrown)).toBe(true);
});

test("an alarm that comes twice leaves the next one as it was set", () => {
  const home = counter();
  home.call("add", 2);
  home.fireAlarm();
  home.repeatAlarm();
  expect(home.alarmAt).toBe(9);
});

test("a home made of a backup has its rows", () => {
  const home = counter();
  home.call("add", 3);
  const restored = harness((platform) => new Counter(platform), SELF, { backup: home.serialize(), generation: 1 });
  home.call("add", 4);
  expect([home.object.read(), restored.object.read(), restored.object.platform.generation]).toEqual([7, 3, 1]);
});

test.each([
  ["an unsafe integer", [2 ** 53]],
  ["not a number", [Number.NaN]],
  ["over 100 of them", Array.from({ length: 101 }, () => 1)],
  ["a string over 2 MB", ["x".repeat(2_000_001)]],
])("binds are refused as the platform refuses them: %s", (_name, binds) => {
  const home = counter();
  expect(() => home.object.platform.sql.exec(`SELECT ${binds.map(() => "?").join()}`, ...binds)).toThrow();
});

test("a transaction inside a turn is refused, and so is an effect outside of one", () => {
  const home = counter();
  expect(() => home.object.platform.sql.exec("BEGIN")).toThrow("one transaction already");
  expect(() => home.object.platform.setAlarm(1)).toThrow("outside a turn");
});
