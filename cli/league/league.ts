/** Brings the local league up step by step, and ends all of it whatever step it was in. */
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { rootToken } from "../../src/model/token.ts";
import { Client } from "../api/client.ts";
import { createCluster, createToken, listClusters, listNodes } from "../api/endpoints.ts";
import { type DataFolder, ensureSecret, type Hold } from "../broker/dataFolder.ts";
import { endLeftovers, knownProcesses } from "../broker/leftovers.ts";
import { listenText, nextFree, parseListen } from "../broker/listen.ts";
import { mesosVariables } from "../broker/mesos.ts";
import { brokerEvents, type Say } from "../broker/say.ts";
import { Broker } from "../broker/workerd.ts";
import { CONTEXT_FILE, readContext, writeContext } from "../context.ts";
import type { Interrupts } from "../job/interrupts.ts";
import { Node } from "./node.ts";
import { CLUSTERS, LEAGUE, NODES, type NodePlan, nodePlans } from "./plan.ts";

export interface LeagueRun {
  data: DataFolder;
  held: Hold;
  listen: string;
  ending: Interrupts;
  say: Say;
  env: NodeJS.ProcessEnv;
  /** Mesos frameworks need no credentials */
  mesos?: boolean;
}

export interface League {
  client: Client;
  nodes: NodePlan[];
  contextPath: string;
}

const NODES_UP_TIMEOUT_MS = 30_000;
const LOOK_MS = 50;
/** For answers on their way; polls of agents that have gone may be held on without anyone to hear them. */
const LAST_ANSWERS_MS = 200;
/** More than a task's usual grace between TERM and KILL. */
const AGENT_GRACE_MS = 20_000;
const JOIN_TOKEN_EXPIRES = "10m";

/** Runs `body` over a league that is up, then ends the league. @returns null when it was ended before */
export async function withLeague<T>(run: LeagueRun, body: (league: League) => Promise<T>): Promise<T | null> {
  const { held, ending } = run;
  const processes: Processes = { broker: null, nodes: [] };
  try {
    return await body(await bringUp(run, processes));
  } catch (error) {
    if (!ending.first.aborted) throw error;
    return null;
  } finally {
    await endAll(run, processes);
    held.release();
  }
}

interface Processes {
  broker: Broker | null;
  nodes: Node[];
}

async function bringUp(run: LeagueRun, processes: Processes): Promise<League> {
  const { data, held, say, ending, env } = run;
  const left = await endLeftovers(held.before);
  if (left > 0) say("leftovers", `ended ${left} processes that an earlier start left behind`);
  ending.first.throwIfAborted();

  const note = () => {
    const { broker, nodes } = processes;
    const children = knownProcesses([
      { pid: broker?.pid ?? null, graceMs: LAST_ANSWERS_MS },
      ...nodes.map(({ pid }) => ({ pid, graceMs: AGENT_GRACE_MS })),
    ]);
    held.note({ pid: process.pid, command: "start", url: broker?.url ?? null, children });
  };
  const broker = await startBroker(run, processes, note);
  const token = await rootToken(ensureSecret(data.secret), LEAGUE);
  const client = new Client({ url: broker.url, token });
  const contextPath = join(data.root, CONTEXT_FILE);
  const before = readContext(contextPath);
  const moved = before !== null && before.url !== broker.url;

  const joinTokens = await clustersWithTokens(client);
  const nodes = nodePlans(data, availableParallelism(), machineMemory());
  for (const plan of nodes) {
    ending.first.throwIfAborted();
    const joinToken = joinTokens.get(plan.cluster) ?? "";
    const node = new Node(plan, { url: broker.url, joinToken, env: agentEnv(env), say, changed: note });
    if (moved) await node.move();
    processes.nodes.push(node);
    node.start();
  }
  writeContext(contextPath, { url: broker.url, token, league: LEAGUE });
  await nodesUp(client, nodes, ending.first, say);
  return { client, nodes, contextPath };
}

async function startBroker(
  { data, listen, say, ending, env, mesos = false }: LeagueRun,
  processes: Processes,
  note: () => void,
): Promise<Broker> {
  const wanted = parseListen(listen);
  const free = await nextFree(wanted);
  if (wanted.port !== 0 && free.port !== wanted.port) {
    say("port-busy", `${listenText(wanted)} is busy; taking ${listenText(free)}`);
  }
  const plan = {
    data,
    listen: free,
    tls: null,
    secret: ensureSecret(data.secret),
    previousSecret: env.HANSA_SECRET_PREVIOUS || null,
    mesos: mesosVariables(mesos ? { mesos: LEAGUE } : {}, env),
    agentUrl: env.AGENT_URL || null,
    jsonLogs: false,
    log: join(data.root, "logs", "broker.log"),
  };
  const broker = new Broker(plan, brokerEvents(say, note));
  processes.broker = broker;
  await broker.start(ending.first);
  return broker;
}

/** Makes the clusters that are not there yet. @returns a join token for each */
async function clustersWithTokens(client: Client): Promise<Map<string, string>> {
  const there = new Set((await listClusters(client)).map(({ name }) => name));
  const tokens = new Map<string, string>();
  for (const cluster of CLUSTERS) {
    if (!there.has(cluster)) await createCluster(client, cluster, {});
    const limits = { uses: NODES.length, expiresIn: JOIN_TOKEN_EXPIRES };
    const request = { scope: "join", cluster, ...limits, note: "hansa start" } as const;
    tokens.set(cluster, (await createToken(client, request)).token);
  }
  return tokens;
}

async function nodesUp(client: Client, nodes: readonly NodePlan[], signal: AbortSignal, say: Say): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const found = (await Promise.all(CLUSTERS.map((cluster) => listNodes(client, cluster)))).flat();
    const heard = found.filter(({ state, silentMs }) => state === "up" && silentMs < performance.now() - startedAt);
    const up = new Set(heard.map(({ cluster, name }) => `${cluster}/${name}`));
    const missing = nodes.filter(({ cluster, node }) => !up.has(`${cluster}/${node}`));
    if (missing.length === 0) return;
    if (performance.now() - startedAt > NODES_UP_TIMEOUT_MS) {
      for (const { cluster, node, log } of missing)
        say("node-missing", `node ${cluster}/${node} is not up yet; its log: ${log}`);
      return;
    }
    await sleep(LOOK_MS, undefined, { signal });
  }
}

/** A container may have less than the machine. */
function machineMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** What a person or a service manager set for this command is not meant for the agents. */
const agentEnv = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^(HANSA_|npm_|NOTIFY_SOCKET$|WATCHDOG_)/.test(name)));

/** Agents first, with their tasks, while there still is a broker to tell. */
async function endAll({ ending }: LeagueRun, { broker, nodes }: Processes): Promise<void> {
  await Promise.all(nodes.map((node) => node.stop(ending.second)));
  await broker?.stop(LAST_ANSWERS_MS);
}
