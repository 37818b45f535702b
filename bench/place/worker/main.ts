/**
 * The Worker that `bench:place --durable` measures: the Cluster as the platform runs it, nodes that hold polls at it
 * over the sockets of the agents' API, and the clock around. The HTTP in front of the polls is not part of it.
 */
import { Cluster } from "../../../src/cluster/cluster.ts";
import type { ClusterMethods } from "../../../src/cluster/methods.ts";
import { REST } from "../../../src/model/partition.ts";
import { type ObjectEnv, TurnsObject } from "../../../src/platform/durableObject.ts";
import type { ObjectClient } from "../../../src/platform/objectClient.ts";
import { objectClient } from "../../../src/platform/objects.ts";
import type { Grant } from "../../../src/protocol/levels.ts";
import type { DurableAnswer } from "../answer.ts";
import { CLUSTER, type PlaceInstance, placeInstance } from "../instance.ts";
import { BenchBroker, type BenchBrokerMethods, BROKER_INCARNATION } from "./broker.ts";
import { BenchNode, LEAGUE } from "./node.ts";

export class ClusterObject extends TurnsObject {
  constructor(ctx: DurableObjectState, env: ObjectEnv) {
    super(ctx, env, "cluster", Cluster);
  }
}

export class BrokerObject extends TurnsObject {
  constructor(ctx: DurableObjectState, env: ObjectEnv) {
    super(ctx, env, "broker", BenchBroker);
  }
}

/** Nodes that join at the same time. */
const JOINING = 64;
/** Nothing more comes when nothing came for so long. */
const QUIET_MS = 3_000;
const LOOK_MS = 50;

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

async function inTurn<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

function grantsOf({ jobs }: PlaceInstance): Grant[] {
  return jobs.flatMap(({ id, template, count, limits }) => {
    const limit = Object.values(limits).reduce((sum, one) => sum + one, 0);
    if (limit === 0) return [];
    const supply = [{ from: 0, to: Math.min(count, 2 * limit), handout: 1, attemptsUsed: 0 }];
    return [{ job: id, gen: 1, action: "run", limits, supply, template }];
  });
}

async function measure(instance: PlaceInstance, env: ObjectEnv): Promise<DurableAnswer> {
  const cluster = objectClient<ClusterMethods>(env, { kind: "cluster", league: LEAGUE, name: CLUSTER });
  const broker = objectClient<BenchBrokerMethods>(env, { kind: "broker", league: LEAGUE, name: "" });
  for (const [position, spec] of instance.partitions.entries())
    if (spec.name !== REST) await cluster.call("putPartition", { spec, position });

  const given: DurableAnswer["given"] = [];
  let lastAtMs = 0;
  let pollMs: number[] = [];
  const holding = new Set<string>();
  const nodes = instance.nodes.map(
    (node) =>
      new BenchNode(node, cluster, {
        polled: (name, ms) => {
          holding.add(name);
          pollMs.push(ms);
        },
        given: (name, { task }) => {
          given.push([task, name]);
          lastAtMs = performance.now();
        },
      }),
  );
  const joinedAtMs = performance.now();
  await inTurn(nodes, JOINING, (node) => node.introduce());
  const failed = Promise.race(nodes.map((node) => node.live()));
  const work = async (): Promise<DurableAnswer> => {
    while (holding.size < nodes.length) await sleep(LOOK_MS);
    const joinMs = performance.now() - joinedAtMs;
    const idlePollMs = pollMs;
    pollMs = [];
    const clusterIncarnation = await incarnationOf(broker);
    const before = await cluster.call("metrics", {});
    const startedAtMs = performance.now();
    lastAtMs = startedAtMs;
    await cluster.call("grant", { incarnation: BROKER_INCARNATION, clusterIncarnation, grants: grantsOf(instance) });
    const after = await quiet(cluster, () => ({ given: given.length, lastAtMs }));
    const counters = Object.fromEntries(Object.entries(after).map(([name, n]) => [name, n - (before[name] ?? 0)]));
    return { joinMs, idlePollMs, ms: lastAtMs - startedAtMs, pollMs, given, counters };
  };
  return Promise.race([work(), failed]);
}

/** When everything that was handed out has arrived, and nothing was for a while. @returns the Cluster's figures then */
async function quiet(
  cluster: ObjectClient<ClusterMethods>,
  seen: () => { given: number; lastAtMs: number },
): Promise<Record<string, number>> {
  for (;;) {
    await sleep(QUIET_MS / 3);
    // Comes after every turn that is still to be taken.
    const figures = await cluster.call("metrics", {});
    const { given, lastAtMs } = seen();
    if (given === figures.attempts_live && performance.now() - lastAtMs >= QUIET_MS) return figures;
  }
}

/** As its first report told. */
async function incarnationOf(broker: ObjectClient<BenchBrokerMethods>): Promise<number> {
  for (;;) {
    const { incarnation } = await broker.call("heard", {});
    if (incarnation > 0) return incarnation;
    await sleep(LOOK_MS);
  }
}

export default {
  /** `POST ?nodes=&tasks=&classes=&seed=` measures it once. */
  async fetch(request: Request, env: ObjectEnv): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const number = (name: string): number => Number(searchParams.get(name));
    if (number("nodes") === 0) return new Response("how many nodes?", { status: 400 });
    const size = { nodes: number("nodes"), tasks: number("tasks"), classes: number("classes") };
    return Response.json(await measure(placeInstance(size, number("seed")), env));
  },
};
