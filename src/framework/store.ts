/** The rows of a Framework. */
import migrations from "../../migrations/framework/migrations.js";
import type { InverseOffer, Offer } from "../model/framework.ts";
import { migrate } from "../platform/drizzle.ts";
import type { Sql } from "../platform/seam.ts";
import type { ClusterBody, Request, Self, SelfBody, Task, TaskBody } from "./state.ts";

export interface SelfRow {
  self: Self;
  generation: number;
}
export type OfferBody = { offer: Offer } | { inverse: InverseOffer };

type SelfColumns = { generation: number; rev: number; told_rev: number; disconnected_ms: number; body: string };
type TaskColumns = { ordinal: number; is_completed: number; body: string };

/** @returns whether anybody ever subscribed: an object that is only asked has no tables, and costs nothing */
export const hasTables = (sql: Sql): boolean =>
  sql.raw("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'self'").length > 0;

export class FrameworkStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    migrate(sql, migrations);
    this.#sql = sql;
  }

  self(): SelfRow | null {
    const [row] = this.#sql.exec<SelfColumns>("SELECT generation, rev, told_rev, disconnected_ms, body FROM self");
    if (!row) return null;
    const body: SelfBody = JSON.parse(row.body);
    return {
      self: { ...body, rev: row.rev, toldRev: row.told_rev, disconnectedMs: row.disconnected_ms },
      generation: row.generation,
    };
  }
  saveSelf({ rev, toldRev, disconnectedMs, ...body }: Self, generation: number): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO self (id, generation, rev, told_rev, disconnected_ms, body) VALUES (1, ?, ?, ?, ?, ?)",
      generation,
      rev,
      toldRev,
      disconnectedMs,
      JSON.stringify(body),
    );
  }

  tasks(): { task: Task; isCompleted: boolean }[] {
    return this.#sql.exec<TaskColumns>("SELECT ordinal, is_completed, body FROM task ORDER BY ordinal").map(readTask);
  }
  tasksBefore(ordinal: number, limit: number): { task: Task; isCompleted: boolean }[] {
    return this.#sql
      .exec<TaskColumns>(
        "SELECT ordinal, is_completed, body FROM task WHERE ordinal < ? ORDER BY ordinal DESC LIMIT ?",
        ordinal,
        limit,
      )
      .map(readTask);
  }
  saveTask({ ordinal, ...body }: Task, isCompleted: boolean): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO task (ordinal, is_completed, body) VALUES (?, ?, ?)",
      ordinal,
      isCompleted ? 1 : 0,
      JSON.stringify(body),
    );
  }
  removeTask(ordinal: number): void {
    this.#sql.exec("DELETE FROM task WHERE ordinal = ?", ordinal);
  }

  offers(): OfferBody[] {
    return this.#sql.exec<{ body: string }>("SELECT body FROM offer ORDER BY id").map(({ body }) => JSON.parse(body));
  }
  saveOffer(id: string, body: OfferBody): void {
    this.#sql.exec("INSERT OR REPLACE INTO offer (id, body) VALUES (?, ?)", id, JSON.stringify(body));
  }
  removeOffer(id: string): void {
    this.#sql.exec("DELETE FROM offer WHERE id = ?", id);
  }

  clusters(): { name: string; body: ClusterBody }[] {
    return this.#sql
      .exec<{ name: string; body: string }>("SELECT name, body FROM cluster ORDER BY name")
      .map(({ name, body }) => ({ name, body: JSON.parse(body) }));
  }
  saveCluster(name: string, body: ClusterBody): void {
    this.#sql.exec("INSERT OR REPLACE INTO cluster (name, body) VALUES (?, ?)", name, JSON.stringify(body));
  }

  requests(): { key: string; request: Request }[] {
    return this.#sql
      .exec<{ key: string; body: string }>("SELECT key, body FROM request ORDER BY key")
      .map(({ key, body }) => ({ key, request: JSON.parse(body) }));
  }
  saveRequest(key: string, request: Request): void {
    this.#sql.exec("INSERT OR REPLACE INTO request (key, body) VALUES (?, ?)", key, JSON.stringify(request));
  }
  removeRequest(key: string): void {
    this.#sql.exec("DELETE FROM request WHERE key = ?", key);
  }
}

function readTask({ ordinal, is_completed, body }: TaskColumns): { task: Task; isCompleted: boolean } {
  const read: TaskBody = JSON.parse(body);
  return { task: { ordinal, ...read }, isCompleted: is_completed === 1 };
}
