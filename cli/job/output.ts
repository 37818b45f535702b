/** A task's output as lines with the task and its node in front, and how the task ended if it did not succeed. */
import type { TaskView } from "../../src/model/views.ts";
import type { Client } from "../api/client.ts";
import { linesOf } from "../api/lines.ts";
import { outputOf } from "../api/streams.ts";
import type { Terminal } from "../show/terminal.ts";

type Stream = "stdout" | "stderr";
/** Outputs up to this size are fetched ahead of their turn. */
const AHEAD_BYTES = 256 * 1024;
const AHEAD_TASKS = 16;

export const placeOf = (task: TaskView): string => {
  const node = task.attempts.at(-1)?.node;
  return node === undefined ? task.cluster : `${task.cluster}/${node}`;
};

/** What to say of a task that did not succeed; null for one that did. */
export function endLine(task: TaskView): string | null {
  if (task.state === "succeeded") return null;
  const last = task.attempts.at(-1);
  if (!last) return task.state;
  const { reason } = last;
  const how =
    last.signal !== null ? `signal ${last.signal}` : last.code !== null ? `exit ${last.code}` : (reason ?? "");
  const told = reason === null || reason === "exit" || reason === how || reason === task.state;
  const because = told ? "" : reason;
  const tries = task.attempts.length > 1 ? `${task.attempts.length} attempts` : "";
  return [task.state, how, because, last.message ?? "", tries].filter(Boolean).join(", ").replace(", ", ": ");
}

const bytesOf = (task: TaskView, stream: Stream): number | null => {
  const last = task.attempts.at(-1);
  if (!last) return 0;
  return stream === "stdout" ? last.stdoutBytes : last.stderrBytes;
};

/** All of what the newest attempt of an ended task said, also what is still on its way. */
function newestOutput(
  client: Client,
  task: TaskView,
  stream: Stream,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const epoch = task.attempts.at(-1)?.epoch;
  return outputOf(client, {
    task: task.id,
    stream,
    follow: true,
    ...(epoch !== undefined && { epoch }),
    ...(signal && { signal }),
  });
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** Whole output of an ended task; nothing is asked when it is known to be empty. */
export async function collected(
  client: Client,
  task: TaskView,
  stream: Stream,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (bytesOf(task, stream) === 0) return new Uint8Array();
  return whole(newestOutput(client, task, stream, signal));
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

interface Opened {
  task: TaskView;
  stdout: AsyncIterable<Uint8Array>;
  stderr: AsyncIterable<Uint8Array>;
}

/** Hands out each task with its streams, in order; small outputs are fetched several at a time. */
export async function* withOutput(
  client: Client,
  tasks: readonly TaskView[],
  signal?: AbortSignal,
): AsyncGenerator<Opened> {
  const small = (task: TaskView, stream: Stream) => (bytesOf(task, stream) ?? Number.POSITIVE_INFINITY) <= AHEAD_BYTES;
  const open = async (task: TaskView, stream: Stream): Promise<AsyncIterable<Uint8Array>> =>
    small(task, stream)
      ? one(await collected(client, task, stream, signal))
      : newestOutput(client, task, stream, signal);
  const begin = async (task: TaskView): Promise<Opened> => {
    const [stdout, stderr] = await Promise.all([open(task, "stdout"), open(task, "stderr")]);
    return { task, stdout, stderr };
  };
  let begun = 0;
  const ahead: Promise<Opened>[] = [];
  for (;;) {
    for (const task of tasks.slice(begun, begun + AHEAD_TASKS - ahead.length)) {
      begun++;
      const opened = begin(task);
      // whoever takes it is told; until then it must not count as unseen
      opened.catch(() => {});
      ahead.push(opened);
    }
    const next = ahead.shift();
    if (!next) return;
    yield await next;
  }
}

/** `7k2m.0 north/n1 | hi`; lines of stderr have `!` in place of the bar. @param to where the lines go */
export async function printPrefixed(
  terminal: Terminal,
  task: TaskView,
  stream: Stream,
  chunks: AsyncIterable<Uint8Array>,
  to: Stream = stream,
): Promise<void> {
  const prefix = terminal.paint("dim", `${task.id} ${placeOf(task)} ${stream === "stdout" ? "|" : "!"}`);
  for await (const line of linesOf(chunks)) {
    if (to === "stdout") terminal.out(`${prefix} ${line}`);
    else terminal.note(`${prefix} ${line}`);
  }
}
