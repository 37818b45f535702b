/** Data that an earlier version has written: the new version goes on with it, and counts nothing that never was. */
import { expect, test } from "vitest";
import brokerMigrations from "../migrations/broker/migrations.js";
import clusterMigrations from "../migrations/cluster/migrations.js";
import { Broker } from "../src/broker/broker.ts";
import { Cluster } from "../src/cluster/cluster.ts";
import { epochOf } from "../src/model/ids.ts";
import { jobSpecSchema, templateOf } from "../src/model/job.ts";
import type { JobView, PartitionView } from "../src/model/views.ts";
import { type Migrations, migrate } from "../src/platform/drizzle.ts";
import type { ObjectRef, Platform, SqlValue, Turns } from "../src/platform/seam.ts";
import type { PollReply } from "../src/protocol/agent.ts";
import type { Report } from "../src/protocol/levels.ts";
import { ObjectHome } from "./sim/nodeSqlite.ts";

const NOW = 1_800_000_000_000;
const template = JSON.stringify(templateOf(jobSpecSchema.parse({ command: "true", resources: { cpus: 1 } })));

/** Rows as they were when only the first migration was there. */
function written(
  migrations: Migrations,
  insert: (put: (table: string, row: Record<string, SqlValue>) => void) => void,
) {
  class Writer implements Turns {
    constructor({ sql }: Platform) {
      const [first] = migrations.journal.entries;
      migrate(sql, { journal: { entries: first ? [first] : [] }, migrations: migrations.migrations });
      insert((table, row) => {
        const names = Object.keys(row).map((name) => `"${name}"`);
        const marks = names.map(() => "?").join(", ");
        sql.exec(`INSERT INTO "${table}" (${names.join(", ")}) VALUES (${marks})`, ...Object.values(row));
      });
    }
    call(): void {}
    result(): void {}
    alarm(): void {}
    message(): void {}
    closed(): void {}
  }
  const home = new ObjectHome((platform) => new Writer(platform), { self });
  const rows = home.serialize();
  home.close();
  return rows;
}
const self: ObjectRef = { kind: "cluster", league: "acme", name: "north" };

test("a Cluster goes on with what runs, and counts its time from now", () => {
  const backup = written(clusterMigrations, (put) => {
    put("self", { id: 1, incarnation: 5, generation: 0, rev_block: 0, recover_ms: -1, renews_unknown: 0, broker: 1 });
    const capacity = { cpus: 4000, mem: 1_000_000 };
    const inventory = JSON.stringify({ capacity, attributes: {}, drivers: ["process"], version: "0" });
    const node = { name: "n1", join_key: "k", serial: 1, session: 1, nonce: "nonce-01", boot: "b", inventory };
    put("node", { ...node, paused: 0, removed: 0 });
    const supply = JSON.stringify([{ from: 0, to: 1, handout: 1, attemptsUsed: 0 }]);
    put("grant", { job: "abcd", gen: 3, action: "run", limit: 1, supply, returned: "[]", template, ended: 0 });
    const task = { job: "abcd", index: 0, epoch: epochOf(1, 0), state: "assigned", attempts_used: 0, node: "n1" };
    put("task", { ...task, session: 1, carried_session: 1, carried_seq: 1, not_before: 0 });
  });
  const home = new ObjectHome((platform) => new Cluster(platform), { self, backup, now: () => NOW });
  const partitions = home.call("partitions", {}) as PartitionView[];
  expect(partitions).toMatchObject([{ name: "default", amounts: { used: { cpus: 1000 }, free: { cpus: 3000 } } }]);
  const reports = home.take("call").map(({ args }) => args as Report);
  expect(reports.at(-1)).toMatchObject({ jobs: [{ live: { default: 1 } }], used: [{ taskMs: 0 }] });
  const running: [string, number][] = [["abcd.0", epochOf(1, 0)]];
  const reply = home.call("poll", {
    claims: { league: "acme", cluster: "north", node: "n1", serial: 1 },
    request: { session: 1, nonce: "nonce-01", seq: 9, boot: "b", running, updates: [], pressure: [] },
  }) as PollReply;
  expect(reply.renews).toEqual([`abcd.0@${epochOf(1, 0)}`]);
});

test("a Broker goes on with its jobs and limits, and asks its clusters what they have", () => {
  const backup = written(brokerMigrations, (put) => {
    put("self", { id: 1, incarnation: 5, generation: 0, since_restore_ms: -1, restored_ordinal: 0 });
    const banked = JSON.stringify({ done: [], failed: [], cancelled: [] });
    const job = { id: "abcdefgh", ordinal: 1, digest: "d", count: 3, template, clusters: null, has_items: 0 };
    put("job", { ...job, state: "running", queue: "[]", next_handout: 2, banked, created_at: 1, ended_at: null });
    const supply = JSON.stringify([{ from: 0, to: 3, handout: 1, attemptsUsed: 0, incarnation: 5 }]);
    const said = { job: "abcdefgh", genApplied: 2, done: [], failed: [], cancelled: [], returned: [], live: 2 };
    const reported = JSON.stringify({ ...said, waiting: 1, reason: null, usedMs: {}, lastFailure: null });
    const grant = {
      job: "abcdefgh",
      cluster: "north",
      gen: 2,
      action: "run",
      limit: 2,
      supply,
      incarnation: 5,
      rev: 9,
    };
    put("grant", { ...grant, reported, barred: 0 });
    const nodes = JSON.stringify({ up: 1, silent: 0, total: 1 });
    const cluster = { name: "north", labels: "{}", incarnation: 5, rev: 9, shapes: "[]", nodes, removed: 0 };
    put("cluster", { ...cluster, created_at: 1 });
  });
  const home = new ObjectHome((platform) => new Broker(platform), {
    self: { kind: "broker", league: "acme", name: "" },
    backup,
    now: () => NOW,
  });
  expect(home.call("job", { id: "abcdefgh" }) as JobView).toMatchObject({
    counts: { live: 2, waiting: 1 },
    partitions: { "north/default": { limit: 2, live: 2 } },
  });
  expect(home.take("call").map(({ to, method }) => [to.name, method])).toContainEqual(["north", "grant"]);
});
