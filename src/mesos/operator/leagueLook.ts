/**
 * One look at a league, as a credential may see it: each thing is asked for once, and only when it is wanted. What
 * objects say is of the moment at which each was asked; nothing holds them together.
 */
import type { Env } from "../../api/env.ts";
import { brokerAt, clusterAt } from "../../api/objects.ts";
import type { FrameworkMethods } from "../../framework/methods.ts";
import type { ClusterView, FrameworkRowView, NodeView, RoleView } from "../../model/views.ts";
import { objectClient } from "../../platform/objects.ts";
import type { Binding } from "../settings.ts";
import { inParallel } from "./inParallel.ts";
import { type Look, type SeenFramework, type SeenTask, sees, seesAll } from "./look.ts";

const PAGE = 1000;
/** Statuses make them long. */
const TASKS_PAGE = 500;

export class LeagueLook implements Look {
  readonly viewer: Binding;
  readonly #env: Env;
  readonly #asked = new Map<string, Promise<unknown>>();

  constructor(env: Env, viewer: Binding) {
    this.#env = env;
    this.viewer = viewer;
  }

  #once<T>(name: string, ask: () => Promise<T>): Promise<T> {
    // A name is of one question, and so of one type.
    const asked = (this.#asked.get(name) as Promise<T> | undefined) ?? ask();
    this.#asked.set(name, asked);
    return asked;
  }

  get #broker() {
    return brokerAt(this.#env, this.viewer.league);
  }

  clusters(): Promise<ClusterView[]> {
    return this.#once("clusters", () => allPages((after) => this.#broker.call("clusters", { after, limit: PAGE })));
  }

  nodes(): Promise<NodeView[]> {
    return this.#once("nodes", async () => {
      const names = await this.clusters();
      const lists = await inParallel(names, ({ name }) => {
        const cluster = clusterAt(this.#env, this.viewer.league, name);
        return allPages((after) => cluster.call("nodes", { after, limit: PAGE }));
      });
      return lists.flat();
    });
  }

  offersHeld(): Promise<number> {
    return this.#once("offers", async () => {
      const counts = await inParallel(await this.clusters(), ({ name }) =>
        clusterAt(this.#env, this.viewer.league, name, "metrics").call("metrics", {}),
      );
      return counts.reduce((sum, { offers_held = 0 }) => sum + offers_held, 0);
    });
  }

  roles(): Promise<RoleView[]> {
    return this.#once("roles", async () =>
      (await this.#broker.call("roles", {})).filter(({ name }) => sees(this.viewer, name)),
    );
  }

  rows(): Promise<FrameworkRowView[]> {
    return this.#once("rows", async () => {
      const rows = await this.#broker.call("frameworks", {});
      return rows.filter(
        ({ roles }) => seesAll(this.viewer) || (roles.length > 0 && roles.every(({ role }) => sees(this.viewer, role))),
      );
    });
  }

  frameworks(): Promise<SeenFramework[]> {
    return this.#once("frameworks", async () =>
      inParallel(await this.rows(), async (row) => ({ row, view: await this.#framework(row.id).call("view", {}) })),
    );
  }

  tasks(): Promise<SeenTask[]> {
    return this.#once("tasks", async () => {
      const lists = await inParallel(await this.frameworks(), async (framework) => {
        const { row, view } = framework;
        if (view === null) return [];
        const object = this.#framework(row.id);
        const tasks = await allPages((after) => object.call("tasks", { after, limit: TASKS_PAGE }));
        const names = new Set(row.roles.map(({ name }) => name));
        // Of a role that it has left nobody says what it is called here.
        const seen = seesAll(this.viewer) ? tasks : tasks.filter(({ level }) => names.has(level.role));
        return seen.map((task): SeenTask => ({ ...task, framework }));
      });
      return lists.flat();
    });
  }

  #framework(name: string) {
    return objectClient<FrameworkMethods>(this.#env, { kind: "framework", league: this.viewer.league, name });
  }
}

async function allPages<T>(page: (after: string | null) => Promise<{ items: T[]; next: string | null }>): Promise<T[]> {
  const all: T[] = [];
  let after: string | null = null;
  do {
    const { items, next } = await page(after);
    for (const item of items) all.push(item);
    after = next;
  } while (after !== null);
  return all;
}
