/** The rows of a Cluster. The hot path (poll, hand-out, end of an attempt) is plain prepared SQL; the rest drizzle. */
import { and, asc, desc, eq, gt, inArray, isNotNull, lt, lte, notInArray, sql as text } from "drizzle-orm";
import migrations from "../../migrations/cluster/migrations.js";
import { type Database, database, migrate } from "../platform/drizzle.ts";
import type { Sql } from "../platform/seam.ts";
import type { AcceptAnswer } from "../protocol/frameworks.ts";
import type { Use } from "../protocol/levels.ts";
import type { Learned } from "../scheduling/packing/learned.ts";
import type { FrameworkNotes } from "./frameworks/notes.ts";
import type { Leaving, StopCause, Waits } from "./schema.ts";
import * as schema from "./schema.ts";

export type GrantRow = typeof schema.grant.$inferSelect;
export type TaskRow = typeof schema.task.$inferSelect;
export type NodeRow = typeof schema.node.$inferSelect;
export type AttemptRow = typeof schema.attempt.$inferSelect;
export type PartitionRow = typeof schema.partition.$inferSelect;
export type FrameworkRow = typeof schema.framework.$inferSelect;
export type OfferRow = typeof schema.offer.$inferSelect;
export type RefusalRow = typeof schema.refusal.$inferSelect;
export type DrilledRow = typeof schema.drilled.$inferSelect;
export type ReservationRow = typeof schema.reservation.$inferSelect;
export type SelfRow = typeof schema.self.$inferSelect;

/** How an attempt ended, as rows have it. */
export type EndColumns = Pick<
  TaskRow,
  "reason" | "code" | "signal" | "message" | "ranMs" | "stdoutBytes" | "stderrBytes"
>;

export const UNENDED: EndColumns = {
  reason: null,
  code: null,
  signal: null,
  message: null,
  ranMs: null,
  stdoutBytes: null,
  stderrBytes: null,
};

const listOrNull = (numbers: readonly number[] | null): string | null =>
  numbers === null || numbers.length === 0 ? null : JSON.stringify(numbers);

export class ClusterStore {
  readonly #sql: Sql;
  readonly #db: Database<typeof schema>;

  constructor(sql: Sql) {
    this.#sql = sql;
    migrate(sql, migrations);
    this.#db = database(sql, schema);
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
  nodes(): NodeRow[] {
    return this.#db.select().from(schema.node).all();
  }
  liveGrants(): GrantRow[] {
    return this.#db.select().from(schema.grant).where(eq(schema.grant.ended, false)).all();
  }
  tasksOf(job: string): TaskRow[] {
    return this.#db.select().from(schema.task).where(eq(schema.task.job, job)).all();
  }
  attemptsOf(job: string): AttemptRow[] {
    return this.#db.select().from(schema.attempt).where(eq(schema.attempt.job, job)).all();
  }
  /** In their order, `default` last if it has a row. */
  partitions(): PartitionRow[] {
    return this.#db.select().from(schema.partition).orderBy(asc(schema.partition.position)).all();
  }
  uses(): Use[] {
    return this.#db
      .select()
      .from(schema.use)
      .all()
      .map(({ lender, ...use }) => ({ ...use, lender: lender === "" ? null : lender }));
  }
  silences(): (typeof schema.silence.$inferSelect)[] {
    return this.#db.select().from(schema.silence).all();
  }

  /** After a restore: what these rows say of unfinished work may be long over. The Broker says anew what there is. */
  forgetUnfinished(): void {
    this.#db
      .delete(schema.task)
      .where(notInArray(schema.task.state, ["succeeded", "failed", "cancelled"]))
      .run();
    this.#db.update(schema.grant).set({ supply: [], limits: {}, waits: null }).run();
    // Nothing is placed on a node before it has told what it has, and with that what it runs.
    this.#db.update(schema.node).set({ inventory: null }).run();
    // What frameworks launched they are told to be lost.
    this.#db.update(schema.grant).set({ ended: true }).where(isNotNull(schema.grant.launched)).run();
    for (const table of [schema.offer, schema.accepted, schema.refusal]) this.#db.delete(table).run();
  }

  // Hot path.

  /** The hand-out of a task: its row as of a new attempt. */
  handOut(
    row: Pick<
      TaskRow,
      | "job"
      | "index"
      | "epoch"
      | "attemptsUsed"
      | "node"
      | "session"
      | "carriedSession"
      | "carriedSeq"
      | "item"
      | "partition"
      | "lender"
      | "assignedAt"
      | "devices"
      | "ports"
    > &
      Partial<Pick<TaskRow, "leaving">>,
  ): void {
    this.#sql.exec(
      `INSERT INTO task (job, "index", epoch, state, attempts_used, node, session, carried_session, carried_seq, not_before, item, partition, lender, assigned_at, devices, ports, leaving)
       VALUES (?, ?, ?, 'assigned', ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (job, "index") DO UPDATE SET epoch = excluded.epoch, state = 'assigned', attempts_used = excluded.attempts_used,
         node = excluded.node, session = excluded.session, carried_session = excluded.carried_session,
         carried_seq = excluded.carried_seq, not_before = 0, item = excluded.item, partition = excluded.partition,
         lender = excluded.lender, assigned_at = excluded.assigned_at, devices = excluded.devices, ports = excluded.ports,
         leaving = excluded.leaving, stopping = NULL, reason = NULL, code = NULL, signal = NULL,
         message = NULL, ran_ms = NULL, stdout_bytes = NULL, stderr_bytes = NULL`,
      row.job,
      row.index,
      row.epoch,
      row.attemptsUsed,
      row.node,
      row.session,
      row.carriedSession,
      row.carriedSeq,
      row.item,
      row.partition,
      row.lender,
      row.assignedAt,
      listOrNull(row.devices),
      listOrNull(row.ports),
      row.leaving ? JSON.stringify(row.leaving) : null,
    );
  }
  /** The end of the newest attempt, and what becomes of its task. */
  end(
    job: string,
    index: number,
    state: TaskRow["state"],
    attemptsUsed: number,
    notBefore: number,
    end: EndColumns,
  ): void {
    this.#sql.exec(
      `UPDATE task SET state = ?, attempts_used = ?, not_before = ?, reason = ?, code = ?, signal = ?, message = ?, ran_ms = ?,
         stdout_bytes = ?, stderr_bytes = ? WHERE job = ? AND "index" = ?`,
      state,
      attemptsUsed,
      notBefore,
      end.reason,
      end.code,
      end.signal,
      end.message,
      end.ranMs,
      end.stdoutBytes,
      end.stderrBytes,
      job,
      index,
    );
  }
  /** An attempt that ended without deciding its task; the first end of an epoch stays. */
  keepAttempt(row: AttemptRow): void {
    this.#db.insert(schema.attempt).values(row).onConflictDoNothing().run();
  }
  /** The end of an attempt that decides nothing: what is known of it already stands, unless it was lost on that node. */
  recordLate(row: AttemptRow): void {
    const { attempt } = schema;
    // How long it held its place was counted when it was lost.
    const { partition: _, lender: __, ranMs: ___, ...set } = row;
    this.#db
      .insert(attempt)
      .values(row)
      .onConflictDoUpdate({
        target: [attempt.job, attempt.index, attempt.epoch],
        set,
        setWhere: text`${attempt.state} = ${"lost"} AND ${attempt.node} = ${row.node}`,
      })
      .run();
  }
  setTaskState(job: string, index: number, state: TaskRow["state"], notBefore = 0): void {
    this.#sql.exec(
      `UPDATE task SET state = ?, not_before = ? WHERE job = ? AND "index" = ?`,
      state,
      notBefore,
      job,
      index,
    );
  }
  stop(job: string, index: number, cause: StopCause): void {
    this.#sql.exec(`UPDATE task SET stopping = ? WHERE job = ? AND "index" = ?`, cause, job, index);
  }
  /** @param leaving null: nothing runs beside the newest attempt */
  leave(job: string, index: number, leaving: Leaving | null): void {
    const json = leaving && JSON.stringify(leaving);
    this.#sql.exec(`UPDATE task SET leaving = ? WHERE job = ? AND "index" = ?`, json, job, index);
  }
  claim(job: string, index: number, session: number): void {
    this.#sql.exec(`UPDATE task SET session = ? WHERE job = ? AND "index" = ?`, session, job, index);
  }

  // Grants.

  /** Since when it waits stays as it is. */
  saveGrant(row: Omit<GrantRow, "waits">): void {
    const { job, ...set } = row;
    this.#db.insert(schema.grant).values(row).onConflictDoUpdate({ target: schema.grant.job, set }).run();
  }
  saveWaits(job: string, waits: Waits | null): void {
    this.#db.update(schema.grant).set({ waits }).where(eq(schema.grant.job, job)).run();
  }
  endGrants(jobs: string[]): void {
    for (let i = 0; i < jobs.length; i += 90) {
      this.#db
        .update(schema.grant)
        .set({ ended: true, waits: null })
        .where(inArray(schema.grant.job, jobs.slice(i, i + 90)))
        .run();
    }
  }
  grant(job: string): GrantRow | undefined {
    return this.#db.select().from(schema.grant).where(eq(schema.grant.job, job)).get();
  }

  // Frameworks.

  frameworks(): FrameworkRow[] {
    return this.#db.select().from(schema.framework).all();
  }
  saveFramework(row: FrameworkRow): void {
    const { id, ...set } = row;
    this.#db.insert(schema.framework).values(row).onConflictDoUpdate({ target: schema.framework.id, set }).run();
  }
  saveNotes(id: string, notes: FrameworkNotes): void {
    this.#db.update(schema.framework).set({ notes }).where(eq(schema.framework.id, id)).run();
  }
  /** With all that was kept of it. */
  removeFramework(id: string): void {
    this.#db.delete(schema.framework).where(eq(schema.framework.id, id)).run();
    this.#db.delete(schema.offer).where(eq(schema.offer.framework, id)).run();
    this.#db.delete(schema.refusal).where(eq(schema.refusal.framework, id)).run();
    this.#db.delete(schema.accepted).where(eq(schema.accepted.framework, id)).run();
  }
  offers(): OfferRow[] {
    return this.#db.select().from(schema.offer).all();
  }
  addOffer(row: OfferRow): void {
    this.#db.insert(schema.offer).values(row).run();
  }
  removeOffer(id: string): void {
    this.#db.delete(schema.offer).where(eq(schema.offer.id, id)).run();
  }
  refusals(): RefusalRow[] {
    return this.#db.select().from(schema.refusal).all();
  }
  addRefusal(row: RefusalRow): void {
    this.#db.insert(schema.refusal).values(row).run();
  }
  forgetRefusals(framework: string, role: string): void {
    const { refusal } = schema;
    this.#db
      .delete(refusal)
      .where(and(eq(refusal.framework, framework), eq(refusal.role, role)))
      .run();
  }
  /** The node is in none of the role's any more. */
  forgetRefused(framework: string, role: string, node: string): void {
    const { refusal } = schema;
    const ofRole = and(eq(refusal.framework, framework), eq(refusal.role, role));
    for (const { seq, nodes } of this.#db.select().from(refusal).where(ofRole).all()) {
      if (!nodes.includes(node)) continue;
      const left = nodes.filter((one) => one !== node);
      const row = and(ofRole, eq(refusal.seq, seq));
      if (left.length === 0) this.#db.delete(refusal).where(row).run();
      else this.#db.update(refusal).set({ nodes: left }).where(row).run();
    }
  }
  expireRefusals(now: number): void {
    this.#db.delete(schema.refusal).where(lte(schema.refusal.until, now)).run();
  }
  accepted(framework: string, id: string): AcceptAnswer | null {
    const { accepted } = schema;
    const row = this.#db
      .select()
      .from(accepted)
      .where(and(eq(accepted.framework, framework), eq(accepted.id, id)))
      .get();
    return row?.answer ?? null;
  }
  keepAccepted(framework: string, id: string, answer: AcceptAnswer, at: number): void {
    this.#db.insert(schema.accepted).values({ framework, id, answer, at }).run();
  }
  /** @param before answers from before this time are not asked for any more, but for so many of the newest */
  tidyAccepted(framework: string, before: number, newest: number): void {
    const { accepted } = schema;
    const ofFramework = eq(accepted.framework, framework);
    const kept = this.#db
      .select({ id: accepted.id })
      .from(accepted)
      .where(ofFramework)
      .orderBy(desc(accepted.at))
      .limit(newest);
    this.#db
      .delete(accepted)
      .where(and(ofFramework, lt(accepted.at, before), notInArray(accepted.id, kept)))
      .run();
  }
  reservations(): ReservationRow[] {
    return this.#db.select().from(schema.reservation).all();
  }
  saveReservation(row: ReservationRow): void {
    const { reservation } = schema;
    this.#db
      .insert(reservation)
      .values(row)
      .onConflictDoUpdate({ target: [reservation.node, reservation.key], set: { piece: row.piece } })
      .run();
  }
  removeReservation(node: string, key: string): void {
    const { reservation } = schema;
    this.#db
      .delete(reservation)
      .where(and(eq(reservation.node, node), eq(reservation.key, key)))
      .run();
  }

  // Partitions and their use.

  savePartition(row: PartitionRow): void {
    const { name, ...set } = row;
    this.#db.insert(schema.partition).values(row).onConflictDoUpdate({ target: schema.partition.name, set }).run();
  }
  removePartition(name: string): void {
    this.#db.delete(schema.partition).where(eq(schema.partition.name, name)).run();
  }
  forgetUse(): void {
    this.#db.delete(schema.use).run();
  }
  saveUse({ partition, lender, role, taskMs, resourceMs }: Use): void {
    const { use } = schema;
    this.#db
      .insert(use)
      .values({ partition, lender: lender ?? "", role, taskMs, resourceMs })
      .onConflictDoUpdate({ target: [use.partition, use.lender, use.role], set: { taskMs, resourceMs } })
      .run();
  }

  // Packing.

  learned(): Learned | undefined {
    return this.#db.select().from(schema.learned).get()?.shapes;
  }
  saveLearned(shapes: Learned): void {
    this.#db
      .insert(schema.learned)
      .values({ id: 1, shapes })
      .onConflictDoUpdate({ target: schema.learned.id, set: { shapes } })
      .run();
  }

  // Drills.

  drilled(): DrilledRow[] {
    return this.#db.select().from(schema.drilled).all();
  }
  saveDrilled({ job, index, epoch, node, start, fate }: DrilledRow): void {
    this.#sql.exec(
      `INSERT INTO drilled (job, "index", epoch, node, start, fate) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (job, "index", epoch) DO UPDATE SET fate = excluded.fate`,
      job,
      index,
      epoch,
      node,
      JSON.stringify(start),
      JSON.stringify(fate),
    );
  }
  forgetDrilled(): void {
    this.#db.delete(schema.drilled).run();
  }

  // Nodes and their silence.

  saveNode(row: NodeRow): void {
    const { name, ...set } = row;
    this.#db.insert(schema.node).values(row).onConflictDoUpdate({ target: schema.node.name, set }).run();
  }
  mark(node: string, session: number, dueAt: number | null): void {
    this.#sql.exec(
      `INSERT INTO silence (node, session, silent_ms, due_at) VALUES (?, ?, 0, ?) ON CONFLICT (node, session) DO NOTHING`,
      node,
      session,
      dueAt,
    );
  }
  /** Of a session that is marked. */
  countSilence(node: string, session: number, silentMs: number): void {
    this.#sql.exec(`UPDATE silence SET silent_ms = ? WHERE node = ? AND session = ?`, silentMs, node, session);
  }
  /** Of a session that is marked. */
  noteSilent(node: string, session: number): void {
    this.#sql.exec(`UPDATE silence SET is_silent = 1 WHERE node = ? AND session = ?`, node, session);
  }
  unmark(node: string, session: number): void {
    this.#sql.exec(`DELETE FROM silence WHERE node = ? AND session = ?`, node, session);
  }

  // What people ask for.

  task(job: string, index: number): TaskRow | undefined {
    return this.#db
      .select()
      .from(schema.task)
      .where(and(eq(schema.task.job, job), eq(schema.task.index, index)))
      .get();
  }
  tasks(job: string, after: number, limit: number): TaskRow[] {
    return this.#db
      .select()
      .from(schema.task)
      .where(and(eq(schema.task.job, job), gt(schema.task.index, after)))
      .orderBy(asc(schema.task.index))
      .limit(limit)
      .all();
  }
  attempts(job: string, from: number, to: number): AttemptRow[] {
    return this.#db
      .select()
      .from(schema.attempt)
      .where(and(eq(schema.attempt.job, job), text`${schema.attempt.index} between ${from} and ${to}`))
      .orderBy(asc(schema.attempt.index), asc(schema.attempt.epoch))
      .all();
  }
}
