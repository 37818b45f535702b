/** What a network, or a proxy in it, may do to one request and its reply. */

export interface Seen {
  method: string;
  /** with its query */
  path: string;
}

export type Fault =
  | { kind: "pass" }
  /** The connection breaks: `request`: in front of its delivery · `reply`: after it, so that what it did is done. */
  | { kind: "cut"; lose: "request" | "reply"; how: "reset" | "end" }
  /** Nothing comes back, ever. */
  | { kind: "swallow"; lose: "request" | "reply" }
  | { kind: "delay"; requestMs: number; replyMs: number }
  /** A copy of the request is delivered too, so long after the original left; its reply goes nowhere. */
  | { kind: "double"; afterMs: number }
  /** The oldest kept reply to the same method and path; the request is delivered and its own reply is lost. */
  | { kind: "replay" }
  /** A proxy's own page; `lose: "reply"`: the request was delivered first. */
  | { kind: "page"; status: 200 | 502; lose: "request" | "reply" };

export const PASS: Fault = { kind: "pass" };

/** Asked for each request in turn. */
export type Decide = (request: Seen) => Fault;

/** The first so many requests that match meet the fault, all others pass. */
export function only(matches: (request: Seen) => boolean, fault: Fault, times = Number.POSITIVE_INFINITY): Decide {
  let left = times;
  return (request) => {
    if (left <= 0 || !matches(request)) return PASS;
    left -= 1;
    return fault;
  };
}

export const isPath =
  (method: string, path: RegExp) =>
  (request: Seen): boolean =>
    request.method === method && path.test(request.path);

export function pageReply(status: 200 | 502): Buffer {
  const body = `<!DOCTYPE html>\n<html><head><title>Proxy</title></head><body><h1>${status}</h1>{"not": "json"}</body></html>\n`;
  const reason = status === 200 ? "OK" : "Bad Gateway";
  const head = [`HTTP/1.1 ${status} ${reason}`, "content-type: text/html", `content-length: ${body.length}`];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}
