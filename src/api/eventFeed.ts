/** What happened in a league, oldest first, and what goes on happening. */
import type { BrokerMethods, WatchEvents } from "../broker/methods.ts";
import type { EventView } from "../model/views.ts";
import type { ObjectClient } from "../platform/objectClient.ts";
import { ENDED, Inbox } from "./inbox.ts";

const PAGE = 1000;
export const HEARTBEAT_MS = 15_000;

export interface FeedQuery {
  /** null: from the oldest that is stored; with a job: from its present state */
  since: string | null;
  job: string | null;
  follow: boolean;
}

/** Yields what arrived together; an empty list is a sign of life. */
export async function* feed(
  broker: ObjectClient<BrokerMethods>,
  { since, job, follow }: FeedQuery,
  signal: AbortSignal,
): AsyncGenerator<EventView[]> {
  let cursor = since;
  // Of one job its present state is enough, and known without reading the events of all.
  if (!follow || job === null || since !== null) {
    for (;;) {
      const page = await broker.call("events", { since: cursor, limit: PAGE, job });
      if (page.cursor === cursor) break;
      cursor = page.cursor;
      if (page.events.length > 0) yield page.events;
    }
  }
  while (follow && !signal.aborted) {
    const watch: WatchEvents = { watch: { since: cursor, job } };
    const inbox = await Inbox.open(broker, watch, signal);
    try {
      for (;;) {
        const arrival = await inbox.take(HEARTBEAT_MS);
        if (arrival.is === "closed") {
          // Ended on purpose, the reader goes on after the newest it has; else it comes again by itself.
          if (arrival.code === ENDED) break;
          return;
        }
        const events = arrival.is === "message" ? eventsIn(arrival.message) : [];
        cursor = events.findLast((event) => event.cursor !== undefined)?.cursor ?? cursor;
        yield events;
      }
    } finally {
      inbox.close();
    }
  }
}

/** The Broker sends lists of events; it is trusted to. */
const eventsIn = (message: unknown): EventView[] => (Array.isArray(message) ? message : []);
