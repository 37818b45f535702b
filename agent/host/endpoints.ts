/** `/healthz`, `/metrics` and `/status` for this machine's own monitoring: on loopback, and only when asked for. */
import type { Server } from "node:http";
import { isIP } from "node:net";
import { MAX_PORT } from "../../src/model/port.ts";
import type { Log } from "./log.ts";
import { type AgentStatus, metricsText } from "./status.ts";

export interface Endpoint {
  host: string;
  port: number;
}

/** `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464`, `:9464`. @returns null when it is not a loopback address */
export function parseEndpoint(text: string): Endpoint | null {
  const [, name = "", digits = ""] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === "" || port > MAX_PORT) return null;
  const host = name === "" || name === "localhost" ? "127.0.0.1" : name.replace(/^\[(.*)\]$/, "$1");
  return isLoopback(host) ? { host, port } : null;
}

const isLoopback = (host: string): boolean => (isIP(host) === 4 && host.startsWith("127.")) || host === "::1";

/** A page in a browser here may have a name of its own point at loopback: only loopback's own names are answered. */
export const isOwnName = (header: string | undefined): boolean => {
  const name = (header ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || isLoopback(name);
};

export interface Answer {
  code: number;
  type: string;
  body: string;
}

const TEXT = "text/plain; charset=utf-8";

export function answerTo(method: string, path: string, status: () => AgentStatus): Answer {
  if (method !== "GET" && method !== "HEAD") return { code: 405, type: TEXT, body: "only GET\n" };
  switch (path) {
    case "/healthz": {
      const { turning, progressAgoMs } = status().loop;
      if (turning) return { code: 200, type: TEXT, body: "ok\n" };
      return { code: 503, type: TEXT, body: `the loop stands still for ${Math.round(progressAgoMs / 1000)} s\n` };
    }
    case "/metrics":
      return { code: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: metricsText(status()) };
    case "/status":
      return { code: 200, type: "application/json", body: `${JSON.stringify(status())}\n` };
    default:
      return { code: 404, type: TEXT, body: "there are /healthz, /metrics and /status\n" };
  }
}

/** An address that is taken is told and no reason to end: tasks matter more than figures. */
export async function serveEndpoints({ host, port }: Endpoint, status: () => AgentStatus, log: Log): Promise<Server> {
  // few ask for it, and it takes time and memory
  const { createServer } = await import("node:http");
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    const { code, type, body } = isOwnName(headers.host)
      ? answerTo(method, url.split("?", 1)[0] ?? "", status)
      : { code: 403, type: TEXT, body: "only by a loopback name\n" };
    response.writeHead(code, { "content-type": type }).end(method === "HEAD" ? undefined : body);
  });
  const shown = host.includes(":") ? `[${host}]` : host;
  server.on("error", (error) => log("error", `--listen ${shown}:${port}: ${error.message}; going on without`));
  server.listen(port, host, () => {
    const address = server.address();
    const bound = typeof address === "object" && address ? address.port : port;
    log("info", `listening at http://${shown}:${bound} (/healthz, /metrics, /status)`);
  });
  server.unref();
  return server;
}
