/** A person asks a running agent how it is: one connection, one line of JSON, on a socket in the run folder. */
import { unlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { hasCode } from "./files.ts";

const SOCKET_FILE = "agent.sock";
const ANSWER_MS = 3000;

export interface AgentStatus {
  version: string;
  pid: number;
  node: string;
  cluster: string;
  league: string;
  url: string;
  data: string;
  runAs: string;
  /** `cgroup`, or why there is none */
  isolation: string;
  session: number;
  action: string;
  polls: { answers: number; failures: number; answeredAgoMs: number | null; lastFailure: string | null };
  guard: { alive: boolean; pid: number | null };
  /** the broker can call it */
  wake: boolean;
  pressure: readonly string[];
  journalBytes: number;
  uploadsWaiting: number;
  attempts: { key: string; phase: string; pid: number | null; deadlineInMs: number | null }[];
}

export function serveStatus(run: string, status: () => AgentStatus): Server {
  const path = join(run, SOCKET_FILE);
  try {
    unlinkSync(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end(`${JSON.stringify(status())}\n`);
  });
  server.listen(path);
  server.unref();
  return server;
}

/** @returns the line, or null when no agent answers there */
export function askStatus(run: string): Promise<string | null> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(join(run, SOCKET_FILE));
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text === "" ? null : text.trim()));
  });
}
