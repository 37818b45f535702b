/**
 * HTTP to the broker, and nothing above it: kept-alive connections of node:http (a third of fetch's CPU), a deadline for
 * every request, and connections that are renewed so that a dead path or an old address can't hold an agent.
 */
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import {
  type Answer,
  CONNECTION_MAX_AGE_MS,
  ERRORS_BEFORE_RENEWAL,
  type Exchange,
  MAX_BODY_BYTES,
  type TransportOptions,
} from "./exchange.ts";
import { proxyOf } from "./proxy.ts";

/** @throws when the file can't be read */
export function authorities(caFile: string): string[] {
  return [...(tls.getCACertificates?.("default") ?? tls.rootCertificates), readFileSync(caFile, "utf8")];
}

export class Transport {
  readonly #base: URL;
  readonly #options: TransportOptions;
  #agent: http.Agent;
  #errors = 0;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#base = new URL(options.url);
    this.#agent = this.#newAgent();
  }

  get url(): URL {
    return this.#base;
  }

  #newAgent(): http.Agent {
    const { caFile, environment } = this.#options;
    const ca = this.#options.authorities ?? (caFile === null ? null : authorities(caFile));
    const proxyEnv = proxyOf(environment);
    const options: https.AgentOptions = {
      keepAlive: true,
      ...(proxyEnv && { proxyEnv }),
      ...(ca !== null && { ca }),
    };
    return this.#base.protocol === "https:" ? new AgingHttpsAgent(options) : new AgingHttpAgent(options);
  }

  /** What `http.request` needs to go this way; also for what is more than one exchange. */
  async request(exchange: Pick<Exchange, "method" | "path" | "headers">): Promise<http.ClientRequest> {
    return this.#request(exchange);
  }

  #request(exchange: Pick<Exchange, "method" | "path" | "headers" | "signal">): http.ClientRequest {
    const { protocol, hostname, port, pathname } = this.#base;
    const options: http.RequestOptions = {
      method: exchange.method,
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: port || (protocol === "https:" ? 443 : 80),
      path: `${pathname.replace(/\/$/, "")}${exchange.path}`,
      headers: exchange.headers ?? {},
      agent: this.#agent,
      ...(exchange.signal && { signal: exchange.signal }),
    };
    return protocol === "https:" ? https.request(options) : http.request(options);
  }

  /** @throws when there is no whole answer in time */
  async exchange(exchange: Exchange): Promise<Answer> {
    try {
      const answer = await this.#exchange(exchange);
      this.#errors = 0;
      return answer;
    } catch (error) {
      if (exchange.signal?.aborted) throw error;
      this.#errors++;
      if (this.#errors % ERRORS_BEFORE_RENEWAL === 0) this.#renew();
      throw error;
    }
  }

  #exchange({ body, deadlineMs, ...exchange }: Exchange): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? 0 : Buffer.byteLength(body);
      const headers = { ...exchange.headers, ...(exchange.method !== "GET" && { "content-length": String(length) }) };
      const request = this.#request({ ...exchange, headers });
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${deadlineMs / 1000} s`)), deadlineMs);
      const fail = (error: Error) => {
        clearTimeout(timer);
        reject(error);
      };
      request.on("error", fail);
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes > MAX_BODY_BYTES) request.destroy(new Error("the answer is too long"));
        });
        response.on("error", fail);
        response.on("close", () => {
          if (!response.complete) fail(new Error("the answer was cut off"));
        });
        response.on("end", () => {
          clearTimeout(timer);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
        });
      });
      request.end(body);
    });
  }

  #renew(): void {
    const old = this.#agent;
    this.#agent = this.#newAgent();
    // what is still on its way there ends by its own deadline
    for (const sockets of Object.values(old.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  close(): void {
    this.#agent.destroy();
  }
}

const openedAtMs = new WeakMap<Duplex, number>();

/** @returns false once the connection is too old to be used again */
function isYoung(socket: Duplex): boolean {
  const opened = openedAtMs.get(socket);
  const nowMs = performance.now();
  if (opened === undefined) openedAtMs.set(socket, nowMs);
  return opened === undefined || nowMs - opened < CONNECTION_MAX_AGE_MS;
}

/** Node's own answer is a boolean, its type says nothing. */
const saysYes = (answer: unknown): boolean => answer !== false;

class AgingHttpAgent extends http.Agent {
  override keepSocketAlive(socket: Duplex): boolean {
    return isYoung(socket) && saysYes(super.keepSocketAlive(socket));
  }
}

class AgingHttpsAgent extends https.Agent {
  override keepSocketAlive(socket: Duplex): boolean {
    return isYoung(socket) && saysYes(super.keepSocketAlive(socket));
  }
}
