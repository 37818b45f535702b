/** A real Broker and a real Cluster over SQLite, whose nodes only say what they have. */
import { Broker } from "../../src/broker/broker.ts";
import { Cluster } from "../../src/cluster/cluster.ts";
import type { Resources } from "../../src/model/resources.ts";
import type { ObjectRef, Turns } from "../../src/platform/seam.ts";
import type { Inventory, PollReply } from "../../src/protocol/agent.ts";
import { type Effect, ObjectHome } from "../../test/sim/nodeSqlite.ts";

export const LEAGUE = "bench";
export const CLUSTER = "here";

/** What a call to an object that is not here answers. */
export type Elsewhere = (call: Extract<Effect, { type: "call" }>) => unknown;

/** What checks itself after each turn would be measured with it. */
const unchecked = <T extends Turns>(object: T): T => Object.assign(object, { verify: undefined });

export class BenchLeague {
  readonly broker: ObjectHome<Broker>;
  readonly cluster: ObjectHome<Cluster>;
  readonly #elsewhere: Elsewhere;
  readonly #serials = new Map<string, { serial: number; seq: number }>();

  constructor(now: () => number, elsewhere: Elsewhere) {
    this.#elsewhere = elsewhere;
    const ref = (kind: ObjectRef["kind"], name: string): ObjectRef => ({ kind, league: LEAGUE, name });
    this.broker = new ObjectHome((platform) => unchecked(new Broker(platform)), { self: ref("broker", ""), now });
    this.broker.call("createCluster", { name: CLUSTER, labels: {}, idempotency: null });
    this.cluster = new ObjectHome((platform) => unchecked(new Cluster(platform)), {
      self: ref("cluster", CLUSTER),
      now,
    });
  }

  join(name: string, capacity: Resources, ports: Inventory["ports"] = []): void {
    const { serial } = this.cluster.call("join", { name, key: `key-of-${name}-0000` }) as { serial: number };
    this.#serials.set(name, { serial, seq: 0 });
    const inventory: Inventory = { capacity, attributes: {}, drivers: ["process"], version: "bench", ports };
    this.poll(name, { inventory });
  }

  poll(name: string, rest: object = {}): PollReply {
    const node = this.#serials.get(name) ?? { serial: 0, seq: 0 };
    node.seq += 1;
    const claims = { league: LEAGUE, cluster: CLUSTER, node: name, serial: node.serial };
    const still = { session: 1, nonce: "nonce-01", boot: "boot-1", running: [], updates: [], pressure: [] };
    return this.cluster.call("poll", { claims, request: { ...still, seq: node.seq, ...rest } }) as PollReply;
  }

  /** Until nobody has anything to say. */
  deliver(): void {
    for (let isQuiet = false; !isQuiet; ) {
      isQuiet = true;
      for (const home of [this.broker, this.cluster])
        for (const call of home.take("call")) {
          isQuiet = false;
          const value = this.#answer(call);
          home.result(call.to, call.method, call.args, { ok: true, value });
        }
    }
  }

  #answer(call: Extract<Effect, { type: "call" }>): unknown {
    const { to, method, args } = call;
    if (to.kind === "broker") return this.broker.call(method, args);
    if (to.kind === "cluster") return this.cluster.call(method, args);
    return this.#elsewhere(call);
  }
}
