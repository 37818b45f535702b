import { createServer, Agent as HttpAgent, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FaultProxy } from "./faultProxy.ts";
import { type Fault, isPath, only } from "./faults.ts";

interface Delivered {
  method: string;
  url: string;
  body: string;
}

let delivered: Delivered[];
let heard: (count: number) => Promise<void>;
let server: Server;
let proxy: FaultProxy;
let connections: HttpAgent;

/** Counts its requests in its replies; `/slow` streams, `/held` waits until its client is gone. */
beforeEach(async () => {
  delivered = [];
  let told = () => {};
  heard = async (count) => {
    while (delivered.length < count) {
      await new Promise<void>((resolve) => {
        told = resolve;
      });
    }
  };
  server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    const { method = "", url = "" } = request;
    delivered.push({ method, url, body });
    told();
    if (url === "/held") return;
    if (url === "/slow") {
      response.write("first ");
      setTimeout(() => response.end("second"), 30);
      return;
    }
    response.end(`reply ${delivered.length}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy = await FaultProxy.start((server.address() as AddressInfo).port);
  connections = new HttpAgent({ keepAlive: true });
});

afterEach(async () => {
  connections.destroy();
  await proxy.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface Reply {
  status: number;
  text: string;
}

/** @throws what the connection says when it breaks */
function ask(method: string, path: string, body?: string, timeoutMs = 0): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${proxy.url}${path}`,
      { method, agent: connections },
      async (reply: IncomingMessage) => {
        try {
          let text = "";
          for await (const piece of reply) text += piece;
          resolve({ status: reply.statusCode ?? 0, text });
        } catch (error) {
          reject(error);
        }
      },
    );
    request.once("error", reject);
    if (timeoutMs > 0) request.setTimeout(timeoutMs, () => request.destroy(new Error("timeout")));
    request.end(body);
  });
}

const harmFirstPost = (fault: Fault) => proxy.decide(only(isPath("POST", /^\/a/), fault, 1));

test("what meets no fault passes, one request after another on one connection", async () => {
  let opened = 0;
  server.on("connection", () => opened++);
  expect(await ask("POST", "/a?x=1", "hello")).toEqual({ status: 200, text: "reply 1" });
  expect(await ask("GET", "/slow")).toEqual({ status: 200, text: "first second" });
  expect(await ask("GET", "/b")).toEqual({ status: 200, text: "reply 3" });
  expect(delivered[0]).toEqual({ method: "POST", url: "/a?x=1", body: "hello" });
  expect(opened).toBe(1);
});

test.each(["reset", "end"] as const)(
  "a reply cut (%s) after the delivery: the request was delivered once",
  async (how) => {
    harmFirstPost({ kind: "cut", lose: "reply", how });
    await expect(ask("POST", "/a", "x")).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect(delivered).toHaveLength(1);
    expect(await ask("POST", "/a", "x")).toEqual({ status: 200, text: "reply 2" });
    expect(proxy.counts.get("cut")).toBe(1);
  },
);

test.each(["reset", "end"] as const)("a request cut (%s) in front of the delivery was never delivered", async (how) => {
  harmFirstPost({ kind: "cut", lose: "request", how });
  await expect(ask("POST", "/a", "x")).rejects.toThrow(/socket hang up|ECONNRESET/);
  expect(delivered).toHaveLength(0);
});

test("a swallowed reply never comes, though the request was delivered", async () => {
  harmFirstPost({ kind: "swallow", lose: "reply" });
  await expect(ask("POST", "/a", "x", 100)).rejects.toThrow("timeout");
  expect(delivered).toHaveLength(1);
});

test("a delay is waited for on both ways", async () => {
  harmFirstPost({ kind: "delay", requestMs: 60, replyMs: 60 });
  const startedAt = performance.now();
  expect(await ask("POST", "/a", "x")).toEqual({ status: 200, text: "reply 1" });
  expect(performance.now() - startedAt).toBeGreaterThan(110);
});

test("a doubled request is delivered twice and answered once", async () => {
  harmFirstPost({ kind: "double", afterMs: 20 });
  expect(await ask("POST", "/a", "x")).toEqual({ status: 200, text: "reply 1" });
  await heard(2);
  expect(delivered).toEqual([delivered[1], delivered[0]]);
  expect(await ask("GET", "/b")).toEqual({ status: 200, text: "reply 3" });
});

test("a replayed reply is an older one to the same method and path, and the request is delivered", async () => {
  await ask("POST", "/other");
  await ask("POST", "/a");
  proxy.decide(only(isPath("POST", /^\/a/), { kind: "replay" }));
  expect(await ask("POST", "/a?again")).toEqual({ status: 200, text: "reply 2" });
  expect(delivered).toHaveLength(3);
});

test.each([
  [502, "reply", 1],
  [200, "request", 0],
] as const)("a page with %i in place of the reply, the %s lost", async (status, lose, count) => {
  harmFirstPost({ kind: "page", status, lose });
  const reply = await ask("POST", "/a", "x");
  expect(reply.status).toBe(status);
  expect(reply.text).toContain("<html>");
  expect(delivered).toHaveLength(count);
});

test("through a black hole nothing passes and nobody is told; healed, its connections are dead and new ones pass", async () => {
  let left = 0;
  server.on("connection", (socket) => socket.once("close", () => left++));
  const held = ask("GET", "/held");
  await heard(1);
  proxy.blackHole();
  const outcome = held.catch((error: Error) => error.message);
  await expect(ask("POST", "/a", "x", 50)).rejects.toThrow("timeout");
  expect([delivered.length, left]).toEqual([1, 0]);
  proxy.heal();
  expect(await outcome).toMatch(/hang up|ECONNRESET/);
  expect(await ask("GET", "/b")).toEqual({ status: 200, text: "reply 2" });
});

test("a target that is told nothing hears that its client has gone", async () => {
  const closed = new Promise((resolve) => server.once("connection", (socket) => socket.once("close", resolve)));
  const held = ask("GET", "/held").catch(() => {});
  await heard(1);
  connections.destroy();
  await closed;
  await held;
});
