/** Objects as the Worker sees them: typed calls, and sockets that an object can keep while it sleeps. */
import { valueIn } from "./answer.ts";
import { type Namespaces, type Purpose, stubOf } from "./namespaces.ts";
import { withRetries } from "./retry.ts";
import type { ObjectRef } from "./seam.ts";

// biome-ignore lint/suspicious/noExplicitAny: the bound of "any function"; no value is ever of this type
type Method = (args: any) => unknown;

export interface SocketEvents {
  message(message: unknown): void;
  /** `code` 1000: the object ended it on purpose */
  closed(code: number): void;
}

export interface ObjectClient<Methods extends { [K in keyof Methods]: Method }> {
  /** Asks again after passing faults, so the method must bear repetition. @throws Problem */
  call<K extends keyof Methods & string>(method: K, args: Parameters<Methods[K]>[0]): Promise<ReturnType<Methods[K]>>;
  /** Opens a socket to the object and says `first` on it. */
  open(first: unknown, events: SocketEvents): Promise<{ close(): void }>;
  /** The response that makes the other end of a socket the client's own: the object hears `only` and nothing else. */
  handOver(only: unknown): Promise<Response>;
}

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
      return { close: () => closeQuietly(webSocket) };
    },
    handOver: (only) => upgrade({ [ONLY_MESSAGE_HEADER]: JSON.stringify(only) }),
  };
}

function closeQuietly(socket: WebSocket): void {
  try {
    socket.close(1000);
  } catch {
    // closed already
  }
}
