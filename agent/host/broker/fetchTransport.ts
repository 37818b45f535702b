/**
 * The transport of the executable: Bun's own fetch, which takes two thirds of the processor time and of the memory of
 * its node:http. `package.json` (`imports`) chooses it for Bun and `transport.ts` for everything else.
 *
 * Bun keeps connections itself: one that is not used for five minutes it closes. So after errors each request takes a
 * new connection until the old ones are gone, and to be rid of old ones as many requests as ever went at once each close
 * theirs behind them.
 */
import { readFileSync } from "node:fs";
import type { ClientRequest } from "node:http";
import { hasCode } from "../files.ts";
import {
  type Answer,
  CONNECTION_MAX_AGE_MS,
  ERRORS_BEFORE_RENEWAL,
  type Exchange,
  MAX_BODY_BYTES,
  type TransportOptions,
} from "./exchange.ts";
import type { Transport as NodeTransport } from "./nodeTransport.ts";
import { proxyFor } from "./proxy.ts";

/** Longer than Bun keeps a connection that is not used. */
const KEPT_MS = 6 * 60_000;

/** What Bun's fetch takes beyond the standard. */
interface BunRequest extends RequestInit {
  decompress: false;
  /** false: none, whatever the environment says */
  proxy: string | false;
  tls?: { ca: string[] };
}

export class Transport {
  readonly url: URL;
  readonly #options: TransportOptions;
  readonly #base: string;
  readonly #proxy: string | false;
  /** null: the usual authorities */
  #authorities: string[] | null;
  #errors = 0;
  #freshUntilMs = Number.NEGATIVE_INFINITY;
  #renewedAtMs = performance.now();
  #underWay = 0;
  /** at once, since the last renewal */
  #mostUnderWay = 0;
  #toClose = 0;
  readonly #closed = new AbortController();
  /** for what is more than one exchange, with the authorities that exchanges have proven when it was made */
  #node: { transport: NodeTransport; authorities: string[] | null } | null = null;

  constructor(options: TransportOptions) {
    this.url = new URL(options.url);
    this.#options = options;
    this.#base = this.url.href.replace(/\/$/, "");
    this.#proxy = proxyFor(this.url, options.environment) ?? false;
    this.#authorities = options.caFile === null ? null : [readFileSync(options.caFile, "utf8")];
  }

  /** @throws when there is no whole answer in time */
  async exchange(exchange: Exchange): Promise<Answer> {
    const { deadlineMs, signal } = exchange;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`no answer within ${deadlineMs / 1000} s`)), deadlineMs);
    const stop = (event: Event) => late.abort((event.target as AbortSignal).reason);
    for (const other of [signal, this.#closed.signal]) {
      if (other?.aborted) late.abort(other.reason);
      else other?.addEventListener("abort", stop, { once: true });
    }
    this.#mostUnderWay = Math.max(this.#mostUnderWay, ++this.#underWay);
    try {
      const answer = await this.#fetchTrusting(exchange, late.signal);
      this.#errors = 0;
      return answer;
    } catch (error) {
      if (!signal?.aborted && ++this.#errors % ERRORS_BEFORE_RENEWAL === 0)
        this.#freshUntilMs = performance.now() + KEPT_MS;
      throw error;
    } finally {
      this.#underWay--;
      clearTimeout(timer);
      for (const other of [signal, this.#closed.signal]) other?.removeEventListener("abort", stop);
    }
  }

  /**
   * The file's own authorities alone at first, because that is whom a broker with such a file has its certificate from;
   * to read the usual ones takes 7 MiB. Before the handshake is done nothing was sent.
   */
  async #fetchTrusting(exchange: Exchange, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.#fetch(exchange, signal);
    } catch (error) {
      const { caFile } = this.#options;
      if (caFile === null || this.#authorities?.length !== 1 || !isDistrust(error)) throw error;
      const { authorities } = await import("./nodeTransport.ts");
      this.#authorities = authorities(caFile);
      return this.#fetch(exchange, signal);
    }
  }

  async #fetch({ method, path, headers = {}, body }: Exchange, signal: AbortSignal): Promise<Answer> {
    const request: BunRequest = {
      method,
      headers: { "accept-encoding": "identity", ...headers, ...(this.#closesBehindIt() && { connection: "close" }) },
      ...(body !== undefined && { body: body as string | Uint8Array<ArrayBuffer> }),
      redirect: "manual",
      keepalive: performance.now() >= this.#freshUntilMs,
      signal,
      decompress: false,
      proxy: this.#proxy,
      ...(this.#authorities && { tls: { ca: this.#authorities } }),
    };
    const response = await fetch(`${this.#base}${path}`, request);
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await bodyOf(response) };
  }

  #closesBehindIt(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#renewedAtMs >= CONNECTION_MAX_AGE_MS) {
      this.#renewedAtMs = nowMs;
      this.#toClose = this.#mostUnderWay;
      this.#mostUnderWay = this.#underWay;
    }
    return this.#toClose > 0 && this.#toClose-- > 0;
  }

  /** What `http.request` needs to go this way; also for what is more than one exchange. */
  async request(exchange: Pick<Exchange, "method" | "path" | "headers">): Promise<ClientRequest> {
    // node:http and node:tls take time and memory
    const { Transport: NodeTransport } = await import("./nodeTransport.ts");
    this.#closed.signal.throwIfAborted();
    const authorities = this.#authorities;
    if (this.#node?.authorities !== authorities) {
      this.#node?.transport.close();
      this.#node = null;
    }
    this.#node ??= { transport: new NodeTransport({ ...this.#options, authorities }), authorities };
    return this.#node.transport.request(exchange);
  }

  close(): void {
    this.#closed.abort(new Error("closed"));
    this.#node?.transport.close();
  }
}

/** Nobody known vouches for the certificate; one that is out of date, or another's, is no matter of authorities. */
const isDistrust = (error: unknown): boolean =>
  [
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_GET_ISSUER_CERT",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ].some((code) => hasCode(error, code));

async function bodyOf(response: Response): Promise<Buffer> {
  const length = Number(response.headers.get("content-length") ?? Number.NaN);
  if (length <= MAX_BODY_BYTES) {
    const body = Buffer.from(await response.arrayBuffer());
    // to a request with HEAD, or a 304, there would be none; we send neither
    if (body.length < length) throw new Error("the answer was cut off");
    return body;
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error("the answer is too long");
  }
  return Buffer.concat(chunks);
}
