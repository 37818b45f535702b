import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Arrival } from "../../api/inbox.ts";
import { firstEvent, records } from "./subscription.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const CONTEXT = {
  frameworkId: "f1",
  format: { hasManyRoles: false, hasRefinedReservations: false },
  heartbeatMs: 5000,
  url: new URL("http://127.0.0.1:8787/"),
};
const SUBSCRIBED = { type: "SUBSCRIBED", frameworkId: "f1" } as const;
const RESCIND = { is: "message", message: { type: "RESCIND", offerId: "o" } } as const;

/** An inbox in which things arrive as listed, each after some time; what comes too late was waited for in vain. */
function inboxOf(arrivals: { afterMs: number; arrival: Arrival }[]) {
  const inbox = {
    waits: [] as number[],
    isClosed: false,
    isLost: false,
    async take(withinMs: number): Promise<Arrival> {
      inbox.waits.push(withinMs);
      const [next] = arrivals;
      if (!next || next.afterMs > withinMs) {
        vi.setSystemTime(Date.now() + withinMs);
        if (next) next.afterMs -= withinMs;
        return { is: "late" };
      }
      vi.setSystemTime(Date.now() + next.afterMs);
      arrivals.shift();
      return next.arrival;
    },
    close(isClean = true) {
      inbox.isClosed = true;
      inbox.isLost = !isClean;
    },
  };
  return inbox;
}

async function typesOf(stream: AsyncGenerator<string>): Promise<string[]> {
  const types: string[] = [];
  for await (const text of stream) types.push(JSON.parse(text.slice(text.indexOf("\n"))).type);
  return types;
}

const after = (afterMs: number, arrival: Arrival) => ({ afterMs, arrival });
const CLOSED: Arrival = { is: "closed", code: 1000 };

test("the first event is waited for, and the object loses the socket when it is late: its framework is still there", async () => {
  const early = inboxOf([after(9_000, RESCIND)]);
  expect(await firstEvent(early)).toEqual(RESCIND.message);
  expect(early.isClosed).toBe(false);
  const late = inboxOf([after(11_000, RESCIND)]);
  await expect(firstEvent(late)).rejects.toMatchObject({ code: "unavailable" });
  expect(late.isLost).toBe(true);
});

test("the first heartbeat follows SUBSCRIBED at once, the next ones each interval of silence", async () => {
  const inbox = inboxOf([after(12_000, CLOSED)]);
  expect(await typesOf(records(SUBSCRIBED, inbox, CONTEXT))).toEqual([
    "SUBSCRIBED",
    "HEARTBEAT",
    "HEARTBEAT",
    "HEARTBEAT",
  ]);
  expect([inbox.waits, inbox.isClosed, inbox.isLost]).toEqual([[5000, 5000, 5000], true, false]);
});

test("heartbeats come as often while events do", async () => {
  const inbox = inboxOf([...Array.from({ length: 4 }, () => after(2000, RESCIND)), after(0, CLOSED)]);
  expect(await typesOf(records(SUBSCRIBED, inbox, CONTEXT))).toEqual([
    "SUBSCRIBED",
    "HEARTBEAT",
    "RESCIND",
    "RESCIND",
    "HEARTBEAT",
    "RESCIND",
    "RESCIND",
  ]);
});

test("an ERROR in place of SUBSCRIBED has no heartbeat after it", async () => {
  const inbox = inboxOf([after(0, CLOSED)]);
  const removed = { type: "ERROR", message: "Framework has been removed" } as const;
  expect(await typesOf(records(removed, inbox, CONTEXT))).toEqual(["ERROR"]);
});

test("a reader that goes away closes the socket", async () => {
  const inbox = inboxOf([after(60_000, CLOSED)]);
  const stream = records(SUBSCRIBED, inbox, CONTEXT);
  await stream.next();
  await stream.return(undefined);
  expect(inbox.isClosed).toBe(true);
});
