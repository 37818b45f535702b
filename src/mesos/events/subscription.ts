/** A framework's stream: what its object tells, as records, and heartbeats between. */
import type { Inbox } from "../../api/inbox.ts";
import type { FrameworkEvent } from "../../framework/methods.ts";
import { Problem } from "../../model/problems.ts";
import { record } from "../wire/recordIo.ts";
import { type EventContext, eventJson, HEARTBEAT } from "./events.ts";
import { formatOf } from "./offeredResources.ts";

/** Clients wait so long for the head of the answer, and half of it more. */
const FIRST_EVENT_MS = 10_000;

/** Waited for, so that a fault can still be the answer. @throws Problem */
export async function firstEvent(inbox: Pick<Inbox, "take" | "close">): Promise<FrameworkEvent> {
  try {
    const arrival = await inbox.take(FIRST_EVENT_MS);
    // A Framework object sends nothing else.
    if (arrival.is === "message") return arrival.message as FrameworkEvent;
    throw new Problem("unavailable", "The framework's object is busy or restarting; subscribe again");
  } catch (error) {
    inbox.close(false);
    throw error;
  }
}

/**
 * Ends when the object closes its socket, and then with the last bytes that a stream must have: a client in wide use
 * waits for ever on one that is cut.
 * @param first what the object has told already
 */
export async function* records(
  first: FrameworkEvent,
  inbox: Pick<Inbox, "take" | "close">,
  context: EventContext,
): AsyncGenerator<string> {
  let format = context.format;
  let heartbeatAtMs = Number.POSITIVE_INFINITY;
  let event: FrameworkEvent | null = first;
  try {
    for (;;) {
      if (event?.type === "CAPABILITIES") format = formatOf(event.capabilities);
      else if (event) yield record(eventJson(event, { ...context, format }));
      if (event?.type === "SUBSCRIBED" || Date.now() >= heartbeatAtMs) {
        yield record(HEARTBEAT);
        heartbeatAtMs = Date.now() + context.heartbeatMs;
      }
      const arrival = await inbox.take(Math.min(context.heartbeatMs, Math.max(0, heartbeatAtMs - Date.now())));
      if (arrival.is === "closed") return;
      // A Framework object sends nothing else.
      event = arrival.is === "message" ? (arrival.message as FrameworkEvent) : null;
    }
  } finally {
    inbox.close();
  }
}
