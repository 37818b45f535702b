/**
 * An operator's stream: the state, and then what changes. Tasks tell their changes to their framework alone, so what is
 * told here is found by looking again, once each heartbeat: an event comes as much later than what it is about, at most
 * a heartbeat and the time that a look takes. A task that came and went between two looks is told of as it ended.
 * Agents, of which there may be many, are looked at only when the league's log has told of one, and every `AGENTS_MS`.
 */
import type { Env } from "../../api/env.ts";
import { Inbox } from "../../api/inbox.ts";
import { brokerAt } from "../../api/objects.ts";
import type { WatchEvents } from "../../broker/methods.ts";
import { HEARTBEAT } from "../events/events.ts";
import type { Json } from "../events/offeredResources.ts";
import type { Binding } from "../settings.ts";
import { record } from "../wire/recordIo.ts";
import { Changes } from "./changes.ts";
import { LeagueLook } from "./leagueLook.ts";
import type { Look } from "./look.ts";
import { getState } from "./state.ts";

/** For what the log may have missed. */
const AGENTS_MS = 60_000;

interface Request {
  env: Env;
  viewer: Binding;
  url: URL;
  heartbeatMs: number;
}

/** @param inbox of the Broker's events from now on */
export async function* operatorRecords(request: Request, inbox: Pick<Inbox, "take" | "close">): AsyncGenerator<string> {
  const { env, viewer, url, heartbeatMs } = request;
  try {
    const changes = new Changes(url);
    yield await firstRecord(request, changes);
    yield record(HEARTBEAT);
    let agentsAtMs = Date.now() + AGENTS_MS;
    for (;;) {
      const heard = await hear(inbox, Date.now() + heartbeatMs);
      if (heard === "closed") return;
      const withAgents = heard === "agents" || Date.now() >= agentsAtMs;
      const news = await newsOf(changes, new LeagueLook(env, viewer), withAgents).catch(inOrder);
      if (news === null) return;
      for (const event of news) yield record(event);
      yield record(HEARTBEAT);
      if (withAgents) agentsAtMs = Date.now() + AGENTS_MS;
    }
  } finally {
    inbox.close();
  }
}

/** By itself, so that a stream does not keep the state that it began with. */
async function firstRecord({ env, viewer, url, heartbeatMs }: Request, changes: Changes): Promise<string> {
  const look = new LeagueLook(env, viewer);
  const get_state = await getState(look, url);
  await newsOf(changes, look, true);
  return record({ type: "SUBSCRIBED", subscribed: { get_state, heartbeat_interval_seconds: heartbeatMs / 1000 } });
}

/** The stream ends as it should, and its reader subscribes again: to one that is cut it might listen for ever. */
function inOrder(error: unknown): null {
  console.error("an operator's stream ends: its league can't be looked at", error);
  return null;
}

async function newsOf(changes: Changes, look: Look, withAgents: boolean): Promise<Json[]> {
  const [nodes, frameworks, tasks] = await Promise.all([
    withAgents ? look.nodes() : null,
    look.frameworks(),
    look.tasks(),
  ]);
  return [
    ...(nodes === null ? [] : changes.ofAgents(nodes, look.viewer)),
    ...changes.ofFrameworks(frameworks),
    ...changes.ofTasks(tasks),
  ];
}

/** @returns at the time, whether the log has told of agents until then */
async function hear(inbox: Pick<Inbox, "take">, untilMs: number): Promise<"closed" | "agents" | "others"> {
  let heard: "agents" | "others" = "others";
  for (;;) {
    const arrival = await inbox.take(Math.max(0, untilMs - Date.now()));
    if (arrival.is === "closed") return "closed";
    if (arrival.is === "message" && typesIn(arrival.message).some(isOfAgents)) heard = "agents";
    if (Date.now() >= untilMs) return heard;
  }
}

const isOfAgents = (type: string): boolean => type.startsWith("node.") || type.startsWith("cluster.");

/** The Broker sends lists of events; it is trusted to. */
const typesIn = (message: unknown): string[] =>
  Array.isArray(message) ? message.map((event) => String(Object(event).type)) : [];

export function openInbox(env: Env, league: string, signal: AbortSignal): Promise<Inbox> {
  const watch: WatchEvents = { watch: { since: null, job: null } };
  return Inbox.open(brokerAt(env, league), watch, signal);
}
