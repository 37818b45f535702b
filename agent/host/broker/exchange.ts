/** What a transport is, whichever runtime it is of: one request with its whole answer, by a deadline. */
import type { IncomingHttpHeaders } from "node:http";

/** After this a connection is not used again, so that changes of DNS and of balancers are seen. */
export const CONNECTION_MAX_AGE_MS = 15 * 60_000;
/** Errors in a row after which every connection is dropped. */
export const ERRORS_BEFORE_RENEWAL = 2;
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

export interface Exchange {
  method: "GET" | "POST" | "PUT";
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** from sending to the last byte of the answer */
  deadlineMs: number;
  signal?: AbortSignal;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface TransportOptions {
  url: string;
  /** PEM file with authorities trusted besides the usual ones */
  caFile: string | null;
  /** PEM; in place of those of `caFile` and the usual ones */
  authorities?: string[] | null;
  /** HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read from it */
  environment: NodeJS.ProcessEnv;
}
