/**
 * Owners drain nodes and whole clusters and use them again, over the same faulty network as everyone; some once more
 * when the faults are over, so that it can be held that what is drained becomes empty.
 */

import { type AttemptKey, parseAttemptKey, parseTaskId } from "../../../src/model/ids.ts";
import type { ClusterDrainView, NodeView } from "../../../src/model/views.ts";
import type { PollReply } from "../../../src/protocol/agent.ts";
import { LOOK_AGAIN_MS } from "../world/network.ts";
import type { Chance } from "../world/random.ts";
import type { SimObject } from "../world/simObject.ts";
import type { World } from "../world/world.ts";
import { drawServices, type Plan } from "./person.ts";

/** The faults are forgotten: who was silent is heard again, or lost. */
const CALM_AFTER_MS = 120_000;
/** The longest grace, and the polls that tell of a stop and of an end. */
const STOPPED_WITHIN_MS = 24_000 + 60_000;

interface Leaving {
  epoch: number;
  node: string;
  leavesAtMs: number | null;
}
interface Deadline {
  deadlineMs: number;
}

export class Drains {
  readonly #world: World;
  readonly #chance: Chance;
  #asked = 0;
  /** something was to be drained: there is something to look after */
  #areKnown = false;
  /** how many times something is drained, or used again */
  readonly #times: number;
  #calmAtMs = Number.POSITIVE_INFINITY;

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
    this.#times = chance.of(0.6) ? chance.int(1, 5) : 0;
  }

  /** What there is to move, in some of the leagues where owners drain. */
  services(clusters: readonly string[]): Plan[] {
    if (this.#times === 0 || this.#chance.of(0.5)) return [];
    return drawServices(this.#chance.fork(), clusters, this.#world.mood.faultsEndMs);
  }

  schedule(untilMs: number): void {
    for (let i = 0; i < this.#times; i++)
      this.#world.timeline.at(this.#chance.int(5_000, untilMs - 1), () => this.#change([0, 3_000, 15_000, 60_000]));
  }

  #change(deadlines: readonly number[]): void {
    const cluster = this.#chance.pick(this.#world.clusters);
    const ends = this.#chance.of(0.3);
    const isWhole = this.#chance.of(0.3);
    const node = this.#nodeOf(cluster);
    const wish = {
      deadlineMs: this.#chance.pick(deadlines),
      forMs: this.#chance.of(0.4) ? this.#chance.int(1_000, 60_000) : null,
      request: `drain-${++this.#asked}`,
    };
    if (ends) this.#ask(cluster, isWhole ? "undrain" : "undrainNode", isWhole ? {} : { name: node });
    else this.#ask(cluster, isWhole ? "drain" : "drainNode", isWhole ? wish : { name: node, ...wish });
  }

  #nodeOf({ name }: SimObject): string {
    const { agents } = this.#world;
    return this.#chance.pick(agents.filter(({ claims }) => claims.cluster === name)).claims.node;
  }

  /** After the faults: everything is used again, so that all can end; some is drained once more before. */
  openUp(): void {
    const { timeline } = this.#world;
    this.#calmAtMs = timeline.nowMs + CALM_AFTER_MS;
    this.#useAll();
    timeline.after(LOOK_AGAIN_MS, () => this.#useAll());
    if (this.#chance.of(0.4)) timeline.after(CALM_AFTER_MS / 2, () => this.#change([0, 5_000]));
  }

  #useAll(): void {
    for (const cluster of this.#world.clusters) {
      this.#ask(cluster, "undrain", {});
      for (const { claims } of this.#world.agents) {
        if (claims.cluster !== cluster.name) continue;
        this.#ask(cluster, "undrainNode", { name: claims.node });
        if (this.#world.season === "deaf") this.#ask(cluster, "pauseNode", { name: claims.node, paused: false });
      }
    }
  }

  #ask(cluster: SimObject, method: string, args: unknown): void {
    const { faulty, happenings } = this.#world;
    if (faulty && !happenings.isWanted(method, cluster.name)) return;
    this.#areKnown ||= method === "drain" || method === "drainNode";
    this.#world.trace(() => `an owner asks ${cluster.name} to ${method} ${JSON.stringify(args)}`);
    this.#world.edge.request(cluster, method, args, (answer) => {
      // A node may be gone for good.
      const isDone = answer.ok || answer.code === "not-found" || answer.code === "gone";
      const what = () => `${method} ${JSON.stringify(args)} is answered ${JSON.stringify(answer)}`;
      this.#world.checks.hold("acknowledged-kept", isDone, what);
    });
  }

  /** No reply lets anything live on that was to be stopped by then. */
  replyLeaves(cluster: SimObject, { renews }: PollReply): void {
    // Where the clock leapt nodes are silent, and their silence decides; what is renewed unknown is on no row.
    if (!this.#areKnown || renews.length === 0 || cluster.leaps > 0 || cluster.rebuilds > 0) return;
    const { home } = cluster;
    const clockMs = cluster.now();
    const all = parsed<Deadline>(home.query("SELECT drain FROM self")[0]?.drain);
    for (const key of renews) {
      const { task, epoch } = parseAttemptKey(key as AttemptKey);
      const id = parseTaskId(task);
      if (!id) continue;
      const row = home.query(
        'SELECT epoch, node, leaving FROM task WHERE job = ? AND "index" = ?',
        id.job,
        id.index,
      )[0];
      const leaving = parsed<Leaving>(row?.leaving);
      const isLeaving = leaving?.epoch === epoch && row?.epoch !== epoch;
      const node = isLeaving ? leaving.node : String(row?.node);
      const own = parsed<Deadline>(home.query("SELECT drain FROM node WHERE name = ?", node)[0]?.drain);
      const untilMs = Math.min(
        own?.deadlineMs ?? Number.POSITIVE_INFINITY,
        all?.deadlineMs ?? Number.POSITIVE_INFINITY,
        (isLeaving ? leaving.leavesAtMs : null) ?? Number.POSITIVE_INFINITY,
      );
      this.#world.checks.hold(
        "drained-in-time",
        clockMs < untilMs,
        () => `${cluster.name} renews ${key} on ${node} ${clockMs - untilMs} ms after it was to be stopped`,
      );
    }
  }

  /** Long past the deadline nothing runs on what is drained and heard of. */
  look(): void {
    if (!this.#areKnown || this.#world.timeline.nowMs < this.#calmAtMs) return;
    for (const cluster of this.#world.clusters) {
      const { items } = cluster.ask("nodes", { after: null, limit: 1_000 }) as { items: NodeView[] };
      for (const { name, drain, silentMs } of items) {
        if (drain === null || cluster.now() < drain.deadlineAt + STOPPED_WITHIN_MS || silentMs > 30_000) continue;
        const agent = this.#world.agents.findLast(
          ({ claims }) => claims.node === name && claims.cluster === cluster.name,
        );
        const lives = [...(agent?.machine.processes.keys() ?? [])];
        this.#world.checks.hold(
          "drained-in-time",
          drain.left === 0 && lives.length === 0,
          () => `${cluster.name}/${name} is drained, and ${drain.left} are left there: ${lives.join(", ")}`,
        );
      }
      const { drain, silent } = cluster.ask("drainView", {}) as ClusterDrainView;
      const isDue = drain !== null && cluster.now() >= drain.deadlineAt + STOPPED_WITHIN_MS && silent.length === 0;
      const what = () => `${cluster.name} is drained, and ${drain?.left} are left there`;
      if (isDue && cluster.rebuilds === 0) this.#world.checks.hold("drained-in-time", drain.left === 0, what);
    }
  }
}

const parsed = <T>(json: unknown): T | null =>
  json === null || json === undefined ? null : (JSON.parse(String(json)) as T);
