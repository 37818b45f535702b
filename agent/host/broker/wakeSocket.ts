/**
 * The socket by which the broker calls a node that rests: a WebSocket over an upgrade of node:http(s), of which only
 * `{"wake":true}` is ever heard. To lose it costs a few seconds of latency, so nothing waits for it.
 */
import type { ClientRequest } from "node:http";
import type { Duplex } from "node:stream";
import { messageOf } from "../files.ts";
import type { Log } from "../log.ts";
import { randomBytes } from "../random.ts";
import { type Frame, frameOf, takeFrames } from "./wakeFrames.ts";

const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const HANDSHAKE_MS = 15_000;
/** Between this and twice this a ping goes out: often enough for what forgets idle connections. */
const PING_MS = 60_000;
const PONG_MS = 10_000;
const BACKOFF_BASE_MS = 2_000;
const BACKOFF_MAX_MS = 600_000;
/** What is cut sooner did not work. */
const STABLE_MS = 120_000;
/** Up to twice this after something on the way said no to the upgrade itself. */
const REFUSED_MS = 3_600_000;

export interface WakeParts {
  /** a request for the socket, not yet sent */
  open(headers: Record<string, string>): Promise<ClientRequest>;
  called(): void;
  changed(open: boolean): void;
  random(): number;
  log: Log;
}

export class WakeSocket {
  readonly #parts: WakeParts;
  #closed = false;
  #request: ClientRequest | null = null;
  #socket: Duplex | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** tries or short lives in a row */
  #failures = 0;
  #refused = false;

  constructor(parts: WakeParts) {
    this.#parts = parts;
  }

  start(): void {
    if (!this.#closed) void this.#try().catch((error: unknown) => this.#retry(messageOf(error)));
  }

  async #try(): Promise<void> {
    const key = randomBytes(16).toString("base64");
    const headers = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": key,
    };
    const accept = await acceptOf(key);
    const request = await this.#parts.open(headers);
    request.on("error", (error) => this.#failed(request, error.message));
    if (this.#closed) {
      request.destroy();
      return;
    }
    this.#request = request;
    this.#after(HANDSHAKE_MS, () => request.destroy(new Error("no answer")));
    request.on("response", (response) => {
      const { statusCode = 0 } = response;
      if (isRefusal(statusCode)) this.#refused = true;
      this.#failed(request, `HTTP ${statusCode} instead of a socket`);
      request.destroy();
    });
    request.on("upgrade", (response, socket, head) => {
      if (request !== this.#request || this.#closed) socket.destroy();
      else if (response.headers["sec-websocket-accept"] !== accept) {
        socket.destroy();
        this.#refused = true;
        this.#failed(request, "an upgrade to something else");
      } else this.#opened(socket, head);
    });
    request.end();
  }

  #failed(request: ClientRequest, message: string): void {
    if (request !== this.#request) return;
    this.#request = null;
    this.#retry(message);
  }

  #opened(socket: Duplex, head: Buffer): void {
    this.#request = null;
    this.#socket = socket;
    this.#refused = false;
    const openedMs = performance.now();
    let arrived = Buffer.alloc(0);
    const lost = (message: string) => {
      socket.destroy();
      if (socket !== this.#socket) return;
      this.#socket = null;
      this.#parts.changed(false);
      if (performance.now() - openedMs >= STABLE_MS) this.#failures = 0;
      this.#retry(message);
    };
    const take = (bytes: Buffer) => {
      if (socket !== this.#socket) return;
      try {
        const { frames, rest } = takeFrames(Buffer.concat([arrived, bytes]));
        arrived = Buffer.from(rest);
        this.#pingLater(socket, lost);
        for (const frame of frames) this.#hear(frame, socket, lost);
      } catch (error) {
        lost(messageOf(error));
      }
    };
    socket.on("error", (error) => lost(error.message));
    socket.on("close", () => lost("cut"));
    socket.on("end", () => lost("ended"));
    socket.on("data", take);
    this.#pingLater(socket, lost);
    this.#parts.changed(true);
    take(head);
  }

  #hear({ opcode, payload }: Frame, socket: Duplex, lost: (message: string) => void): void {
    if (opcode === "ping") socket.write(frameOf("pong", payload));
    else if (opcode === "close") lost("closed by the broker");
    else if (opcode === "text" && isCall(payload)) this.#parts.called();
  }

  /** After anything that arrives the wait begins anew. */
  #pingLater(socket: Duplex, lost: (message: string) => void): void {
    this.#after(PING_MS * (1 + this.#parts.random()), () => {
      socket.write(frameOf("ping"));
      this.#after(PONG_MS, () => lost("no answer to a ping"));
    });
  }

  #retry(message: string): void {
    if (this.#closed) return;
    const { random, log } = this.#parts;
    const delayMs = retryMs(this.#failures, this.#refused, random());
    if (this.#failures++ === 0) log("info", `wake socket: ${message}; the node polls instead and tries again`);
    this.#after(delayMs, () => this.start());
  }

  /** There is one thing at a time to wait for. */
  #after(ms: number, run: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, ms);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#request?.destroy();
    this.#socket?.destroy();
    this.#socket = null;
  }
}

/** Full jitter; `failures` before this one, `random` in [0, 1). */
export const retryMs = (failures: number, refused: boolean, random: number): number =>
  refused
    ? REFUSED_MS * (1 + random)
    : random * Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** Math.min(failures, 20));

/** Of the network or a proxy, not of a broker that is away or a credential that is renewed meanwhile. */
const isRefusal = (status: number): boolean =>
  status < 500 && status !== 401 && status !== 403 && status !== 408 && status !== 429;

/** What a broker that knows of WebSockets answers to the key. */
const acceptOf = async (key: string): Promise<string> =>
  Buffer.from(await crypto.subtle.digest("SHA-1", Buffer.from(`${key}${ACCEPT_SUFFIX}`))).toString("base64");

function isCall(payload: Buffer): boolean {
  try {
    const said: unknown = JSON.parse(payload.toString("utf8"));
    return typeof said === "object" && said !== null && "wake" in said && said.wake === true;
  } catch {
    return false;
  }
}
