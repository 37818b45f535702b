import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Transport } from "#agent/transport";
import { retryMs, WakeSocket } from "./wakeSocket.ts";

/** The broker's end, by hand. */
let server: Server;
let transport: Transport;
let wake: WakeSocket;
let upgrade: (request: IncomingMessage, socket: Duplex) => void;
let tries: IncomingMessage[];
let said: string[];
let heard: (() => void)[];
let random: number;
let opens: number;

const MINUTE_MS = 60_000;

const accept = (request: IncomingMessage, socket: Duplex, rest = Buffer.alloc(0)) => {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const answer = createHash("sha1").update(key).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`);
  socket.write(`Sec-WebSocket-Accept: ${answer}\r\n\r\n`);
  socket.write(rest);
};
const frame = (opcode: number, payload: string) =>
  Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), Buffer.from(payload)]);
const CALL = frame(1, '{"wake":true}');

const say = (what: string) => {
  said.push(what);
  for (const resolve of heard.splice(0)) resolve();
};
/** Waits until what the agent's side said and the broker saw has this in it. */
const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise<void>((resolve) => heard.push(resolve));
};
const untilSaid = (...all: string[]) => until(() => said.join() === all.join());

/** Opens the socket; the broker's end of it. */
const opened = async (): Promise<Duplex> => {
  const end = Promise.withResolvers<Duplex>();
  upgrade = (request, socket) => {
    accept(request, socket);
    end.resolve(socket);
  };
  wake.start();
  await untilSaid("open");
  said = [];
  return end.promise;
};
/** The next frame of the client, unmasked. */
const nextFrame = async (socket: Duplex): Promise<{ opcode: number; payload: string }> => {
  const [bytes]: Buffer[] = await once(socket, "data");
  const [first = 0, length = 0] = bytes ?? [];
  expect(length & 0x80).toBe(0x80);
  const mask = bytes?.subarray(2, 6) ?? Buffer.alloc(4);
  const payload = bytes?.subarray(6, 6 + (length & 0x7f)).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return { opcode: first & 0x0f, payload: Buffer.from(payload ?? []).toString() };
};

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  [tries, said, heard, random, opens] = [[], [], [], 0.5, 0];
  upgrade = (_request, socket) => socket.destroy();
  server = createServer();
  server.on("upgrade", (request, socket) => {
    tries.push(request);
    socket.on("error", () => {});
    upgrade(request, socket);
    say("try");
    said.pop();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  transport = new Transport({ url: `http://127.0.0.1:${port}/base`, caFile: null, environment: {} });
  wake = new WakeSocket({
    open: (headers) => {
      opens++;
      const authorization = "Bearer x";
      return transport.request({ method: "GET", path: "/agent/v1/wake", headers: { authorization, ...headers } });
    },
    called: () => say("called"),
    changed: (open) => say(open ? "open" : "lost"),
    random: () => random,
    log: () => say("logged"),
  });
});
afterEach(() => {
  vi.useRealTimers();
  wake.close();
  transport.close();
  server.closeAllConnections();
  server.close();
});

test("opens with the node's credential, and a call is heard, also in pieces or with the answer to the upgrade", async () => {
  upgrade = (request, socket) => {
    accept(request, socket, CALL);
    for (const byte of CALL) socket.write(Buffer.from([byte]));
  };
  wake.start();
  await untilSaid("open", "called", "called");
  expect(tries.map(({ url, headers }) => [url, headers.authorization])).toEqual([["/base/agent/v1/wake", "Bearer x"]]);
});

test("what it does not know is no call", async () => {
  const socket = await opened();
  for (const text of ["{}", "no json", '{"wake":1}', "null"]) socket.write(frame(1, text));
  socket.write(CALL);
  await untilSaid("called");
});

test("a ping is answered with what it brought", async () => {
  const socket = await opened();
  socket.write(frame(9, "beat"));
  expect(await nextFrame(socket)).toEqual({ opcode: 10, payload: "beat" });
});

test("a quiet socket is pinged, kept when an answer comes, and dropped when none comes", async () => {
  const socket = await opened();
  vi.advanceTimersByTime(1.5 * MINUTE_MS - 1);
  const first = nextFrame(socket);
  vi.advanceTimersByTime(1);
  expect(await first).toEqual({ opcode: 9, payload: "" });
  socket.write(frame(10, ""));
  socket.write(CALL);
  await untilSaid("called");
  const second = nextFrame(socket);
  vi.advanceTimersByTime(1.5 * MINUTE_MS);
  await second;
  vi.advanceTimersByTime(9_999);
  expect(said).toEqual(["called"]);
  vi.advanceTimersByTime(1);
  await until(() => said.includes("lost"));
});

test.each([
  ["is closed", frame(8, "")],
  ["says something long", Buffer.from([0x81, 126, 1, 0])],
  ["says something in parts", Buffer.from([0x01, 1, 65])],
])("a socket that %s is lost, and opened again soon", async (_what, bytes) => {
  const socket = await opened();
  socket.write(bytes);
  await untilSaid("lost", "logged");
  said = [];
  vi.advanceTimersByTime(2_000);
  await untilSaid("open");
  expect(tries).toHaveLength(2);
});

test("tries that fail come ever less often, at most ten minutes apart; what refuses upgrades is asked seldom", () => {
  expect(retryMs(0, false, 0.5)).toBe(1_000);
  expect(retryMs(3, false, 0.5)).toBe(8_000);
  expect(retryMs(1000, false, 0.999)).toBeLessThanOrEqual(10 * MINUTE_MS);
  expect(retryMs(1000, false, 0.999)).toBeGreaterThan(9 * MINUTE_MS);
  expect(retryMs(0, true, 0)).toBe(60 * MINUTE_MS);
});

test("a network that takes the upgrade away is asked again only after an hour or more", async () => {
  server.removeAllListeners("upgrade");
  let asked = 0;
  const again = Promise.withResolvers<void>();
  server.on("request", (_request, response) => {
    if (++asked === 2) again.resolve();
    response.writeHead(400).end();
  });
  wake.start();
  await untilSaid("logged");
  vi.advanceTimersByTime(89 * MINUTE_MS);
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toBe(1);
  vi.advanceTimersByTime(MINUTE_MS);
  await again.promise;
});

test("a broker that is away is asked again soon", async () => {
  upgrade = (_request, socket) => socket.end("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
  wake.start();
  await untilSaid("logged");
  upgrade = accept;
  vi.advanceTimersByTime(2_000);
  await until(() => said.includes("open"));
});

test("no answer at all is a failure after a while, and a closed one tries no more", async () => {
  upgrade = () => {};
  wake.start();
  await until(() => tries.length === 1);
  vi.advanceTimersByTime(15_000);
  await untilSaid("logged");
  wake.close();
  vi.advanceTimersByTime(24 * 60 * MINUTE_MS);
  expect(opens).toBe(1);
});

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("one that is closed while it opens gives up without a word", async () => {
  wake.start();
  wake.close();
  vi.advanceTimersByTime(24 * 60 * MINUTE_MS);
  // an error that nobody heard would end the agent, and fails this run
  while (opens === 0) await turn();
  for (let i = 0; i < 100; i++) await turn();
  expect([tries, said]).toEqual([[], []]);
});
