import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Transport } from "#agent/transport";

let server: Server;
let url: string;
let sockets: Set<unknown>;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let transport: Transport;

beforeEach(async () => {
  sockets = new Set();
  answer = (_request, response) => response.end("hi");
  server = createServer((request, response) => {
    sockets.add(request.socket);
    request.resume().on("end", () => answer(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  transport = new Transport({ url: `${url}/base/`, caFile: null, environment: {} });
});
afterEach(async () => {
  transport.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const get = (path: string, deadlineMs = 5000) => transport.exchange({ method: "GET", path, deadlineMs });

test("one connection serves request after request, below the path of the URL", async () => {
  const paths: (string | undefined)[] = [];
  answer = (request, response) => {
    paths.push(request.url);
    response.end("hi");
  };
  await get("/a");
  await get("/b?c=1");
  expect(paths).toEqual(["/base/a", "/base/b?c=1"]);
  expect(sockets.size).toBe(1);
});

test("a request that is held does not keep the next from leaving", async () => {
  const held: ServerResponse[] = [];
  answer = (request, response) => (request.url === "/base/held" ? held.push(response) : response.end("hi"));
  const first = get("/held");
  expect((await get("/now")).body.toString()).toBe("hi");
  held[0]?.end("late");
  expect((await first).body.toString()).toBe("late");
});

test("silence ends at the deadline, also in the middle of an answer", async () => {
  answer = (request, response) => {
    if (request.url === "/base/half") response.write("ha");
  };
  await expect(get("/silent", 50)).rejects.toThrow("no answer within");
  await expect(get("/half", 50)).rejects.toThrow();
});

test("a connection that is cut in the middle of an answer is no answer", async () => {
  answer = (_request, response) => {
    response.writeHead(200, { "content-length": "10" });
    response.write("half", () => response.destroy());
  };
  await expect(get("/cut")).rejects.toThrow();
});

test("after two errors in a row the next request takes a new connection", async () => {
  await get("/a");
  answer = () => {};
  await expect(Promise.all([get("/b", 50), get("/c", 50)])).rejects.toThrow();
  await expect(get("/d", 50)).rejects.toThrow();
  answer = (_request, response) => response.end("hi");
  const before = sockets.size;
  await get("/e");
  expect(sockets.size).toBe(before + 1);
});

test("a connection is not used for more than a quarter of an hour", async () => {
  const nowMs = performance.now();
  const clock = vi.spyOn(performance, "now");
  clock.mockReturnValue(nowMs + 14 * 60_000);
  await get("/a");
  clock.mockReturnValue(nowMs + 30 * 60_000);
  await get("/b");
  expect(sockets.size).toBe(1);
  await get("/c");
  clock.mockRestore();
  expect(sockets.size).toBe(2);
});

test("an answer is taken as it comes: no redirect is followed, nothing unpacked, parts put together", async () => {
  answer = (request, response) => {
    response.writeHead(302, {
      location: "/a",
      "content-encoding": "br",
      "x-accepts": request.headers["accept-encoding"] ?? "",
    });
    response.write("pa");
    response.end("rts");
  };
  const { status, headers, body } = await get("/b");
  expect([status, headers.location, body.toString()]).toEqual([302, "/a", "parts"]);
  expect(["", "identity"]).toContain(headers["x-accepts"]);
});

test("a body is sent whole, as text and as bytes", async () => {
  const bodies: string[] = [];
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      bodies.push(`${request.method} ${request.headers["content-length"]} ${Buffer.concat(chunks)}`);
      response.end();
    });
  });
  await transport.exchange({ method: "POST", path: "/", body: "tëxt", deadlineMs: 5000 });
  await transport.exchange({ method: "PUT", path: "/", body: Buffer.from("bytes"), deadlineMs: 5000 });
  expect(bodies).toEqual(["POST 5 tëxt", "PUT 5 bytes"]);
});

test("what its caller gives up, and what is under way when it is closed, ends", async () => {
  answer = () => {};
  const abort = new AbortController();
  const given = transport.exchange({ method: "GET", path: "/", deadlineMs: 5000, signal: abort.signal });
  const other = get("/other");
  abort.abort();
  await expect(given).rejects.toThrow();
  transport.close();
  await expect(other).rejects.toThrow();
});

test("a proxy from the environment is asked, and not for what NO_PROXY names", async () => {
  let asked: string | undefined;
  answer = (request, response) => {
    asked = request.url;
    response.end("from the proxy");
  };
  const environment = { HTTP_PROXY: url, NO_PROXY: "127.0.0.1" };
  const proxied = new Transport({ url: "http://broker.example", caFile: null, environment });
  const { body } = await proxied.exchange({ method: "GET", path: "/healthz", deadlineMs: 5000 });
  expect(body.toString()).toBe("from the proxy");
  expect(asked).toBe("http://broker.example/healthz");
  const direct = new Transport({ url, caFile: null, environment });
  await direct.exchange({ method: "GET", path: "/healthz", deadlineMs: 5000 });
  expect(asked).toBe("/healthz");
  proxied.close();
  direct.close();
});
