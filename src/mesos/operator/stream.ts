/**
 * An operator's stream: the state, and then what changes. Tasks tell their changes to their framework alone, so what is
 * told here is found by looking again: once each heartbeat, and about a second after the league's log tells of a node, a
 * cluster or a framework. So an event comes as much later than what it is about, at most a heartbeat and the time that a
 * look takes; a task that came and went between two looks is told of as it ended. Agents, of which there may be many,
 * are looked at when the log tells of one, and every `AGENTS_MS` for what the log missed.
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
import { Look } from "./look.ts";
import { getState } from "./state.ts";

/** Events that come together make one look. */
const GATHER_MS = 1_000;
const AGENTS_MS = 60_000;

interface Request {
  env: Env;
  viewer: Binding;
  url: URL;
  heartbeatMs: number;
}

/** @param inbox of the Broker's events from now on */
export async function* operatorRecords(
  { env, viewer, url, heartbeatMs }: Request,
  inbox: Pick<Inbox, "take" | "close">,
): AsyncGenerator<string> {
  try {
    const changes = new Changes(url);
    const first = new Look(env, viewer);
    const get_state = await getState(first, url);
    await newsOf(changes, first, true);
    const subscribed = { get_state, heartbeat_interval_seconds: heartbeatMs / 1000 };
    yield record({ type: "SUBSCRIBED", subscribed });
    yield record(HEARTBEAT);
    let heartbeatAtMs = Date.now() + heartbeatMs;
    let agentsAtMs = Date.now() + AGENTS_MS;
    for (;;) {
      const heard = await hear(inbox, heartbeatAtMs);
      if (heard === "closed") return;
      const withAgents = heard === "agents" || Date.now() >= agentsAtMs;
      for (const event of await newsOf(changes, new Look(env, viewer), withAgents)) yield record(event);
      if (withAgents) agentsAtMs = Date.now() + AGENTS_MS;
      if (Date.now() < heartbeatAtMs) continue;
      yield record(HEARTBEAT);
      heartbeatAtMs = Date.now() + heartbeatMs;
    }
  } finally {
    inbox.close();
  }
}

async function newsOf(changes: Changes, look: Look, withAgents: boolean): Promise<Json[]> {
  const [nodes, frameworks, tasks] = await Promise.all([
    withAgents ? look.nodes() : null,
    look.frameworks(),
    look.tasks(),
  ]);
  return [
    ...(nodes === null ? [] : changes.ofAgents(nodes, look)),
    ...changes.ofFrameworks(frameworks),
    ...changes.ofTasks(tasks),
  ];
}

/** Until something is worth a look, or it is time for one. @returns what the log told of */
async function hear(inbox: Pick<Inbox, "take">, untilMs: number): Promise<"closed" | "agents" | "others"> {
  let deadlineMs = untilMs;
  let heard: "agents" | "others" = "others";
  for (;;) {
    const arrival = await inbox.take(Math.max(0, deadlineMs - Date.now()));
    if (arrival.is === "closed") return "closed";
    if (arrival.is === "late") return heard;
    for (const type of typesIn(arrival.message)) {
      if (!/^(node|cluster|framework)\./.test(type)) continue;
      if (!type.startsWith("framework.")) heard = "agents";
      deadlineMs = Math.min(deadlineMs, Date.now() + GATHER_MS);
    }
    if (Date.now() >= deadlineMs) return heard;
  }
}

/** The Broker sends lists of events; it is trusted to. */
const typesIn = (message: unknown): string[] =>
  Array.isArray(message) ? message.map((event) => String(Object(event).type)) : [];

export function openInbox(env: Env, league: string, signal: AbortSignal): Promise<Inbox> {
  const watch: WatchEvents = { watch: { since: null, job: null } };
  return Inbox.open(brokerAt(env, league), watch, signal);
}
