/** What an agent says to its broker, and how an answer, a refusal and silence are told apart. */

import type { Transport } from "#agent/transport";
import type { JoinReply, JoinRequest, PollReply, PollRequest } from "../../../src/protocol/agent.ts";
import { messageOf } from "../files.ts";
import type { Stream } from "../process/output.ts";
import type { Answer } from "./exchange.ts";
import { isJoinReply, isPollReply, offsetIn, type ProblemFacts, problemIn } from "./replyShape.ts";

/** What an answer may take beyond the time that the broker holds a poll. */
const ANSWER_MS = 10_000;
/** An upload of a few 100 KiB over a thin line. */
const UPLOAD_MS = 60_000;

export type PollOutcome =
  | { kind: "reply"; reply: PollReply }
  /** `rejected`: the broker itself refuses the credential; `message` for a person */
  | { kind: "no-reply"; retryAfterMs: number | null; rejected: boolean; message: string };

export type JoinOutcome =
  | { kind: "joined"; reply: JoinReply }
  /** by the broker itself: the same token will not do */
  | { kind: "refused"; message: string }
  | { kind: "no-reply"; retryAfterMs: number | null; message: string };

export type UploadOutcome =
  | { kind: "stored"; offset: number }
  | { kind: "rewind"; offset: number }
  /** nothing more of this stream is wanted */
  | { kind: "refused"; message: string }
  | { kind: "no-reply"; retryAfterMs: number | null; message: string };

export interface Chunk {
  task: string;
  epoch: number;
  stream: Stream;
  offset: number;
  bytes: Buffer;
  /** with the last bytes of the stream */
  end: { size: number; crc32: number } | null;
}

export class Broker {
  readonly #transport: Transport;
  #credential: string;

  constructor(transport: Transport, credential: string) {
    this.#transport = transport;
    this.#credential = credential;
  }

  set credential(credential: string) {
    this.#credential = credential;
  }

  headers(type = "application/json"): Record<string, string> {
    return { authorization: `Bearer ${this.#credential}`, "content-type": type };
  }

  async poll(request: PollRequest, waitS: number, signal: AbortSignal): Promise<PollOutcome> {
    const path = `/agent/v1/poll?wait=${waitS}`;
    const body = JSON.stringify(request);
    const deadlineMs = waitS * 1000 + ANSWER_MS;
    const heard = await this.#hear({ method: "POST", path, headers: this.headers(), body, deadlineMs, signal });
    if (typeof heard === "string") return { kind: "no-reply", retryAfterMs: null, rejected: false, message: heard };
    const value = jsonIn(heard);
    // An older answer that something on the way repeats is none: the right one will not come any more.
    const isOurs = isPollReply(value) && value.session === request.session && value.seq === request.seq;
    if (heard.status === 200 && isOurs) return { kind: "reply", reply: value };
    const problem = problemIn(value);
    return {
      kind: "no-reply",
      retryAfterMs: retryAfterMs(heard),
      rejected: problem !== null && (heard.status === 401 || heard.status === 403),
      message: describe(heard, problem),
    };
  }

  async join(request: JoinRequest): Promise<JoinOutcome> {
    const body = JSON.stringify(request);
    const path = "/agent/v1/join";
    const heard = await this.#hear({ method: "POST", path, headers: this.headers(), body, deadlineMs: ANSWER_MS });
    if (typeof heard === "string") return { kind: "no-reply", retryAfterMs: null, message: heard };
    const value = jsonIn(heard);
    if (heard.status < 300 && isJoinReply(value)) return { kind: "joined", reply: value };
    const problem = problemIn(value);
    const message = describe(heard, problem);
    return problem !== null && isFinal(heard.status)
      ? { kind: "refused", message }
      : { kind: "no-reply", retryAfterMs: retryAfterMs(heard), message };
  }

  async upload({ task, epoch, stream, offset, bytes, end }: Chunk): Promise<UploadOutcome> {
    const ended = end === null ? "" : `&end=1&size=${end.size}&crc32=${end.crc32}`;
    const heard = await this.#hear({
      method: "PUT",
      path: `/agent/v1/tasks/${task}/${epoch}/logs?stream=${stream}&offset=${offset}${ended}`,
      headers: this.headers("application/octet-stream"),
      body: bytes,
      deadlineMs: UPLOAD_MS,
    });
    if (typeof heard === "string") return { kind: "no-reply", retryAfterMs: null, message: heard };
    const value = jsonIn(heard);
    const stored = offsetIn(value);
    if (heard.status < 300 && stored !== null) return { kind: "stored", offset: stored };
    const problem = problemIn(value);
    if (heard.status === 416 && problem?.offset != null) return { kind: "rewind", offset: problem.offset };
    const message = describe(heard, problem);
    // a credential that is refused now may be renewed
    const refused = problem !== null && isFinal(heard.status) && heard.status !== 401 && heard.status !== 403;
    return refused ? { kind: "refused", message } : { kind: "no-reply", retryAfterMs: retryAfterMs(heard), message };
  }

  /** @returns a sentence when there was no answer */
  async #hear(exchange: Parameters<Transport["exchange"]>[0]): Promise<Answer | string> {
    try {
      return await this.#transport.exchange(exchange);
    } catch (error) {
      return `no answer from ${this.#transport.url.origin}: ${messageOf(error)}`;
    }
  }
}

/** A 4xx that the same request will get again. */
const isFinal = (status: number): boolean =>
  status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429;

/** null: it is none */
export function jsonIn({ body }: Answer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return null;
  }
}

const describe = ({ status, headers }: Answer, problem: ProblemFacts | null): string =>
  problem
    ? `${problem.detail} (${problem.code})`
    : `HTTP ${status} ${headers["content-type"] ?? ""}: not an answer of a Hansa broker (a proxy's?)`;

/** Seconds, or a date, which is compared with the answer's own and never with our clock. */
export function retryAfterMs({ headers }: Pick<Answer, "headers">): number | null {
  const text = headers["retry-after"];
  if (text === undefined) return null;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const ms = Date.parse(text) - Date.parse(headers.date ?? "");
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
