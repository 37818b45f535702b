/** Sees what Shelves take and what agents hear of it, and holds it against what processes wrote. */
import type { Chunk, UploadOutcome } from "../../../agent/host/broker/broker.ts";
import type { ShelfMethods, StreamKey } from "../../../src/shelf/methods.ts";
import { shelfOf } from "../../../src/shelf/shelfOf.ts";
import { bytesOf } from "../world/processOutput.ts";
import type { World } from "../world/world.ts";

type Put = Parameters<ShelfMethods["put"]>[0];
type Read = ReturnType<ShelfMethods["read"]>;

const LONG_AFTER_MS = 32 * 86_400_000;
const MOST_SWEEPS = 20;
/** An upload that got no answer is given up, and tried again, within this. */
const LATEST_AGAIN_MS = 150_000;

export class OutputWatch {
  /** of streams whose files did not stay what was written: all that they were when they were measured */
  readonly changed = new Map<string, Buffer>();
  readonly #world: World;
  /** what agents heard to be stored, and whether that was all */
  readonly #stored = new Map<string, { key: StreamKey; size: number; isWhole: boolean }>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A Shelf has taken these bytes. */
  answered(method: string, args: unknown): void {
    if (method !== "put") return;
    const { offset, bytes, ...key } = args as Put;
    if (!this.changed.has(nameOf(key))) this.holdBytes(key, offset, bytes, "is stored");
  }

  /** An agent's PUT was answered. */
  heard({ offset, bytes, end, ...key }: Chunk, outcome: UploadOutcome): void {
    if (outcome.kind !== "stored") return;
    const name = nameOf(key);
    const before = this.#stored.get(name);
    const isWhole = before?.isWhole === true || (end !== null && outcome.offset >= end.size);
    const size = Math.max(offset + bytes.length, before?.size ?? 0);
    this.#stored.set(name, { key, size, isWhole });
  }

  holdBytes(key: StreamKey, offset: number, bytes: Uint8Array, what: string): void {
    const written = this.changed.get(nameOf(key)) ?? bytesOf(this.#world, `${key.task}@${key.epoch}`, key.stream);
    this.#world.checks.hold(
      "output-whole",
      written.subarray(offset, offset + bytes.length).equals(bytes),
      () => `of ${nameOf(key)} ${what} what its process did not write: ${bytes.length} bytes at ${offset}`,
    );
  }

  /** What was acknowledged is there, all of it where nothing went wrong any more, and goes when its time is over. */
  checkEnd(): void {
    const { checks, shelves, agents, mood, timeline } = this.#world;
    if (timeline.nowMs >= mood.faultsEndMs + LATEST_AGAIN_MS)
      for (const { alive, claims, uploadsLeft } of agents)
        checks.hold("output-whole", !alive || uploadsLeft === 0, () => `${claims.node} has ${uploadsLeft} to upload`);
    for (const { key, size, isWhole } of this.#stored.values()) {
      const shelf = this.#world.objectOf(shelfOf("league", key.task));
      const read = shelf?.ask("read", { ...key, offset: 0, limit: 2 ** 20 }) as Read;
      const isChanged = this.changed.has(nameOf(key));
      // Of what is a mixture nobody is told that it is right.
      if (!isChanged || read.verified) this.holdBytes(key, 0, read.bytes, "is kept");
      const isEnded = read.ended && (read.verified || isChanged) && read.size === size;
      const isKept = read.size >= size && (!isWhole || isEnded);
      const what = () => `${size} bytes of ${nameOf(key)} were stored${isWhole ? ", all of it" : ""}: ${told(read)}`;
      checks.hold("output-whole", isKept, what);
    }
    for (const shelf of shelves) {
      shelf.jumpClock(LONG_AFTER_MS);
      for (let i = 0; i < MOST_SWEEPS && shelf.home.alarmAt !== null; i++) shelf.home.fireAlarm();
      const rows = shelf.home.query("SELECT task FROM stream UNION ALL SELECT task FROM chunk");
      const what = () => `${shelf.name} keeps ${rows.length} rows beyond their time`;
      checks.hold("output-whole", rows.length === 0, what);
    }
  }
}

const nameOf = ({ task, epoch, stream }: StreamKey): string => `${stream} of ${task}@${epoch}`;
const told = ({ size, ended, verified }: Read): string => JSON.stringify({ size, ended, verified });
