import { expect, test } from "vitest";
import { MessageReader } from "./http1.ts";

/** Feeds the text in pieces of `size` bytes. @returns what did not belong to the message */
function left(reader: MessageReader, text: string, size: number): string {
  const bytes = Buffer.from(text);
  let at = 0;
  while (at < bytes.length && !reader.done) at += reader.push(bytes.subarray(at, at + size));
  return bytes.toString("utf8", at);
}

const NEXT = "GET /next HTTP/1.1\r\n\r\n";
const SIZES = [1, 2, 3, 7, 10_000];

test.each([
  ["a request without a body", "request", "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["a request with a length", "request", "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"],
  ["an empty body", "request", "POST /a HTTP/1.1\r\ncontent-length: 0\r\n\r\n"],
  [
    "chunks",
    "request",
    "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=1\r\n\r\n!\r\n0\r\n\r\n",
  ],
  [
    "chunks with a trailer",
    "reply",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n",
  ],
  ["no content", "reply", "HTTP/1.1 204 No Content\r\n\r\n"],
  ["a switch of protocols", "reply", "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"],
  [
    "a reply announced by another",
    "reply",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
  ],
] as const)("%s ends where the next message begins, in whatever pieces it comes", (_what, kind, message) => {
  for (const size of SIZES) {
    const reader = new MessageReader(kind);
    expect(left(reader, message + NEXT, size), `pieces of ${size}`).toBe(NEXT);
    expect(reader.done).toBe(true);
  }
});

test("a message that has not come whole is not done", () => {
  const reader = new MessageReader("request");
  expect(left(reader, "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhell", 4)).toBe("");
  expect(reader.done).toBe(false);
  expect(reader.head).toMatchObject({ startLine: "POST / HTTP/1.1" });
});

test("a reply without a length ends with its connection", () => {
  const reader = new MessageReader("reply");
  expect(left(reader, "HTTP/1.1 200 OK\r\n\r\nand so on", 5)).toBe("");
  expect([reader.done, reader.endsWithConnection]).toEqual([false, true]);
});

test("the reply to a HEAD has no body, whatever length it names", () => {
  const reader = new MessageReader("reply", true);
  expect(left(reader, `HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n${NEXT}`, 6)).toBe(NEXT);
});
