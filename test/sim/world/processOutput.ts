/** What one process writes: bytes that no other writes at that place, most of them little by little while it runs. */
import { crc32 } from "node:zlib";
import type { Exit } from "../../../agent/core/types.ts";
import { STREAMS, type Stream } from "../../../agent/host/process/output.ts";
import type { World } from "./world.ts";

const SILENT = 0.3;
const LOUD = 0.03;
const REWRITES = 0.02;
const REWRITTEN_BYTES = 8;

export class ProcessOutput {
  readonly #world: World;
  readonly #key: string;
  readonly #startedAtMs: number;
  readonly #ranMs: number;
  #endedAtMs: number | null = null;
  #tornAt = Number.POSITIVE_INFINITY;
  /** it has written anew over its first bytes */
  #isRewritten = false;

  constructor(world: World, key: string, ranMs: number) {
    this.#world = world;
    this.#key = key;
    this.#startedAtMs = world.timeline.nowMs;
    this.#ranMs = ranMs;
  }

  written(stream: Stream): number {
    const ranMs = (this.#endedAtMs ?? this.#world.timeline.nowMs) - this.#startedAtMs;
    return Math.floor(bytesOf(this.#world, this.#key, stream).length * Math.min(1, ranMs / this.#ranMs));
  }

  read(stream: Stream, offset: number, length: number): Buffer {
    const bytes = bytesOf(this.#world, this.#key, stream).subarray(
      offset,
      Math.min(offset + length, this.written(stream)),
    );
    const whole = Math.max(0, this.#tornAt - offset);
    if (whole >= bytes.length && !this.#isRewritten) return bytes;
    const changed = Buffer.from(bytes).fill(0, Math.min(whole, bytes.length));
    return this.#isRewritten ? rewritten(changed, offset) : changed;
  }

  end(): Pick<Exit, "stdout" | "stderr"> {
    if (this.#endedAtMs === null) this.#last();
    this.#endedAtMs ??= this.#world.timeline.nowMs;
    const [stdout, stderr] = STREAMS.map((stream) => {
      const bytes = this.read(stream, 0, Number.POSITIVE_INFINITY);
      return { size: bytes.length, crc32: crc32(bytes), dropped: 0 };
    }) as [Exit["stdout"], Exit["stderr"]];
    return { stdout, stderr };
  }

  /** The file is the task's own: it may change what was sent of it already. */
  #last(): void {
    const { faulty, happenings, outputs } = this.#world;
    const isDrawn = this.#world.chanceOf(`last of ${this.#key}`).of(REWRITES);
    if (!isDrawn || !faulty || !happenings.strikes("output-rewritten", this.#key)) return;
    this.#isRewritten = true;
    for (const stream of STREAMS)
      outputs.changed.set(`${stream} of ${this.#key}`, rewritten(bytesOf(this.#world, this.#key, stream), 0));
  }

  /** Power was lost before the rest was on disk: it is there, and all zeros. */
  tear(at: number): void {
    this.#tornAt = Math.min(this.#tornAt, at);
    for (const stream of STREAMS) {
      const name = `${stream} of ${this.#key}`;
      const { changed } = this.#world.outputs;
      if (!changed.has(name)) changed.set(name, bytesOf(this.#world, this.#key, stream));
    }
  }

  /** As it is on a copy of the disk. */
  frozen(): ProcessOutput {
    const copy = new ProcessOutput(this.#world, this.#key, this.#ranMs);
    copy.#endedAtMs = copy.#startedAtMs + ((this.#endedAtMs ?? this.#world.timeline.nowMs) - this.#startedAtMs);
    copy.#tornAt = this.#tornAt;
    copy.#isRewritten = this.#isRewritten;
    return copy;
  }
}

function rewritten(bytes: Buffer, offset: number): Buffer {
  const changed = Buffer.from(bytes);
  for (let i = offset; i < Math.min(REWRITTEN_BYTES, offset + bytes.length); i++)
    changed[i - offset] = 0xff ^ (bytes[i - offset] as number);
  return changed;
}

const drawn = new WeakMap<World, Map<string, Buffer>>();

/** All that a process of this attempt would write into the stream if nobody stopped it. */
export function bytesOf(world: World, key: string, stream: Stream): Buffer {
  const all = drawn.get(world) ?? new Map<string, Buffer>();
  drawn.set(world, all);
  const name = `${stream} of ${key}`;
  let bytes = all.get(name);
  if (!bytes) {
    const chance = world.chanceOf(name);
    const draw = chance.next();
    const size = draw < SILENT ? 0 : draw < SILENT + LOUD ? chance.int(200_000, 400_000) : chance.spread(1, 4_000);
    const from = crc32(name);
    bytes = Buffer.allocUnsafe(size);
    for (let i = 0; i < size; i++) bytes[i] = (from + i * 31 + (i >> 8) * (17 + (from >> 24))) & 0xff;
    all.set(name, bytes);
  }
  return bytes;
}
