/**
 * The HTTP API as the command uses it. Every call may be repeated (a POST carries an Idempotency-Key), so network
 * errors and 503 are tried again; every failure is a `Problem` that says what to do.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { z } from "zod";
import { Problem } from "../../src/model/problems.ts";
import type { Access } from "../context.ts";
import { problemOf } from "./answer.ts";

const TRIES = 4;
const FIRST_PAUSE_MS = 150;
const MAX_PAUSE_MS = 10_000;
/** Longer than any wait the API holds a request for. */
const ANSWER_TIMEOUT_MS = 60_000;

const UNAUTHORIZED = 401;

type Query = Record<string, string | number | boolean | undefined | null>;

export interface Call {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** the answer's body is read as it comes, for as long as it takes */
  stream?: boolean;
  idempotencyKey?: string;
}

export class Client {
  readonly access: Access;

  constructor(access: Access) {
    this.access = access;
  }

  async get<T>(path: string, schema: z.ZodType<T>, call: Call = {}): Promise<T> {
    return this.parsed(schema, await this.send("GET", path, call));
  }

  async post<T>(path: string, schema: z.ZodType<T>, call: Call = {}): Promise<T> {
    return this.parsed(schema, await this.send("POST", path, { idempotencyKey: randomUUID(), ...call }));
  }

  async put<T>(path: string, schema: z.ZodType<T>, call: Call = {}): Promise<T> {
    return this.parsed(schema, await this.send("PUT", path, call));
  }

  async patch<T>(path: string, schema: z.ZodType<T>, call: Call = {}): Promise<T> {
    return this.parsed(schema, await this.send("PATCH", path, call));
  }

  async delete<T>(path: string, schema: z.ZodType<T>, call: Call = {}): Promise<T> {
    return this.parsed(schema, await this.send("DELETE", path, call));
  }

  /** @throws Problem for every answer but 2xx */
  async send(method: string, path: string, call: Call = {}): Promise<Response> {
    for (let tried = 1; ; tried++) {
      const problem = await this.once(method, path, call);
      if (problem instanceof Response) return problem;
      const again = problem.code === "unavailable" || problem.code === "too-many";
      if (!again || tried === TRIES || call.signal?.aborted) throw problem;
      await sleep(pauseMs(tried, problem.extra.retryAfterS), undefined, call.signal && { signal: call.signal });
    }
  }

  private async once(method: string, path: string, call: Call): Promise<Response | Problem> {
    const url = this.urlOf(path, call.query);
    const signals = [call.signal, call.stream ? undefined : AbortSignal.timeout(ANSWER_TIMEOUT_MS)];
    try {
      const response = await fetch(url, {
        method,
        headers: this.headersOf(call),
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
        signal: AbortSignal.any(signals.filter((s) => s !== undefined)),
      });
      if (response.ok) return response;
      if (response.status === UNAUTHORIZED && this.access.token === null) return noToken(this.access.url);
      return await problemOf(response, this.access.url);
    } catch (error) {
      if (call.signal?.aborted) throw error;
      return unreachable(this.access.url, error);
    }
  }

  private urlOf(path: string, query: Query = {}): string {
    const url = new URL(`${this.access.url}${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    return url.href;
  }

  private headersOf(call: Call): Record<string, string> {
    return {
      accept: "application/json",
      ...(this.access.token !== null && { authorization: `Bearer ${this.access.token}` }),
      ...(call.body !== undefined && { "content-type": "application/json" }),
      ...(call.idempotencyKey !== undefined && { "idempotency-key": call.idempotencyKey }),
      ...call.headers,
    };
  }

  private async parsed<T>(schema: z.ZodType<T>, response: Response): Promise<T> {
    const parsed = schema.safeParse(await response.json().catch(() => null));
    if (parsed.success) return parsed.data;
    throw new Problem(
      "internal",
      `${this.access.url} answered something this hansa does not know. Compare the versions: hansa version`,
    );
  }
}

function pauseMs(tried: number, retryAfterS: number | undefined): number {
  const least = FIRST_PAUSE_MS * 2 ** (tried - 1);
  const jittered = least * (0.5 + Math.random());
  return Math.min(MAX_PAUSE_MS, retryAfterS === undefined ? jittered : retryAfterS * 1000 + jittered);
}

const noToken = (url: string): Problem =>
  new Problem(
    "unauthenticated",
    `no token is known for ${url}. Log in (hansa login --url ${url} --token -), or give --token or HANSA_TOKEN`,
  );

const NETWORK_ERRORS: Record<string, string> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "the name is not known",
  EAI_AGAIN: "the name could not be looked up",
  ECONNRESET: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
  UND_ERR_CONNECT_TIMEOUT: "no answer in time",
  ETIMEDOUT: "no answer in time",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed; name the CA's file in NODE_EXTRA_CA_CERTS",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate's CA is not known; name the CA's file in NODE_EXTRA_CA_CERTS",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate's CA is not known; name the CA's file in NODE_EXTRA_CA_CERTS",
  CERT_HAS_EXPIRED: "its certificate has expired",
};

export function unreachable(url: string, error: unknown): Problem {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const timedOut = cause instanceof Error && cause.name === "TimeoutError";
  const why =
    NETWORK_ERRORS[code] ?? (timedOut ? "no answer in time" : cause instanceof Error ? cause.message : String(cause));
  return new Problem(
    "unavailable",
    `no broker answers at ${url}: ${why}. Is it running (npm start, or hansa serve)? Another one: --url or HANSA_URL`,
  );
}
