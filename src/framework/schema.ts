/**
 * Rows of a Framework: one of itself, one a task, offer, Cluster and request that is not answered. Whole things lie in
 * one row each as JSON, because each written row is billed.
 */
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { InverseOffer, Offer } from "../model/framework.ts";
import type { ClusterBody, Request, SelfBody, TaskBody } from "./state.ts";

export const self = sqliteTable("self", {
  id: integer("id").primaryKey(),
  /** of the data, so that a restore is seen */
  generation: integer("generation").notNull(),
  /** of the level that the Broker is told */
  rev: integer("rev").notNull(),
  /** which the Broker has confirmed */
  toldRev: integer("told_rev").notNull(),
  /** counted while it has no stream, ms */
  disconnectedMs: integer("disconnected_ms").notNull(),
  body: text("body", { mode: "json" }).$type<SelfBody>().notNull(),
});

export const task = sqliteTable("task", {
  /** in the order in which they became known */
  ordinal: integer("ordinal").primaryKey(),
  /** its end was acknowledged, or needs not be */
  isCompleted: integer("is_completed", { mode: "boolean" }).notNull(),
  body: text("body", { mode: "json" }).$type<TaskBody>().notNull(),
});

export const offer = sqliteTable("offer", {
  id: text("id").primaryKey(),
  body: text("body", { mode: "json" }).$type<{ offer: Offer } | { inverse: InverseOffer }>().notNull(),
});

export const cluster = sqliteTable("cluster", {
  name: text("name").primaryKey(),
  body: text("body", { mode: "json" }).$type<ClusterBody>().notNull(),
});

/** To Clusters, until it is answered. */
export const request = sqliteTable("request", {
  key: text("key").primaryKey(),
  body: text("body", { mode: "json" }).$type<Request>().notNull(),
});
