/** The rows of a Broker. What a report writes is plain prepared SQL; the rest drizzle. */
import { and, asc, count, desc, eq, gt, gte, lt, notInArray } from "drizzle-orm";
import migrations from "../../migrations/broker/migrations.js";
import type { LeagueSettings } from "../model/league.ts";
import type { EventView } from "../model/views.ts";
import { type Database, database, migrate } from "../platform/drizzle.ts";
import type { Sql } from "../platform/seam.ts";
import { firstEvent } from "./generation.ts";
import * as schema from "./schema.ts";

export type JobRow = typeof schema.job.$inferSelect;
export type GrantRow = typeof schema.grant.$inferSelect;
export type ClusterRow = typeof schema.cluster.$inferSelect;
export type FrameworkRow = typeof schema.framework.$inferSelect;
export type FrameworkGrantRow = typeof schema.frameworkGrant.$inferSelect;
type RoleRow = typeof schema.role.$inferSelect;
type HistoryRow = typeof schema.history.$inferSelect;
export type LedgerRow = typeof schema.ledger.$inferSelect;
export type TokenRow = typeof schema.token.$inferSelect;
export type SelfRow = typeof schema.self.$inferSelect;
export type EventBody = Omit<EventView, "cursor" | "at">;

/** Items of a job are stored so many to a row. */
const ITEMS_PER_ROW = 256;
/** Events kept. */
const MAX_EVENTS = 100_000;
const TRIMMED_EVERY = 1_000;
const TRIMMED_AT_ONCE = 5_000;
/** Events that an older copy of these rows may have had before it was lost. */
const EVENTS_LEAP = 2 ** 20;
const IDEMPOTENCY_TTL_MS = 24 * 3_600_000;

export class BrokerStore {
  readonly #sql: Sql;
  readonly #db: Database<typeof schema>;
  /** number of the event before the first of this generation, if the rows have none newer */
  readonly #eventBase: number;
  #nextEvent: number;

  constructor(sql: Sql, generation: number) {
    this.#sql = sql;
    this.#eventBase = firstEvent(generation) - 1;
    migrate(sql, migrations);
    this.#db = database(sql, schema);
    const newest = this.#db
      .select({ seq: schema.event.seq })
      .from(schema.event)
      .orderBy(desc(schema.event.seq))
      .limit(1)
      .get();
    this.#nextEvent = Math.max(newest?.seq ?? 0, this.#eventBase) + 1;
  }

  // Construction.

  self(): SelfRow | undefined {
    return this.#db.select().from(schema.self).get();
  }
  saveSelf(row: Omit<SelfRow, "id">): void {
    this.#db
      .insert(schema.self)
      .values({ id: 1, ...row })
      .onConflictDoUpdate({ target: schema.self.id, set: row })
      .run();
  }
  liveJobs(): JobRow[] {
    return this.#db
      .select()
      .from(schema.job)
      .where(notInArray(schema.job.state, ["succeeded", "failed", "cancelled"]))
      .orderBy(asc(schema.job.ordinal))
      .all();
  }
  grantsOf(job: string): GrantRow[] {
    return this.#db.select().from(schema.grant).where(eq(schema.grant.job, job)).all();
  }
  clusters(): ClusterRow[] {
    return this.#db.select().from(schema.cluster).all();
  }

  // Jobs.

  newestOrdinal(): number {
    return (
      this.#db.select({ ordinal: schema.job.ordinal }).from(schema.job).orderBy(desc(schema.job.ordinal)).limit(1).get()
        ?.ordinal ?? 0
    );
  }
  job(id: string): JobRow | undefined {
    return this.#db.select().from(schema.job).where(eq(schema.job.id, id)).get();
  }
  insertJob(row: JobRow, items: readonly string[] | null): void {
    this.#db.insert(schema.job).values(row).run();
    if (items === null) return;
    for (let chunk = 0; chunk * ITEMS_PER_ROW < items.length; chunk++) {
      this.#db
        .insert(schema.item)
        .values({ job: row.id, chunk, items: items.slice(chunk * ITEMS_PER_ROW, (chunk + 1) * ITEMS_PER_ROW) })
        .run();
    }
  }
  items(job: string, from: number, to: number): string[] {
    const first = Math.floor(from / ITEMS_PER_ROW);
    const rows = this.#db
      .select()
      .from(schema.item)
      .where(
        and(
          eq(schema.item.job, job),
          gte(schema.item.chunk, first),
          lt(schema.item.chunk, Math.ceil(to / ITEMS_PER_ROW)),
        ),
      )
      .orderBy(asc(schema.item.chunk))
      .all();
    return rows.flatMap((row) => row.items).slice(from - first * ITEMS_PER_ROW, to - first * ITEMS_PER_ROW);
  }
  updateJob(row: Pick<JobRow, "id" | "state" | "queue" | "nextHandout" | "banked" | "endedAt">): void {
    this.#sql.exec(
      "UPDATE job SET state = ?, queue = ?, next_handout = ?, banked = ?, ended_at = ? WHERE id = ?",
      row.state,
      JSON.stringify(row.queue),
      row.nextHandout,
      JSON.stringify(row.banked),
      row.endedAt,
      row.id,
    );
  }
  /** Newest first. `after`: an id of the page before. */
  jobs(filter: { prefix: string; state: string | null; after: string | null; limit: number }): JobRow[] {
    const before = filter.after === null ? undefined : this.job(filter.after)?.ordinal;
    const { job } = schema;
    return this.#db
      .select()
      .from(job)
      .where(
        and(
          filter.prefix === "" ? undefined : and(gte(job.id, filter.prefix), lt(job.id, `${filter.prefix}~`)),
          filter.state === null ? undefined : eq(job.state, filter.state as JobRow["state"]),
          before === undefined ? undefined : lt(job.ordinal, before),
        ),
      )
      .orderBy(desc(job.ordinal))
      .limit(filter.limit)
      .all();
  }

  // Grants and clusters.

  saveGrant(row: GrantRow): void {
    this.#sql.exec(
      `INSERT INTO "grant" (job, cluster, gen, action, limits, supply, incarnation, rev, reported, barred_in, claim, yields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (job, cluster) DO UPDATE SET gen = excluded.gen, action = excluded.action, limits = excluded.limits,
         supply = excluded.supply, incarnation = excluded.incarnation, rev = excluded.rev, reported = excluded.reported, barred_in = excluded.barred_in,
         claim = excluded.claim, yields = excluded.yields`,
      row.job,
      row.cluster,
      row.gen,
      row.action,
      JSON.stringify(row.limits),
      JSON.stringify(row.supply),
      row.incarnation,
      row.rev,
      row.reported === null ? null : JSON.stringify(row.reported),
      JSON.stringify(row.barredIn),
      row.claim === null ? null : JSON.stringify(row.claim),
      row.yields === null ? null : JSON.stringify(row.yields),
    );
  }
  saveCluster(row: ClusterRow): void {
    const { name, ...set } = row;
    this.#db.insert(schema.cluster).values(row).onConflictDoUpdate({ target: schema.cluster.name, set }).run();
  }

  // Frameworks.

  frameworks(): FrameworkRow[] {
    return this.#db.select().from(schema.framework).all();
  }
  saveFramework(row: FrameworkRow): void {
    const { id, ...set } = row;
    this.#db.insert(schema.framework).values(row).onConflictDoUpdate({ target: schema.framework.id, set }).run();
  }
  removeFramework(id: string): void {
    this.#db.delete(schema.framework).where(eq(schema.framework.id, id)).run();
    this.#db.delete(schema.frameworkGrant).where(eq(schema.frameworkGrant.framework, id)).run();
  }
  frameworkGrants(framework: string): FrameworkGrantRow[] {
    return this.#db.select().from(schema.frameworkGrant).where(eq(schema.frameworkGrant.framework, framework)).all();
  }
  saveFrameworkGrant(row: FrameworkGrantRow): void {
    const { framework, cluster, gen, limits, earlier, incarnation, rev, reported } = row;
    const set = { gen, limits, earlier, incarnation, rev, reported };
    this.#db
      .insert(schema.frameworkGrant)
      .values({ framework, cluster, ...set })
      .onConflictDoUpdate({ target: [schema.frameworkGrant.framework, schema.frameworkGrant.cluster], set })
      .run();
  }

  // Shares.

  roles(): RoleRow[] {
    return this.#db.select().from(schema.role).all();
  }
  saveRole(row: RoleRow): void {
    const { name, policy } = row;
    this.#db
      .insert(schema.role)
      .values({ name, policy })
      .onConflictDoUpdate({ target: schema.role.name, set: { policy } })
      .run();
  }
  removeRole(name: string): void {
    this.#db.delete(schema.role).where(eq(schema.role.name, name)).run();
  }
  settings(): Partial<LeagueSettings> | undefined {
    return this.#db.select().from(schema.league).get()?.settings;
  }
  saveSettings(settings: LeagueSettings): void {
    this.#db
      .insert(schema.league)
      .values({ id: 1, settings })
      .onConflictDoUpdate({ target: schema.league.id, set: { settings } })
      .run();
  }
  history(): HistoryRow | undefined {
    return this.#db.select().from(schema.history).get();
  }
  saveHistory(set: Omit<HistoryRow, "id">): void {
    this.#db
      .insert(schema.history)
      .values({ id: 1, ...set })
      .onConflictDoUpdate({ target: schema.history.id, set })
      .run();
  }
  ledger(): LedgerRow[] {
    return this.#db.select().from(schema.ledger).all();
  }
  saveLedger(row: LedgerRow): void {
    const { cluster, ...set } = row;
    this.#db
      .insert(schema.ledger)
      .values({ cluster, ...set })
      .onConflictDoUpdate({ target: schema.ledger.cluster, set })
      .run();
  }

  // Tokens.

  token(id: string): TokenRow | undefined {
    return this.#db.select().from(schema.token).where(eq(schema.token.id, id)).get();
  }
  saveToken(row: TokenRow): void {
    const { id, ...set } = row;
    this.#db.insert(schema.token).values(row).onConflictDoUpdate({ target: schema.token.id, set }).run();
  }
  tokens(after: string | null, limit: number): TokenRow[] {
    return this.#db
      .select()
      .from(schema.token)
      .where(after === null ? undefined : gt(schema.token.id, after))
      .orderBy(asc(schema.token.id))
      .limit(limit)
      .all();
  }
  hasUsed(token: string, key: string): boolean {
    const { joinUse } = schema;
    return (
      this.#db
        .select()
        .from(joinUse)
        .where(and(eq(joinUse.token, token), eq(joinUse.key, key)))
        .get() !== undefined
    );
  }
  noteUse(token: string, key: string): void {
    this.#db.insert(schema.joinUse).values({ token, key }).run();
  }

  // Events.

  append(at: number, body: EventBody): EventView {
    const seq = this.#nextEvent++;
    this.#sql.exec("INSERT INTO event (seq, at, body) VALUES (?, ?, ?)", seq, at, JSON.stringify(body));
    if (seq % TRIMMED_EVERY === 0) this.#trimEvents();
    return { ...body, at, cursor: cursorOf(seq) };
  }
  /** These rows are older than what readers have seen. A generation that someone counts by hand may begin below them. */
  leapEvents(): void {
    if (this.#nextEvent - 1 > this.#eventBase) this.#nextEvent += EVENTS_LEAP;
  }
  /** The numbers leap with a restore: what is before the leap stays until so many events have come after it. */
  #trimEvents(): void {
    const newestToGo = this.#nextEvent - 1 - MAX_EVENTS;
    this.#sql.exec(
      `DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE seq <= ? ORDER BY seq LIMIT ?)
        AND EXISTS (SELECT 1 FROM event WHERE seq BETWEEN ? AND ?)`,
      newestToGo,
      TRIMMED_AT_ONCE,
      newestToGo - TRIMMED_EVERY,
      newestToGo,
    );
  }
  events(since: string | null, limit: number, job: string | null): { events: EventView[]; cursor: string } {
    const after = since === null ? 0 : seqOf(since);
    const rows = this.#db
      .select()
      .from(schema.event)
      .where(gt(schema.event.seq, after))
      .orderBy(asc(schema.event.seq))
      .limit(limit)
      .all();
    const events = rows
      .filter(({ body }) => job === null || body.job === job)
      .map(({ seq, at, body }) => ({ ...body, at, cursor: cursorOf(seq) }));
    return { events, cursor: cursorOf(rows.at(-1)?.seq ?? Math.max(after, 0)) };
  }
  newestCursor(): string {
    return cursorOf(this.#nextEvent - 1);
  }

  // Idempotency.

  answered(key: string): { digest: string; answer: unknown } | undefined {
    return this.#db.select().from(schema.idempotency).where(eq(schema.idempotency.key, key)).get();
  }
  remember(key: string, digest: string, answer: unknown, at: number): void {
    this.#db
      .delete(schema.idempotency)
      .where(lt(schema.idempotency.at, at - IDEMPOTENCY_TTL_MS))
      .run();
    this.#db.insert(schema.idempotency).values({ key, digest, answer, at }).run();
  }

  counts(): { jobs: number; events: number } {
    return {
      jobs: this.#db.select({ n: count() }).from(schema.job).get()?.n ?? 0,
      events: this.#nextEvent - 1 - this.#eventBase,
    };
  }
}

/**
 * Opaque to readers; a vector over the logs of the league, of which the Broker's is the one there is. No number is given
 * twice: one of an event that was lost with a restore stands between those of the backup and those that came after it.
 */
const cursorOf = (seq: number): string => `b${seq}`;
const seqOf = (cursor: string): number => {
  const seq = Number(/^b(\d{1,16})$/.exec(cursor)?.[1]);
  return Number.isSafeInteger(seq) ? seq : -1;
};
