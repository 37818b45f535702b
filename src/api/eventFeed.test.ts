import { expect, test, vi } from "vitest";
import type { BrokerMethods } from "../broker/methods.ts";
import type { EventView } from "../model/views.ts";
import type { ObjectClient, SocketEvents } from "../platform/objectClient.ts";
import { feed, HEARTBEAT_MS } from "./eventFeed.ts";

const event = (n: number): EventView => ({ cursor: `b${n}`, at: n, type: "node.joined" });

/** A Broker that stores some events and whose sockets the test holds. */
function fakeBroker(stored: EventView[] = []) {
  const opened: { first: unknown; events: SocketEvents; closed: boolean }[] = [];
  const broker: ObjectClient<BrokerMethods> = {
    call: async (method, args) => {
      if (method !== "events") throw new Error(`not expected: ${method}`);
      const { since } = args as { since: string | null };
      const rest = stored.slice(stored.findIndex(({ cursor }) => cursor === since) + 1);
      return { events: rest, cursor: rest.at(-1)?.cursor ?? since } as never;
    },
    open: async (first, events) => {
      const socket = { first, events, closed: false };
      opened.push(socket);
      return {
        close: () => {
          socket.closed = true;
        },
      };
    },
    handOver: () => Promise.reject(new Error("not expected")),
  };
  return { broker, opened };
}
const signal = () => new AbortController().signal;
const FOLLOW = { since: null, job: null, follow: true };

test("what is stored comes first, then what happens after it", async () => {
  const { broker, opened } = fakeBroker([event(1), event(2)]);
  const events = feed(broker, FOLLOW, signal());
  expect((await events.next()).value).toEqual([event(1), event(2)]);
  const next = events.next();
  await vi.waitFor(() => expect(opened[0]?.first).toEqual({ watch: { since: "b2", job: null } }));
  opened[0]?.events.message([event(3)]);
  expect((await next).value).toEqual([event(3)]);
});

test("a feed that nothing happens in gives a sign of life", async () => {
  vi.useFakeTimers();
  const { broker } = fakeBroker();
  const next = feed(broker, FOLLOW, signal()).next();
  await vi.advanceTimersByTimeAsync(HEARTBEAT_MS);
  expect((await next).value).toEqual([]);
  vi.useRealTimers();
});

test("a socket that the broker ends on purpose is opened again after the newest event; a lost one ends the feed", async () => {
  const { broker, opened } = fakeBroker();
  const events = feed(broker, FOLLOW, signal());
  const first = events.next();
  await vi.waitFor(() => expect(opened).toHaveLength(1));
  opened[0]?.events.message([event(7), { at: 8, type: "job.progress" }]);
  await first;
  opened[0]?.events.closed(1000);
  const second = events.next();
  await vi.waitFor(() => expect(opened[1]?.first).toEqual({ watch: { since: "b7", job: null } }));
  opened[1]?.events.closed(1006);
  expect((await second).done).toBe(true);
});

test("when the reader goes away the socket is closed", async () => {
  const { broker, opened } = fakeBroker();
  const gone = new AbortController();
  const events = feed(broker, FOLLOW, gone.signal);
  const next = events.next();
  await vi.waitFor(() => expect(opened).toHaveLength(1));
  gone.abort();
  expect((await next).done).toBe(true);
  expect(opened[0]?.closed).toBe(true);
});

test("a problem that the broker answers with is the feed's", async () => {
  const { broker, opened } = fakeBroker();
  const next = feed(broker, FOLLOW, signal()).next();
  await vi.waitFor(() => expect(opened).toHaveLength(1));
  opened[0]?.events.message({ problem: { code: "not-found", detail: "no such job" } });
  await expect(next).rejects.toMatchObject({ code: "not-found", detail: "no such job" });
  expect(opened[0]?.closed).toBe(true);
});
