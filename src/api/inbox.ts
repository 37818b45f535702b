/**
 * Messages of an object's socket, taken one after the other by whoever holds a request open. The object may sleep
 * meanwhile; the Worker waits here.
 */
import { PROBLEMS, Problem, type ProblemCode } from "../model/problems.ts";
import type { ObjectClient } from "../platform/objectClient.ts";

export type Arrival = { is: "message"; message: unknown } | { is: "late" } | { is: "closed"; code: number };

/** More than this unread means that the reader can't keep up; it comes again and goes on where it was. */
const MAX_UNREAD = 10_000;
/** The object ended it on purpose. */
export const ENDED = 1000;
const GONE = 0;

export class Inbox {
  readonly #maxUnread: number;
  readonly #unread: unknown[] = [];
  #closedBy: number | null = null;
  #wake: (() => void) | null = null;
  #close = (_isClean: boolean): void => {};

  private constructor(maxUnread: number) {
    this.#maxUnread = maxUnread;
  }

  /** @param signal of the request: when its sender is gone, the socket is closed */
  static async open(
    client: Pick<ObjectClient<never>, "open">,
    first: unknown,
    signal: AbortSignal,
    maxUnread = MAX_UNREAD,
  ): Promise<Inbox> {
    const inbox = new Inbox(maxUnread);
    const socket = await client.open(first, {
      message: (message) => inbox.#push(message),
      closed: (code) => inbox.#end(code),
    });
    inbox.#close = (isClean) => socket.close(isClean);
    if (signal.aborted) inbox.close();
    signal.addEventListener("abort", () => inbox.close());
    return inbox;
  }

  /** @throws Problem when the object answered with one */
  async take(withinMs: number): Promise<Arrival> {
    if (this.#unread.length === 0 && this.#closedBy === null) await this.#arrival(withinMs);
    if (this.#unread.length > 0) {
      const message = this.#unread.shift();
      const problem = problemIn(message);
      if (problem) throw problem;
      return { is: "message", message };
    }
    return this.#closedBy === null ? { is: "late" } : { is: "closed", code: this.#closedBy };
  }

  /** @param isClean who reads has gone; else the object hears that it was lost */
  close(isClean = true): void {
    this.#close(isClean);
    this.#end(GONE);
  }

  async #arrival(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    this.#wake = resolve;
    await promise;
    this.#wake = null;
    clearTimeout(timer);
  }

  #push(message: unknown): void {
    this.#unread.push(message);
    if (this.#unread.length > this.#maxUnread) this.close(false);
    this.#wake?.();
  }

  #end(code: number): void {
    this.#closedBy ??= code;
    this.#wake?.();
  }
}

const isCode = (code: unknown): code is ProblemCode => typeof code === "string" && Object.hasOwn(PROBLEMS, code);

/** An object may answer with a problem in place of what was asked. */
function problemIn(message: unknown): Problem | null {
  if (typeof message !== "object" || message === null || !("problem" in message)) return null;
  const { code, detail } = Object(message.problem);
  return isCode(code) ? new Problem(code, String(detail)) : null;
}
