/**
 * The Docker Engine API over a unix socket: requests with a deadline each, and errors in the daemon's own words. Podman
 * serves it too, with other status codes here and there.
 */
import type { IncomingMessage } from "node:http";
import { messageOf } from "../files.ts";

/** What Podman speaks; a daemon that no longer does is asked in the oldest that it knows. */
const API_VERSION = "1.41";
const DEADLINE_MS = 30_000;
/** The same of the question before the first; others wait for its answer, too. */
const VERSION_MS = 5000;
const MOST_BYTES = 16 * 1024 * 1024;

/** `status` null: there was no answer, and whether the daemon did it is not known. */
export class DockerError extends Error {
  readonly status: number | null;
  constructor(message: string, status: number | null) {
    super(message);
    this.status = status;
  }
}

export interface Asked {
  method: "GET" | "POST" | "DELETE";
  /** below the version, e.g. `/containers/json` */
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  /** until the whole answer is there; of a stream: until it begins. null: none */
  deadlineMs?: number | null;
  signal?: AbortSignal;
}

export interface ServerVersion {
  name: string;
  version: string;
  api: string;
}

export class DockerApi {
  /** of the daemon, wherever it is found */
  socketPath: string;
  #prefix: Promise<string> | null = null;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  async version(deadlineMs: number): Promise<ServerVersion> {
    const said = JSON.parse(await this.#exchange({ method: "GET", path: "/version", deadlineMs }, ""));
    const api = apiVersion(said?.MinAPIVersion);
    this.#prefix = Promise.resolve(`/v${api}`);
    return { name: String(said?.Components?.[0]?.Name ?? "Docker"), version: String(said?.Version ?? "?"), api };
  }

  /** One question about the version for all that wait for it, each as long as it would itself. @throws DockerError */
  #prefixed({ deadlineMs, signal }: Asked): Promise<string> {
    this.#prefix ??= this.version(VERSION_MS).then(
      ({ api }) => `/v${api}`,
      (error: unknown) => {
        this.#prefix = null;
        throw error;
      },
    );
    const asked = this.#prefix;
    const late = AbortSignal.timeout(Math.min(deadlineMs ?? VERSION_MS, VERSION_MS));
    const given = signal ? AbortSignal.any([late, signal]) : late;
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(new DockerError("no answer of the daemon about its version", null));
      if (given.aborted) giveUp();
      given.addEventListener("abort", giveUp, { once: true });
      asked.then(resolve, reject);
    });
  }

  /** @returns what it says, as JSON; null when it says nothing @throws DockerError */
  async call(asked: Asked): Promise<unknown> {
    const text = await this.#exchange(asked, await this.#prefixed(asked));
    if (text === "") return null;
    try {
      return JSON.parse(text);
    } catch {
      throw new DockerError(`${asked.path}: the daemon's answer can't be read`, null);
    }
  }

  /** The same of what may not be there. */
  async find(asked: Asked): Promise<unknown> {
    try {
      return await this.call(asked);
    } catch (error) {
      if (error instanceof DockerError && error.status === 404) return null;
      throw error;
    }
  }

  /** An answer that is read as it comes. @throws DockerError */
  async stream(asked: Asked): Promise<IncomingMessage> {
    return this.#open(asked, await this.#prefixed(asked));
  }

  async #exchange(asked: Asked, prefix: string): Promise<string> {
    const { deadlineMs = DEADLINE_MS, signal } = asked;
    const ended = new AbortController();
    const stop = () => ended.abort();
    const timer = deadlineMs === null ? null : setTimeout(stop, deadlineMs);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    try {
      return await readAll(await this.#open({ ...asked, deadlineMs: null, signal: ended.signal }, prefix));
    } catch (error) {
      if (ended.signal.aborted && !signal?.aborted)
        throw new DockerError(`no answer of the daemon to ${asked.path} within ${(deadlineMs ?? 0) / 1000} s`, null);
      throw error;
    } finally {
      if (timer) clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  async #open({ method, path, query, body, deadlineMs = DEADLINE_MS, signal }: Asked, prefix: string) {
    // most nodes have no daemon, and it takes time and memory
    const { request } = await import("node:http");
    const text = body === undefined ? null : JSON.stringify(body);
    const search = query ? `?${new URLSearchParams(query)}` : "";
    return new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request({
        ...{ socketPath: this.socketPath, method, path: `${prefix}${path}${search}`, agent: false },
        headers: {
          host: "localhost",
          ...(text !== null && { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
          ...(text === null && method !== "GET" && { "content-length": 0 }),
        },
        ...(signal && { signal }),
      });
      const timer =
        deadlineMs === null ? null : setTimeout(() => sent.destroy(new Error(`no answer to ${path}`)), deadlineMs);
      sent.on("error", (error) => {
        if (timer) clearTimeout(timer);
        reject(new DockerError(`the daemon at ${this.socketPath} can't be asked: ${messageOf(error)}`, null));
      });
      sent.on("response", (response) => {
        if (timer) clearTimeout(timer);
        const { statusCode = 0 } = response;
        if (statusCode < 400) resolve(response);
        else
          readAll(response).then(
            (said) => reject(new DockerError(wordsOf(said) || `${path}: HTTP ${statusCode}`, statusCode)),
            reject,
          );
      });
      sent.end(text ?? undefined);
    });
  }
}

/** @param oldest that the daemon speaks */
export function apiVersion(oldest: unknown): string {
  const known = typeof oldest === "string" && /^1\.\d+$/.test(oldest) ? oldest : API_VERSION;
  return minor(known) > minor(API_VERSION) ? known : API_VERSION;
}
const minor = (version: string): number => Number(version.split(".")[1]);

/** The daemon's own words. */
export function wordsOf(body: string): string {
  try {
    const { message } = JSON.parse(body);
    return typeof message === "string" ? message.trim() : "";
  } catch {
    return body.trim().slice(0, 500);
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MOST_BYTES) throw new Error("it is too long");
    }
  } catch (error) {
    throw new DockerError(`the daemon's answer broke off: ${messageOf(error)}`, null);
  }
  return Buffer.concat(chunks).toString("utf8");
}
