/** Waits for a job's end on a socket that its Broker keeps while it sleeps. */
import { z } from "@hono/zod-openapi";
import type { BrokerMethods, WatchEvents } from "../broker/methods.ts";
import { isTerminal } from "../model/states.ts";
import { type JobView, jobViewSchema } from "../model/views.ts";
import type { ObjectClient } from "../platform/objectClient.ts";
import { ENDED, Inbox } from "./inbox.ts";

/** Progress frames and stored events of the job alike say its state. */
const framesSchema = z.array(z.object({ state: jobViewSchema.shape.state.optional() }));

const saysEnd = (message: unknown): boolean =>
  framesSchema.safeParse(message).data?.some(({ state }) => state !== undefined && isTerminal(state)) ?? true;

/** @returns the job as it is when it is over, or when the time is */
export async function jobAtEnd(
  broker: ObjectClient<BrokerMethods>,
  id: string,
  waitS: number,
  signal: AbortSignal,
): Promise<JobView> {
  const now = await broker.call("job", { id });
  if (waitS === 0 || isTerminal(now.state)) return now;
  await waitForEnd(broker, id, waitS, signal);
  return broker.call("job", { id });
}

/** Comes back when the job is over, the time is, the asker is gone, or the socket is lost. */
async function waitForEnd(
  broker: ObjectClient<BrokerMethods>,
  job: string,
  waitS: number,
  signal: AbortSignal,
): Promise<void> {
  const watch: WatchEvents = { watch: { since: null, job } };
  const untilMs = Date.now() + waitS * 1000;
  while (!signal.aborted && Date.now() < untilMs) {
    const inbox = await Inbox.open(broker, watch, signal);
    const isEnded = await endsWatch(inbox, untilMs);
    inbox.close();
    if (!isEnded) return;
  }
}

/** @returns whether the Broker ended the watch on purpose, as it was built anew: the first that it says then is how it stands */
async function endsWatch(inbox: Inbox, untilMs: number): Promise<boolean> {
  for (;;) {
    const arrival = await inbox.take(Math.max(0, untilMs - Date.now()));
    if (arrival.is === "closed") return arrival.code === ENDED;
    if (arrival.is !== "message" || saysEnd(arrival.message)) return false;
  }
}
