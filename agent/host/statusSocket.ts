/**
 * A person asks a running agent something: one connection on a socket in the run folder, one line up, lines of JSON
 * down. `status` is answered by a line; `drain MS` (or `drain -`) by a line at every change until the agent ends.
 */
import { unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { type DrainNews, MAX_DEADLINE_MS } from "./drain.ts";
import { hasCode } from "./files.ts";
import type { AgentStatus } from "./status.ts";

const SOCKET_FILE = "agent.sock";
const ANSWER_MS = 3000;
const MAX_REQUEST_CHARS = 100;

export type Request = { ask: "status" } | { ask: "drain"; deadlineMs: number | null };

/** An empty line is `status`. @returns null when it says nothing we know */
export function parseRequest(line: string): Request | null {
  if (line === "" || line === "status") return { ask: "status" };
  const [, deadline] = /^drain (-|\d{1,10})$/.exec(line) ?? [];
  if (deadline === undefined || Number(deadline) > MAX_DEADLINE_MS) return null;
  return { ask: "drain", deadlineMs: deadline === "-" ? null : Number(deadline) };
}

export interface Answers {
  status(): AgentStatus;
  /** @returns ends the telling */
  drain(deadlineMs: number | null, tell: (news: DrainNews) => void): () => void;
}

export function serveStatus(run: string, answers: Answers): Server {
  const path = join(run, SOCKET_FILE);
  try {
    unlinkSync(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.setEncoding("utf8");
    let text = "";
    const hear = (chunk: string) => {
      text += chunk;
      if (!text.includes("\n") && text.length < MAX_REQUEST_CHARS) return;
      socket.removeAllListeners("data").removeAllListeners("end").resume();
      answer(socket, text.split("\n", 1)[0] ?? "", answers);
    };
    socket.on("data", hear);
    socket.on("end", () => hear("\n"));
  });
  server.listen(path);
  server.unref();
  return server;
}

function answer(socket: Socket, line: string, answers: Answers): void {
  const say = (value: unknown) => socket.write(`${JSON.stringify(value)}\n`);
  const request = parseRequest(line);
  if (request?.ask === "drain") {
    socket.on("close", answers.drain(request.deadlineMs, say));
    return;
  }
  say(request ? answers.status() : { error: "ask status, or drain with ms or -" });
  socket.end();
}

/** @param said called with every line @returns when the agent has closed; false when none answers there */
function ask(run: string, line: string, said: (line: string) => void, answerMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    let text = "";
    let heard = false;
    const socket = connect(join(run, SOCKET_FILE), () => socket.write(`${line}\n`));
    socket.setTimeout(answerMs, () => socket.destroy());
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      const lines = `${text}${chunk}`.split("\n");
      text = lines.pop() ?? "";
      heard ||= lines.length > 0;
      for (const whole of lines) said(whole);
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(heard));
  });
}

/** @returns the line, or null when no agent answers there */
export async function askStatus(run: string): Promise<string | null> {
  let found: string | null = null;
  await ask(
    run,
    "status",
    (line) => {
      found ??= line;
    },
    ANSWER_MS,
  );
  return found;
}

/** @returns what was told last, when the agent has ended; null when none answers there */
export async function askDrain(
  run: string,
  deadlineMs: number | null,
  said: (news: DrainNews) => void,
): Promise<DrainNews | null> {
  let last: DrainNews | null = null;
  const hear = (line: string) => {
    const news: DrainNews = JSON.parse(line);
    last = news;
    said(news);
  };
  // however long that takes: the agent closes when it ends
  await ask(run, `drain ${deadlineMs ?? "-"}`, hear, 0);
  return last;
}
