/**
 * The Worker that `bench:place --durable` measures: the Cluster as the platform runs it, nodes that hold polls at it
 * over the sockets of the agents' API, and the clock around. The HTTP in front of the polls is not part of it.
 *
 * `PUT ?nodes=&tasks=&classes=&seed=` begins. `POST /nodes?from=&to=` lets these nodes live, and is not answered: a
 * request may have 10,000 timers, and each held poll has one. `POST /fill` waits for all of them, and measures.
 */
import { Cluster } from "../../../src/cluster/cluster.ts";
import type { ClusterMethods } from "../../../src/cluster/methods.ts";
import { REST } from "../../../src/model/partition.ts";
import { type ObjectEnv, TurnsObject } from "../../../src/platform/durableObject.ts";
import type { ObjectClient } from "../../../src/platform/objectClient.ts";
import { objectClient } from "../../../src/platform/objects.ts";
import type { Assignment } from "../../../src/protocol/agent.ts";
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

interface Run {
  instance: PlaceInstance;
  holding: Set<string>;
  given: DurableAnswer["given"];
  pollMs: number[];
  startedAtMs: number;
  /** when something was given last */
  lastAtMs: number;
}

let run: Run | null = null;

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const clusterOf = (env: ObjectEnv) =>
  objectClient<ClusterMethods>(env, { kind: "cluster", league: LEAGUE, name: CLUSTER });

async function begin(instance: PlaceInstance, env: ObjectEnv): Promise<void> {
  for (const [position, spec] of instance.partitions.entries())
    if (spec.name !== REST) await clusterOf(env).call("putPartition", { spec, position });
  run = { instance, holding: new Set(), given: [], pollMs: [], startedAtMs: performance.now(), lastAtMs: 0 };
}

async function live({ instance, ...seen }: Run, from: number, to: number, env: ObjectEnv): Promise<never> {
  const cluster = clusterOf(env);
  const listener = {
    polled: (name: string, ms: number) => {
      seen.holding.add(name);
      current().pollMs.push(ms);
    },
    given: (name: string, { task }: Assignment) => {
      seen.given.push([task, name]);
      current().lastAtMs = performance.now();
    },
  };
  const nodes = instance.nodes.slice(from, to).map((node) => new BenchNode(node, cluster, listener));
  const left = nodes.values();
  const introduceRest = async (): Promise<void> => {
    for (const node of left) await node.introduce();
  };
  await Promise.all(Array.from({ length: JOINING }, introduceRest));
  return Promise.race(nodes.map((node) => node.live()));
}

function current(): Run {
  if (run === null) throw new Error("it has not begun");
  return run;
}

async function fill(env: ObjectEnv): Promise<DurableAnswer> {
  const cluster = clusterOf(env);
  const seen = current();
  while (seen.holding.size < seen.instance.nodes.length) await sleep(LOOK_MS);
  const joinMs = performance.now() - seen.startedAtMs;
  const idlePollMs = seen.pollMs;
  seen.pollMs = [];
  const clusterIncarnation = await incarnationOf(env);
  const before = await cluster.call("metrics", {});
  const startedAtMs = performance.now();
  const grants = grantsOf(seen.instance);
  await cluster.call("grant", { incarnation: BROKER_INCARNATION, clusterIncarnation, grants });
  const after = await quiet(cluster, seen);
  const counters = Object.fromEntries(Object.entries(after).map(([name, n]) => [name, n - (before[name] ?? 0)]));
  const { given, lastAtMs, pollMs } = seen;
  return { joinMs, idlePollMs, ms: lastAtMs - startedAtMs, pollMs, given, counters };
}

function grantsOf({ jobs }: PlaceInstance): Grant[] {
  return jobs.flatMap(({ id, template, count, limits }) => {
    const limit = Object.values(limits).reduce((sum, one) => sum + one, 0);
    if (limit === 0) return [];
    const supply = [{ from: 0, to: Math.min(count, 2 * limit), handout: 1, attemptsUsed: 0 }];
    return [{ job: id, gen: 1, action: "run", limits, supply, template }];
  });
}

/** When everything that was handed out has arrived, and nothing was for a while. @returns the Cluster's figures then */
async function quiet(cluster: ObjectClient<ClusterMethods>, seen: Run): Promise<Record<string, number>> {
  for (;;) {
    await sleep(QUIET_MS / 3);
    // Comes after every turn that is still to be taken.
    const figures = await cluster.call("metrics", {});
    if (seen.given.length === figures.attempts_live && performance.now() - seen.lastAtMs >= QUIET_MS) return figures;
  }
}

/** A Broker that slept has forgotten who reported: it pokes, and hears. */
async function incarnationOf(env: ObjectEnv): Promise<number> {
  const broker = objectClient<BenchBrokerMethods>(env, { kind: "broker", league: LEAGUE, name: "" });
  for (;;) {
    await clusterOf(env).call("grant", { incarnation: BROKER_INCARNATION, clusterIncarnation: 0, grants: [] });
    const { incarnation } = await broker.call("heard", {});
    if (incarnation > 0) return incarnation;
    await sleep(LOOK_MS);
  }
}

export default {
  async fetch(request: Request, env: ObjectEnv): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const number = (name: string): number => Number(searchParams.get(name));
    if (request.method === "PUT") {
      const size = { nodes: number("nodes"), tasks: number("tasks"), classes: number("classes") };
      await begin(placeInstance(size, number("seed")), env);
      return new Response(null, { status: 204 });
    }
    if (run === null) return new Response("it has not begun", { status: 409 });
    if (pathname === "/fill") return Response.json(await fill(env));
    return live(run, number("from"), number("to"), env);
  },
};
