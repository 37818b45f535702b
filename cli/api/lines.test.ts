import { expect, it } from "vitest";
import { eventData, linesOf } from "./lines.ts";

async function* chunks(...texts: (string | Uint8Array)[]) {
  for (const text of texts) yield typeof text === "string" ? new TextEncoder().encode(text) : text;
}
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

it("lines are the same however the bytes were cut, also within a character", async () => {
  const bytes = new TextEncoder().encode("größe\nzwei\nrest");
  for (let cut = 1; cut < bytes.length; cut++) {
    expect(await all(linesOf(chunks(bytes.slice(0, cut), bytes.slice(cut))))).toEqual(["größe", "zwei", "rest"]);
  }
});

it("an ended line leaves no empty one behind it", async () => {
  expect(await all(linesOf(chunks("a\n\nb\n")))).toEqual(["a", "", "b"]);
});

it("events are the data between empty lines; comments and other fields are skipped", async () => {
  const text = ': hello\n\nevent: job.ended\nid: 7\ndata: {"a":1}\n\ndata: x\r\ndata: y\r\n\r\n';
  expect(await all(eventData(linesOf(chunks(text))))).toEqual(['{"a":1}', "x\ny"]);
});

it("an event that was cut off is none", async () => {
  expect(await all(eventData(linesOf(chunks("data: a\n\ndata: b\n"))))).toEqual(["a"]);
});
