/** Events and output as they come: a stream that breaks is taken up again where it stopped. */
import { setTimeout as sleep } from "node:timers/promises";
import { Problem } from "../../src/model/problems.ts";
import { type EventView, eventViewSchema } from "../../src/model/views.ts";
import { jsonOrNull } from "./answer.ts";
import { type Client, unreachable } from "./client.ts";
import { eventData, linesOf } from "./lines.ts";

/** A follower gives up when the broker did not answer for this long. */
const OUTAGE_LIMIT_MS = 60_000;
const OUTAGE_PAUSE_MS = 1000;
/** Between two looks at a stream that ended without its end. */
const REOPEN_PAUSE_MS = 300;

const isOutage = (error: unknown): boolean => error instanceof Problem && error.code === "unavailable";

/** Calls `attempt` again over outages of the broker. */
export async function throughOutages<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  let since: number | null = null;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      since ??= performance.now();
      if (!isOutage(error) || signal?.aborted || performance.now() - since > OUTAGE_LIMIT_MS) throw error;
      await sleep(OUTAGE_PAUSE_MS, undefined, signal && { signal });
    }
  }
}

/** The body's chunks; a cut connection is a `Problem`, like any other network error. */
async function* chunksOf(client: Client, response: Response, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  if (!response.body) return;
  try {
    yield* response.body;
  } catch (error) {
    throw signal?.aborted ? error : unreachable(client.access.url, error);
  }
}

export interface EventsRequest {
  since?: string;
  job?: string;
  signal?: AbortSignal;
}

const parseEvent = (text: string): EventView | null => eventViewSchema.safeParse(jsonOrNull(text)).data ?? null;

/** What is stored now, oldest first. */
export async function* storedEvents(client: Client, { since, job }: EventsRequest): AsyncGenerator<EventView> {
  const response = await client.send("GET", "/v1/events", {
    query: { since, job },
    headers: { accept: "application/x-ndjson" },
    stream: true,
  });
  for await (const line of linesOf(chunksOf(client, response))) {
    const event = parseEvent(line);
    if (event) yield event;
  }
}

/**
 * What is stored and then what happens, until `signal` ends it.
 * @param opened is called whenever the stream begins anew: events that are not stored may have been missed before it
 */
export async function* followEvents(
  client: Client,
  request: EventsRequest,
  opened: () => void = () => {},
): AsyncGenerator<EventView> {
  const { job, signal } = request;
  let { since } = request;
  while (!signal?.aborted) {
    const open = () =>
      client.send("GET", "/v1/events", {
        query: { since, job, follow: 1 },
        headers: { accept: "text/event-stream" },
        stream: true,
        ...(signal && { signal }),
      });
    const response = await throughOutages(open, signal);
    opened();
    try {
      for await (const data of eventData(linesOf(chunksOf(client, response, signal)))) {
        const event = parseEvent(data);
        if (!event) continue;
        since = event.cursor ?? since;
        yield event;
      }
    } catch (error) {
      if (!isOutage(error)) throw error;
    }
    await sleep(REOPEN_PAUSE_MS, undefined, signal && { signal });
  }
}

export interface OutputRequest {
  task: string;
  /** which attempt, if that is known; else the newest */
  epoch?: number;
  stream: "stdout" | "stderr";
  /** wait for what is still to come */
  follow: boolean;
  signal?: AbortSignal;
}

/** The output of one attempt; it stays the same one when the stream is taken up again. */
export async function* outputOf(client: Client, request: OutputRequest): AsyncGenerator<Uint8Array> {
  const { task, stream, follow, signal } = request;
  let offset = 0;
  let epoch = request.epoch === undefined ? null : String(request.epoch);
  for (;;) {
    const open = () =>
      client.send("GET", `/v1/tasks/${task}/logs`, {
        query: { stream, offset, epoch, follow: follow ? 1 : null },
        headers: { accept: "application/octet-stream" },
        stream: true,
        ...(signal && { signal }),
      });
    const response: Response = await throughOutages(open, signal);
    const before = offset;
    try {
      for await (const chunk of chunksOf(client, response, signal)) {
        offset += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (!isOutage(error)) throw error;
    }
    epoch = response.headers.get("hansa-epoch") ?? epoch;
    const size = Number(response.headers.get("hansa-size") ?? 0);
    const ended = response.headers.get("hansa-ended") === "1";
    if (offset >= size && (ended || !follow)) return;
    if (offset === before) await sleep(REOPEN_PAUSE_MS, undefined, signal && { signal });
  }
}
