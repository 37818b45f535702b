import { expect, test } from "vitest";
import type { SocketEvents } from "../platform/objectClient.ts";
import { Inbox } from "./inbox.ts";

/** An inbox, with the object's end of its socket and how it was closed: cleanly or not. */
async function opened(signal: AbortSignal) {
  const closed: (boolean | undefined)[] = [];
  let object: SocketEvents | null = null;
  const client = {
    open: async (_first: unknown, events: SocketEvents) => {
      object = events;
      return { close: (isClean?: boolean) => void closed.push(isClean) };
    },
  };
  const inbox = await Inbox.open(client, {}, signal);
  const send = (message: unknown) => object?.message(message);
  return { inbox, closed, send };
}

test("a reader that goes closes the socket cleanly", async () => {
  const request = new AbortController();
  const { inbox, closed } = await opened(request.signal);
  request.abort();
  expect(closed).toEqual([true]);
  expect(await inbox.take(0)).toMatchObject({ is: "closed" });
});

test("one that does not keep up loses the socket, after what it has not read yet", async () => {
  const { inbox, closed, send } = await opened(new AbortController().signal);
  for (let n = 0; n < 10_000; n++) send(n);
  expect(closed).toEqual([]);
  send("too many");
  expect(closed).toEqual([false]);
  expect(await inbox.take(0)).toEqual({ is: "message", message: 0 });
});
