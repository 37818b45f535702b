/**
 * A broker that costs next to nothing, so that what is measured is the agent: one node, answers at once, gives short
 * tasks so many at a time, and keeps a wake socket open.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { attemptOf } from "../../agent/host/process/attempt.fixture.ts";
import type { Assignment, PollReply, PollRequest } from "../../src/protocol/agent.ts";

const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const PING = 0x89;
const PONG = 0x8a;
const CALL = Buffer.from('{"wake":true}');
/** As long as a real one. */
const CREDENTIAL = `hnc_${Buffer.from(JSON.stringify({ league: "lab", cluster: "north", node: "n1", exp: 4e9 })).toString("base64url")}_${"0".repeat(43)}`;
export const IDENTITY = { league: "lab", cluster: "north", node: "n1", credential: CREDENTIAL };

interface Work {
  left: number;
  next: number;
  /** handed out and not yet reported */
  open: Map<string, Assignment>;
}

export class StubBroker {
  readonly #server: Server;
  readonly #secure: boolean;
  readonly #ends = new Set<Duplex>();
  #waiting: { holds: () => boolean; resolve: () => void }[] = [];
  #work: Work = { left: 0, next: 0, open: new Map() };
  #atOnce = 0;
  #wake: Duplex | null = null;
  polls = 0;
  pings = 0;
  done = 0;
  failed = 0;
  /** what replies ask for */
  nextPollMs = 0;
  firstPollAtMs: number | null = null;
  lastPressure: readonly string[] = [];

  constructor(tls: { key: Buffer; cert: Buffer } | null) {
    const listener = (request: IncomingMessage, response: ServerResponse) => this.#heard(request, response);
    this.#secure = tls !== null;
    this.#server = tls ? createTlsServer(tls, listener) : createServer(listener);
    this.#server.keepAliveTimeout = 0;
    this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex) => this.#upgrade(request, socket));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http${this.#secure ? "s" : ""}://127.0.0.1:${this.port}`;
  }

  get wakeable(): boolean {
    return this.#wake !== null;
  }

  /** Waits until it holds, looked at after everything that is heard. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }));
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ holds }) => !holds());
    for (const { holds, resolve } of waiting) if (holds()) resolve();
  }

  give(tasks: number, atOnce: number): void {
    this.#work.left = tasks;
    this.#atOnce = atOnce;
    this.call();
  }

  /** Says "poll now". */
  call(): void {
    this.#wake?.write(Buffer.concat([Buffer.from([0x81, CALL.length]), CALL]));
  }

  #heard(request: IncomingMessage, response: ServerResponse): void {
    this.firstPollAtMs ??= performance.now();
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "/", this.url);
      if (url.pathname === "/agent/v1/poll")
        answer(response, this.#reply(JSON.parse(Buffer.concat(chunks).toString())));
      else {
        const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        answer(response, { offset: Number(url.searchParams.get("offset") ?? 0) + bytes, followed: false });
      }
      this.#changed();
    });
  }

  #reply({ session, seq, running, updates, pressure }: PollRequest): PollReply {
    this.polls++;
    this.lastPressure = pressure;
    const { open } = this.#work;
    for (const { task, epoch, state } of updates) {
      if (!open.delete(`${task}@${epoch}`)) continue;
      this.done++;
      if (state !== "succeeded") this.failed++;
    }
    const known = new Set(
      [...running, ...updates.map(({ task, epoch }) => [task, epoch])].map(([t, e]) => `${t}@${e}`),
    );
    if (pressure.length === 0) this.#handOut();
    const fresh = [...open.values()].filter(({ task, epoch }) => !known.has(`${task}@${epoch}`));
    return {
      session,
      seq,
      renews: running.map(([task, epoch]) => `${task}@${epoch}`),
      jobs: fresh.length > 0 ? { job1: attemptOf({ command: ["true"] }).template } : {},
      assignments: fresh,
      stops: [],
      acked: updates.map(({ uuid }) => uuid),
      follows: [],
      nextPollMs: this.nextPollMs,
      action: "run",
      wantInventory: false,
    };
  }

  #handOut(): void {
    const work = this.#work;
    for (; work.left > 0 && work.open.size < this.#atOnce; work.left--) {
      const task = `job1.${work.next++}`;
      work.open.set(`${task}@1`, { task, epoch: 1, item: null });
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex): void {
    const key = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${ACCEPT_SUFFIX}`).digest("base64");
    socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    socket.write(`Sec-WebSocket-Accept: ${key}\r\n\r\n`);
    this.#wake = socket;
    this.#ends.add(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      if (bytes[0] !== PING) return;
      this.pings++;
      socket.write(Buffer.from([PONG, 0]), () => this.#changed());
    });
    this.#changed();
  }

  async close(): Promise<void> {
    for (const socket of this.#ends) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function answer(response: ServerResponse, value: unknown): void {
  const body = JSON.stringify(value);
  const length = Buffer.byteLength(body);
  response.writeHead(200, { "content-type": "application/json", "content-length": length }).end(body);
}
