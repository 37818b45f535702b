/**
 * Task output on its way to the broker: about twice a second while somebody follows it, else every ten, or when there is
 * much, or at the end. The broker says where a stream goes on. It never stands in the way of a poll, and what it can't send
 * now it tries again for as long as the attempt is kept.
 */
import type { StreamEnd } from "../../src/protocol/agent.ts";
import type { Chunk, UploadOutcome } from "./broker/broker.ts";
import type { Log } from "./log.ts";
import { STREAMS, type Stream } from "./process/output.ts";

const FOLLOWED_EVERY_MS = 400;
/** So often what is followed is looked at. */
const FOLLOWED_LOOK_MS = 200;
const EVERY_MS = 10_000;
/** The most that one request carries, and enough to send at once. */
export const CHUNK_BYTES = 256 * 1024;
const AT_ONCE = 2;
const BACKOFF_BASE_MS = 1000;
const BACKOFF_MAX_MS = 60_000;

export interface UploadOptions {
  outputs: {
    /** up to where a stream of what runs may be sent; asked each second, whether or not anything can be */
    ready(key: string, stream: Stream): number;
    /** at most so many bytes; none when they are not there */
    read(key: string, stream: Stream, offset: number, length: number): Buffer;
    drop(key: string): void;
  };
  upload(chunk: Chunk): Promise<UploadOutcome>;
  /** all of an ended attempt's output is with the broker */
  uploaded(key: string): void;
  nowMs(): number;
  random(): number;
  log: Log;
}

interface Upload {
  key: string;
  task: string;
  epoch: number;
  stream: Stream;
  offset: number;
  /** while it runs: up to where it may be sent */
  ready: number;
  end: StreamEnd | null;
  done: boolean;
  busy: boolean;
  failures: number;
  sentAtMs: number;
  notBeforeMs: number;
}

export class Uploads {
  readonly #options: UploadOptions;
  readonly #uploads = new Map<string, Upload[]>();
  #followed: ReadonlySet<string> = new Set();
  #inFlight = 0;
  #look: NodeJS.Timeout | null = null;

  constructor(options: UploadOptions) {
    this.#options = options;
  }

  /** A running attempt. */
  add({ key, task, epoch }: { key: string; task: string; epoch: number }): void {
    if (this.#uploads.has(key)) return;
    const sentAtMs = this.#options.nowMs();
    this.#uploads.set(
      key,
      STREAMS.map((stream) => ({
        ...{ key, task, epoch, stream, offset: 0, ready: 0, end: null, done: false, busy: false },
        ...{ failures: 0, sentAtMs, notBeforeMs: 0 },
      })),
    );
  }

  /** Its output is whole now. An empty stream is never uploaded: the end itself says so. */
  end(attempt: { key: string; task: string; epoch: number }, stdout: StreamEnd, stderr: StreamEnd): void {
    this.add(attempt);
    for (const upload of this.#uploads.get(attempt.key) ?? []) {
      upload.end = upload.stream === "stdout" ? stdout : stderr;
      upload.notBeforeMs = 0;
      if (upload.end.size === 0) upload.done = true;
    }
    if (this.isDone(attempt.key)) this.#options.uploaded(attempt.key);
    else this.pump();
  }

  isDone(key: string): boolean {
    return (this.#uploads.get(key) ?? []).every((upload) => upload.done);
  }

  drop(key: string): void {
    this.#uploads.delete(key);
    this.#options.outputs.drop(key);
  }

  follow(keys: readonly string[]): void {
    this.#followed = new Set(keys);
    if (this.#look) clearInterval(this.#look);
    this.#look = keys.length > 0 ? setInterval(() => this.pump(), FOLLOWED_LOOK_MS).unref() : null;
    this.pump();
  }

  close(): void {
    if (this.#look) clearInterval(this.#look);
  }

  /** Streams of ended attempts that are not all with the broker yet. */
  get unfinished(): number {
    let count = 0;
    for (const uploads of this.#uploads.values()) for (const { end, done } of uploads) if (end && !done) count++;
    return count;
  }

  /** Starts what is due; call it every second, too. */
  pump(): void {
    const nowMs = this.#options.nowMs();
    for (const uploads of this.#uploads.values()) {
      for (const upload of uploads) {
        const isDue = this.#isDue(upload, nowMs);
        if (isDue && !upload.done && !upload.busy && nowMs >= upload.notBeforeMs && this.#inFlight < AT_ONCE)
          void this.#send(upload);
      }
    }
  }

  #isDue(upload: Upload, nowMs: number): boolean {
    if (upload.end) return true;
    upload.ready = this.#options.outputs.ready(upload.key, upload.stream);
    const waitedMs = nowMs - upload.sentAtMs;
    const unsent = upload.ready - upload.offset;
    if (unsent <= 0) return false;
    return (
      unsent >= CHUNK_BYTES || waitedMs >= EVERY_MS || (waitedMs >= FOLLOWED_EVERY_MS && this.#followed.has(upload.key))
    );
  }

  async #send(upload: Upload): Promise<void> {
    const { key, task, epoch, stream, offset, end } = upload;
    upload.busy = true;
    this.#inFlight++;
    const unsent = Math.max(0, (end?.size ?? upload.ready) - offset);
    const bytes = this.#options.outputs.read(key, stream, offset, Math.min(unsent, CHUNK_BYTES));
    const last = end !== null && offset + bytes.length >= end.size;
    const cutShort = end !== null && !last && bytes.length === 0;
    const outcome: UploadOutcome = cutShort
      ? { kind: "refused", message: "the file is shorter than it was" }
      : await this.#options.upload({ task, epoch, stream, offset, bytes, end: last ? end : null });
    upload.busy = false;
    this.#inFlight--;
    upload.sentAtMs = this.#options.nowMs();
    this.#learn(upload, outcome, last);
    // `end` may have come while the bytes were on their way
    if (upload.end && this.isDone(upload.key)) this.#options.uploaded(upload.key);
    this.pump();
  }

  #learn(upload: Upload, outcome: UploadOutcome, last: boolean): void {
    switch (outcome.kind) {
      case "stored":
        upload.offset = outcome.offset;
        upload.failures = 0;
        if (last && upload.end && outcome.offset >= upload.end.size) upload.done = true;
        return;
      case "rewind":
        if (outcome.offset === upload.offset) this.#retryLater(upload, null);
        upload.offset = outcome.offset;
        return;
      case "refused":
        this.#options.log(
          "warn",
          `${upload.key}: the rest of its ${upload.stream} is not uploaded: ${outcome.message}`,
        );
        upload.done = true;
        return;
      case "no-reply":
        this.#retryLater(upload, outcome.retryAfterMs);
    }
  }

  #retryLater(upload: Upload, retryAfterMs: number | null): void {
    const mostMs = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** Math.min(upload.failures, 10));
    upload.failures++;
    upload.notBeforeMs = this.#options.nowMs() + (retryAfterMs ?? 0) + this.#options.random() * mostMs;
  }
}
