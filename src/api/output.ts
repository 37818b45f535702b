/**
 * The bytes of one stream of one attempt, as far as they are stored, and as they come. A Shelf knows bytes and
 * whether their end was told; whether more can come of an attempt, its Cluster knows.
 */
import type { AttemptView, TaskView } from "../model/views.ts";
import type { ObjectClient } from "../platform/objectClient.ts";
import type { ShelfMethods, StreamKey } from "../shelf/methods.ts";
import { Inbox } from "./inbox.ts";

const READ_BYTES = 2 ** 20;
/** How often a follower asks how the attempt is, while no byte comes. */
const LOOK_MS = 2_000;
/** A Cluster keeps a node's uploads quick for a minute after it was asked. */
const FOLLOW_AGAIN_MS = 40_000;
/** An agent that has not sent the end of an output so long after the job's will not send it. */
const LATE_UPLOAD_MS = 600_000;

const OVER = new Set<AttemptView["state"]>(["succeeded", "failed", "cancelled", "refused", "lost"]);

/** How an output is reached; `now` asks anew each time. */
export interface Source {
  shelf: ObjectClient<ShelfMethods>;
  key: StreamKey;
  /** the attempt as it is now; null: not known any more */
  attempt(): Promise<AttemptView | null>;
  jobEndedAt(): Promise<number | null>;
  /** asks the node to send what it has without delay */
  hurry(): Promise<void>;
}

export type Piece = ReturnType<ShelfMethods["read"]>;

export const readAt = ({ shelf, key }: Source, offset: number): Promise<Piece> =>
  shelf.call("read", { ...key, offset, limit: READ_BYTES });

export const newestAttempt = (task: TaskView): AttemptView | null => task.attempts.at(-1) ?? null;

/** Whether nothing comes after `size` bytes although the Shelf was not told the end. */
export async function isOver(source: Source, size: number): Promise<boolean> {
  const attempt = await source.attempt();
  if (!attempt) return true;
  if (!OVER.has(attempt.state)) return false;
  const bytes = source.key.stream === "stdout" ? attempt.stdoutBytes : attempt.stderrBytes;
  if (attempt.state === "lost" || bytes === null || size >= bytes) return true;
  const endedAt = await source.jobEndedAt();
  return endedAt !== null && Date.now() - endedAt > LATE_UPLOAD_MS;
}

/** What is stored, from the first piece on, up to the size it had then. */
export async function* stored(source: Source, first: Piece): AsyncGenerator<Uint8Array> {
  let piece = first;
  for (;;) {
    if (piece.bytes.length > 0) yield piece.bytes;
    const next = piece.offset + piece.bytes.length;
    if (next >= first.size || piece.bytes.length === 0) return;
    piece = await readAt(source, next);
  }
}

/** The same and what follows, until the stream has ended. */
export async function* followed(source: Source, first: Piece, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const inbox = await Inbox.open(source.shelf, { follow: source.key }, signal);
  let hurriedAtMs = 0;
  let at = first.offset;
  try {
    let piece = first;
    for (;;) {
      for (;;) {
        if (piece.bytes.length > 0) yield piece.bytes;
        at = piece.offset + piece.bytes.length;
        if (at >= piece.size || piece.bytes.length === 0) break;
        piece = await readAt(source, at);
      }
      if (piece.ended || signal.aborted) return;
      if (Date.now() - hurriedAtMs > FOLLOW_AGAIN_MS) {
        await source.hurry();
        hurriedAtMs = Date.now();
      }
      const arrival = await inbox.take(LOOK_MS);
      if (arrival.is === "closed") return;
      if (arrival.is === "late" && (await isOver(source, at))) return;
      piece = await readAt(source, at);
    }
  } finally {
    inbox.close();
  }
}
