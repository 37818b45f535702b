/** Reads a request's body and stops at the limit, whatever the sender said of its length. */
import { createMiddleware } from "hono/factory";
import { Problem } from "../model/problems.ts";
import type { ApiEnv } from "./env.ts";

export const MAX_BODY_BYTES = 2 ** 20;

/** @throws Problem `too-large` */
export async function readBytes(request: Request, maxBytes = MAX_BODY_BYTES): Promise<Uint8Array> {
  if (declaredLength(request, maxBytes) !== null) return new Uint8Array(await request.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) {
      void reader.cancel();
      throw tooLarge(maxBytes);
    }
    chunks.push(value);
  }
  return joined(chunks, length);
}

/** Bounds what validators and handlers may read. */
export const limitedBody = createMiddleware<ApiEnv>(async (c, next) => {
  const request = c.req.raw;
  if (request.body !== null && declaredLength(request, MAX_BODY_BYTES) === null) {
    c.req.raw = new Request(request, { body: await readBytes(request) });
  }
  await next();
});

/** The server holds the sender to a declared length, so it need not be counted. @returns null when it is not known */
function declaredLength(request: Request, maxBytes: number): number | null {
  const declared = request.headers.get("content-length");
  if (declared === null) return null;
  const length = Number(declared);
  if (length > maxBytes) throw tooLarge(maxBytes);
  return Number.isFinite(length) ? length : null;
}

const tooLarge = (maxBytes: number): Problem =>
  new Problem("too-large", `the body is over ${maxBytes / 1024} KiB; send less in one request`);

function joined(chunks: Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
