/** Where one HTTP/1.1 message ends: as much of the framing as that takes, and nothing more. */

export interface Head {
  startLine: string;
  /** names in lower case */
  headers: ReadonlyMap<string, string>;
}

const HEAD_END = Buffer.from("\r\n\r\n");
const LINE_END = Buffer.from("\r\n");

type Body =
  | { is: "none" }
  | { is: "length"; left: number }
  /** `data` is followed by a line end, which counts to it */
  | { is: "chunks"; left: number; last: boolean }
  | { is: "until-close" };

export class MessageReader {
  readonly #kind: "request" | "reply";
  /** the reply to a HEAD has a length and no body */
  readonly #bodiless: boolean;
  #line: Buffer = Buffer.alloc(0);
  #body: Body | null = null;
  head: Head | null = null;
  done = false;

  constructor(kind: "request" | "reply", bodiless = false) {
    this.#kind = kind;
    this.#bodiless = bodiless;
  }

  /** A reply without a length ends with its connection. */
  get endsWithConnection(): boolean {
    return this.#body?.is === "until-close";
  }

  /** @returns how many bytes of the chunk belong to this message */
  push(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && !this.done) at += this.#step(chunk.subarray(at));
    return at;
  }

  #step(rest: Buffer): number {
    const body = this.#body;
    if (body === null) return this.#readHead(rest);
    if (body.is === "until-close") return rest.length;
    if (body.is === "none") return 0;
    if (body.left > 0) {
      const taken = Math.min(body.left, rest.length);
      body.left -= taken;
      if (body.is === "length") this.done = body.left === 0;
      return taken;
    }
    return body.is === "chunks" ? this.#readChunkLine(rest, body) : 0;
  }

  #readHead(rest: Buffer): number {
    const { used, text } = this.#upTo(HEAD_END, rest);
    if (text === null) return used;
    const [startLine = "", ...lines] = text.split("\r\n");
    const headers = new Map(lines.map(headerOf));
    this.head = { startLine, headers };
    this.#body = this.#bodyOf(startLine, headers);
    if (this.#body === null) this.head = null;
    this.done = this.#body?.is === "none";
    return used;
  }

  /** @returns null for a reply that only announces another (100 Continue) */
  #bodyOf(startLine: string, headers: ReadonlyMap<string, string>): Body | null {
    const status = this.#kind === "reply" ? Number(startLine.split(" ")[1]) : null;
    if (status !== null && status < 200 && status !== 101) return null;
    if (this.#bodiless || status === 101 || status === 204 || status === 304) return { is: "none" };
    if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") return { is: "chunks", left: 0, last: false };
    const length = headers.get("content-length");
    if (length !== undefined) return Number(length) === 0 ? { is: "none" } : { is: "length", left: Number(length) };
    return status === null ? { is: "none" } : { is: "until-close" };
  }

  #readChunkLine(rest: Buffer, body: Extract<Body, { is: "chunks" }>): number {
    const { used, text } = this.#upTo(LINE_END, rest);
    if (text === null) return used;
    if (body.last) {
      this.done = text === "";
    } else {
      const size = Number.parseInt(text, 16);
      body.last = size === 0;
      body.left = size === 0 ? 0 : size + LINE_END.length;
    }
    return used;
  }

  #upTo(end: Buffer, rest: Buffer): { used: number; text: string | null } {
    const before = this.#line.length;
    this.#line = Buffer.concat([this.#line, rest]);
    const at = this.#line.indexOf(end);
    if (at < 0) return { used: rest.length, text: null };
    const text = this.#line.toString("latin1", 0, at);
    this.#line = Buffer.alloc(0);
    return { used: at + end.length - before, text };
  }
}

function headerOf(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
