/** `POST /api/v1/scheduler`: Mesos' scheduler API, version 1, over JSON. */
import { type Context, Hono } from "hono";
import { readBytes } from "../api/body.ts";
import type { ApiEnv } from "../api/env.ts";
import { Inbox } from "../api/inbox.ts";
import { streamOf } from "../api/stream.ts";
import type { FrameworkMethods, Subscribe } from "../framework/methods.ts";
import type { ObjectClient } from "../platform/objectClient.ts";
import { objectClient } from "../platform/objects.ts";
import { type Access, accessOf } from "./access.ts";
import { readCall } from "./calls/calls.ts";
import { readSubscription } from "./calls/frameworkInfo.ts";
import { idError } from "./calls/ids.ts";
import { contentTypeError, headerError, isRefusal, methodError, readBody } from "./envelope.ts";
import { eventJson } from "./events/events.ts";
import { formatOf } from "./events/offeredResources.ts";
import { firstEvent, records } from "./events/subscription.ts";
import type { Call, Subscription } from "./messages/call.ts";
import { plainText, problemsAsText } from "./plainText.ts";
import { heartbeatMsOf } from "./settings.ts";
import { record } from "./wire/recordIo.ts";

const MAX_BODY_BYTES = 8 * 2 ** 20;
const STREAM_ID = "mesos-stream-id";
/** Who asks for all its tasks is sent a thousand a turn, faster than it may read them. */
const MAX_UNREAD_EVENTS = 50_000;

export const scheduler = new Hono<ApiEnv>();
for (const path of ["/api/v1/scheduler", "/master/api/v1/scheduler"]) scheduler.all(path, answer);

scheduler.onError(problemsAsText("mesos-master-scheduler"));

async function answer(c: Context<ApiEnv>): Promise<Response> {
  const access = await accessOf(c);
  const early = methodError(c.req.method) ?? contentTypeError(c.req.header("content-type"));
  if (early) return plainText(early);
  const body = new TextDecoder().decode(await readBytes(c.req.raw, MAX_BODY_BYTES));
  const call = readBody(body, access.principal);
  if (isRefusal(call)) return plainText(call);
  const streamId = c.req.header(STREAM_ID);
  const late = headerError(call.type, { accept: c.req.header("accept"), streamId });
  if (late) return plainText(late);
  return call.type === "SUBSCRIBE" && call.subscribe
    ? subscribe(c, call.subscribe, access)
    : perform(c, call, streamId ?? null, access);
}

const frameworkAt = (c: Context<ApiEnv>, league: string, id: string): ObjectClient<FrameworkMethods> =>
  objectClient(c.env, { kind: "framework", league, name: id });

async function perform(c: Context<ApiEnv>, call: Call, streamId: string | null, access: Access): Promise<Response> {
  const id = call.framework_id?.value ?? "";
  const read = readCall(call, id, access);
  // No object has such a name.
  if (read === null || idError(id) !== null) return plainText({ status: 400, text: "Framework cannot be found" });
  const args = { streamId, principal: access.principal, ...withinOf(access), call: read };
  const { status, body } = await frameworkAt(c, access.league, id).call("call", args);
  return plainText({ status, text: body });
}

async function subscribe(c: Context<ApiEnv>, wire: Subscription, access: Access): Promise<Response> {
  const heartbeatMs = heartbeatMsOf(c.env);
  const { info, suppressedRoles, constraints, infoError, optionsError } = readSubscription(wire, access);
  const streamId = crypto.randomUUID();
  const frameworkId = wire.framework_info.id?.value || `${crypto.randomUUID()}-0000`;
  const context = { frameworkId, format: formatOf(info.capabilities), heartbeatMs, url: new URL(c.req.url) };
  // An id that no object can have is one such error.
  if (infoError !== null)
    return streamed(streamId, only(record(eventJson({ type: "ERROR", message: infoError }, context))));
  const first: Subscribe = {
    subscribe: { streamId, info, suppressedRoles, constraints, ...withinOf(access), optionsError },
  };
  const inbox = await Inbox.open(
    frameworkAt(c, access.league, frameworkId),
    first,
    c.req.raw.signal,
    MAX_UNREAD_EVENTS,
  );
  return streamed(streamId, records(await firstEvent(inbox), inbox, context));
}

const withinOf = ({ role }: Access): { within?: string } => (role === null ? {} : { within: role });

async function* only(part: string): AsyncGenerator<string> {
  yield part;
}

/** Of unknown length, and as it is: clients take both for signs that it is a stream. */
const streamed = (streamId: string, parts: AsyncGenerator<string>): Response =>
  new Response(streamOf(parts), {
    headers: { "content-type": "application/json", "cache-control": "no-transform", [STREAM_ID]: streamId },
  });
