import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DrainNews } from "./drain.ts";
import type { AgentStatus } from "./status.ts";
import { askDrain, askStatus, parseRequest, serveStatus } from "./statusSocket.ts";

let run: string;
let server: Server;
let drains: (number | null)[];
let tell: (news: DrainNews) => void;
let ended: number;
const status = { node: "n1" } as AgentStatus;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "hansa-socket-"));
  drains = [];
  ended = 0;
  server = serveStatus(run, {
    status: () => status,
    drain: (deadlineMs, say) => {
      drains.push(deadlineMs);
      tell = say;
      say({ left: 1 });
      return () => ended++;
    },
  });
});
afterEach(() => {
  server.close();
  rmSync(run, { recursive: true, force: true });
});

test("a request is status, or drain with or without a deadline, and nothing else", () => {
  expect(parseRequest("")).toEqual({ ask: "status" });
  expect(parseRequest("status")).toEqual({ ask: "status" });
  expect(parseRequest("drain -")).toEqual({ ask: "drain", deadlineMs: null });
  expect(parseRequest("drain 600000")).toEqual({ ask: "drain", deadlineMs: 600_000 });
  for (const wrong of ["drain", "drain -1", "drain 9999999999", "drain 1 2", "exit"])
    expect(parseRequest(wrong)).toBe(null);
});

test("answers status by one line", async () => {
  expect(await askStatus(run)).toBe('{"node":"n1"}');
});

test("answers who only closes its side, as a person with a plain tool does", async () => {
  const socket = connect(join(run, "agent.sock"));
  socket.end();
  expect(await text(socket)).toBe('{"node":"n1"}\n');
});

test("says what it understands to who asks something else", async () => {
  const socket = connect(join(run, "agent.sock"));
  socket.end("fly\n");
  expect(await text(socket)).toContain('"error"');
});

test("tells every change of a drain until the agent ends", async () => {
  const heard: DrainNews[] = [];
  const asked = askDrain(run, 5000, (news) => {
    heard.push(news);
    if (heard.length === 1) tell({ left: 0, over: "empty" });
    else process.nextTick(() => sockets.forEach((socket) => void socket.destroy()));
  });
  const sockets = new Set<{ destroy(): unknown }>();
  server.on("connection", (socket) => sockets.add(socket));
  expect(await asked).toEqual({ left: 0, over: "empty" });
  expect(heard).toEqual([{ left: 1 }, { left: 0, over: "empty" }]);
  expect(drains).toEqual([5000]);
  expect(ended).toBe(1);
});

test("nobody there is null", async () => {
  expect(await askStatus(join(run, "elsewhere"))).toBe(null);
  expect(await askDrain(join(run, "elsewhere"), null, () => {})).toBe(null);
});
