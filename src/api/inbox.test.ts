import { expect, test } from "vitest";
import type { SocketEvents } from "../platform/objectClient.ts";
import { Inbox } from "./inbox.ts";

/** An inbox, with the object's end of its socket and how it was closed: cleanly or not. */
async function opened(signal: AbortSignal, maxUnread?: number) {
  const closed: (boolean | undefined)[] = [];
  let object: SocketEvents | null = null;
  const client = {
    open: async (_first: unknown, events: SocketEvents) => {
      object = events;
      return { close: (isClean?: boolean) => void closed.push(isClean) };
    },
  };
  const inbox = await Inbox.open(client, {}, signal, maxUnread);
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

for (const maxUnread of [undefined, 50_000]) {
  test(`one that does not keep up loses the socket, after what it has not read: ${maxUnread ?? 10_000}`, async () => {
    const { inbox, closed, send } = await opened(new AbortController().signal, maxUnread);
    for (let n = 0; n < (maxUnread ?? 10_000); n++) send(n);
    expect(closed).toEqual([]);
    send("too many");
    expect(closed).toEqual([false]);
    expect(await inbox.take(0)).toEqual({ is: "message", message: 0 });
  });
}
