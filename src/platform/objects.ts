/** Reaches an object by its name, over RPC and hibernating sockets. */
import { valueIn } from "./answer.ts";
import { type Namespaces, type Purpose, stubOf } from "./namespaces.ts";
import { LOST_CLOSURE, type Method, NORMAL_CLOSURE, type ObjectClient } from "./objectClient.ts";
import { withRetries } from "./retry.ts";
import type { ObjectRef } from "./seam.ts";

const UPGRADE = { upgrade: "websocket" };
const URL = "https://object/";
/** What the object hears of a socket whose other end is not trusted; see durableObject.ts. */
export const ONLY_MESSAGE_HEADER = "hansa-only-message";

export function objectClient<Methods extends { [K in keyof Methods]: Method }>(
  namespaces: Namespaces,
  ref: ObjectRef,
  purpose: Purpose = "work",
): ObjectClient<Methods> {
  const upgrade = (headers: Record<string, string>) =>
    withRetries(() => stubOf(namespaces, ref).fetch(URL, { headers: { ...UPGRADE, ...headers } }));
  return {
    async call<K extends keyof Methods & string>(method: K, args: Parameters<Methods[K]>[0]) {
      const answer = await withRetries(() => stubOf(namespaces, ref).invoke(method, args, purpose));
      // The object implements `Methods`: that is what its class is checked against.
      return valueIn(answer) as ReturnType<Methods[K]>;
    },
    async open(first, events) {
      const { webSocket } = await upgrade({});
      if (!webSocket) throw new Error(`${ref.kind} did not accept a socket`);
      webSocket.addEventListener("message", ({ data }) => {
        if (typeof data === "string") events.message(JSON.parse(data));
      });
      webSocket.addEventListener("close", ({ code }) => events.closed(code));
      webSocket.addEventListener("error", () => events.closed(0));
      webSocket.accept();
      webSocket.send(JSON.stringify(first));
      return { close: (isClean = true) => closeQuietly(webSocket, isClean ? NORMAL_CLOSURE : LOST_CLOSURE) };
    },
    handOver: (only) => upgrade({ [ONLY_MESSAGE_HEADER]: JSON.stringify(only) }),
  };
}

function closeQuietly(socket: WebSocket, code: number): void {
  try {
    socket.close(code);
  } catch {
    // closed already
  }
}
