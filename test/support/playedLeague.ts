/** A real Broker and real Clusters over SQLite, with agents that are played: what one says reaches the others at once. */
import { Broker } from "../../src/broker/broker.ts";
import { Cluster } from "../../src/cluster/cluster.ts";
import { type JobSpecInput, jobSpecSchema } from "../../src/model/job.ts";
import type { JobView } from "../../src/model/views.ts";
import type { Turns } from "../../src/platform/seam.ts";
import type { Inventory } from "../../src/protocol/agent.ts";
import { ObjectHome } from "../sim/nodeSqlite.ts";
import { PlayedAgent } from "./playedAgent.ts";

const START_MS = 1_800_000_000_000;
/** Agents poll, and alarms are looked at, so often. */
const STEP_MS = 500;

export class PlayedLeague {
  readonly broker: ObjectHome<Turns>;
  readonly agents: PlayedAgent[] = [];
  readonly #clusters = new Map<string, ObjectHome<Turns>>();
  /** clusters whose calls to the Broker, and from it, fail */
  readonly cutOff = new Set<string>();
  readonly #frameworks = new Map<string, (method: string, args: unknown) => unknown>();
  #nowMs = START_MS;

  constructor(clusters: readonly string[]) {
    const now = () => this.#nowMs;
    const self = { kind: "broker" as const, league: "acme", name: "" };
    this.broker = new ObjectHome<Turns>((platform) => new Broker(platform), { self, now });
    for (const name of clusters) {
      this.broker.call("createCluster", { name, labels: {}, idempotency: null });
      this.loseRows(name);
    }
  }

  /** It begins with nothing, whatever it had. */
  loseRows(cluster: string): void {
    const self = { kind: "cluster" as const, league: "acme", name: cluster };
    const home = new ObjectHome<Turns>((platform) => new Cluster(platform), { self, now: () => this.#nowMs });
    this.#clusters.set(cluster, home);
  }

  /** Framework objects, played: what each answers. */
  play(framework: string, answer: (method: string, args: unknown) => unknown): void {
    this.#frameworks.set(framework, answer);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  at(cluster: string): ObjectHome<Turns> {
    return this.#clusters.get(cluster) as ObjectHome<Turns>;
  }

  join(cluster: string, node: string, has: Partial<Inventory> = {}): PlayedAgent {
    const agent = new PlayedAgent((method, args) => this.at(cluster).call(method, args), cluster, node, has);
    this.agents.push(agent);
    this.pass(1_000);
    return agent;
  }

  /** Until no object has anything to say. */
  deliver(): void {
    const homes = [this.broker, ...this.#clusters.values()];
    for (let isQuiet = false; !isQuiet; ) {
      isQuiet = true;
      for (const home of homes) {
        for (const { to, method, args } of home.take("call")) {
          isQuiet = false;
          if (to.kind === "framework") {
            const value = this.#frameworks.get(to.name)?.(method, args);
            home.result(to, method, args, value === undefined ? { ok: false, error: "gone" } : { ok: true, value });
            continue;
          }
          if (this.cutOff.has(to.kind === "broker" ? home.self.name : to.name)) {
            home.result(to, method, args, { ok: false, error: "cut" });
            continue;
          }
          const target = to.kind === "broker" ? this.broker : this.at(to.name);
          home.result(to, method, args, { ok: true, value: target.call(method, args) });
        }
      }
    }
  }

  /** All clocks are set forward. */
  leap(ms: number): void {
    this.#nowMs += ms;
  }

  pass(ms: number): void {
    const end = this.#nowMs + ms;
    while (this.#nowMs < end) {
      this.#nowMs = Math.min(end, this.#nowMs + STEP_MS);
      for (const home of [this.broker, ...this.#clusters.values()])
        if (home.alarmAt !== null && home.alarmAt <= this.#nowMs) home.fireAlarm();
      this.deliver();
      for (const agent of this.agents) agent.poll();
      this.deliver();
    }
  }

  submit(id: string, spec: JobSpecInput): void {
    this.broker.call("submit", { id, digest: "d", spec: jobSpecSchema.parse(spec) });
    this.deliver();
  }

  job(id: string): JobView {
    return this.broker.call("job", { id }) as JobView;
  }
}
