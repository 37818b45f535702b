/**
 * What tasks print stays within a limit and shows no secret that they were given. A task writes into its files itself,
 * with nobody between; each second, and at the end, the agent covers secrets in place and cuts off what is beyond the
 * limit. Nothing is sent that was not looked at. How much was cut is noted beside the file, to outlive the agent, and
 * said in its last line.
 */
import { appendFileSync, closeSync, openSync, readSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Exit } from "../core/types.ts";
import { hasCode, PRIVATE_FILE_MODE, readIfThere, writeWhole } from "./files.ts";
import { measure, STREAMS, type Stream } from "./process/output.ts";
import { findSecrets, openEnd, secretsOf, stars } from "./secrets.ts";

const READ_BYTES = 256 * 1024;
/** Beside a stream's file. */
const CUT_FILE = ".cut";

interface Cut {
  dropped: number;
  /** it is over, and its last line says so */
  told: boolean;
}

interface Known {
  secrets: readonly Buffer[];
  /** by stream, up to where secrets are covered */
  covered: Record<Stream, number>;
}

export class Outputs {
  readonly #tasks: string;
  readonly #limitBytes: number;
  readonly #known = new Map<string, Known>();

  /** @param tasks folder of the attempts' folders @param limitBytes of one stream of an attempt */
  constructor(tasks: string, limitBytes: number) {
    this.#tasks = tasks;
    this.#limitBytes = limitBytes;
  }

  /** @param environment what its job gave to the attempt */
  add(key: string, environment: Readonly<Record<string, string>>): void {
    if (!this.#known.has(key))
      this.#known.set(key, { secrets: secretsOf(environment), covered: { stdout: 0, stderr: 0 } });
  }
  drop(key: string): void {
    this.#known.delete(key);
  }

  /** While it runs. @returns up to where it may be sent */
  ready(key: string, stream: Stream): number {
    const path = this.#path(key, stream);
    const size = sizeOf(path);
    if (size > this.#limitBytes) this.#cut(path, size);
    return this.#cover(key, stream, Math.min(size, this.#limitBytes), false);
  }

  /** At most `length` bytes; none when the file is not there. */
  read(key: string, stream: Stream, offset: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    if (length === 0) return buffer;
    try {
      const fd = openSync(this.#path(key, stream), "r");
      try {
        return buffer.subarray(0, readSync(fd, buffer, 0, length, offset));
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (hasCode(error, "ENOENT")) return buffer.subarray(0, 0);
      throw error;
    }
  }

  /** Once it has ended, again or not. @returns its exit with what its files are then */
  async finish(key: string, exit: Exit): Promise<Exit> {
    const [stdout, stderr] = await Promise.all(STREAMS.map((stream) => this.#finish(key, stream, exit[stream])));
    return { ...exit, stdout: stdout ?? exit.stdout, stderr: stderr ?? exit.stderr };
  }

  async #finish(key: string, stream: Stream, measured: Exit[Stream]): Promise<Exit[Stream]> {
    const path = this.#path(key, stream);
    const hasSecrets = (this.#known.get(key)?.secrets.length ?? 0) > 0;
    const before = cutOf(path);
    if (!hasSecrets && before === null && measured.size <= this.#limitBytes) return measured;
    const size = sizeOf(path);
    const cut = before?.told || size <= this.#limitBytes ? before : this.#cut(path, size);
    this.#cover(key, stream, Math.min(size, this.#limitBytes), true);
    if (cut && !cut.told) {
      noteCut(path, { ...cut, told: true });
      appendFileSync(path, lastLine(cut.dropped, this.#limitBytes));
    }
    return { ...(await measure(path)), dropped: cut?.dropped ?? 0 };
  }

  #path(key: string, stream: Stream): string {
    return join(this.#tasks, key, stream);
  }

  #cut(path: string, size: number): Cut {
    const cut = { dropped: (cutOf(path)?.dropped ?? 0) + size - this.#limitBytes, told: false };
    noteCut(path, cut);
    truncateSync(path, this.#limitBytes);
    return cut;
  }

  /** @returns up to where the bytes can't change any more */
  #cover(key: string, stream: Stream, size: number, isOver: boolean): number {
    const known = this.#known.get(key);
    if (!known || known.secrets.length === 0) return size;
    const { secrets, covered } = known;
    if (covered[stream] >= size) return covered[stream];
    const longest = secrets[0]?.length ?? 0;
    const fd = openSync(this.#path(key, stream), "r+");
    try {
      while (covered[stream] < size) {
        const from = Math.max(0, covered[stream] - longest + 1);
        const bytes = Buffer.allocUnsafe(Math.min(size - from, READ_BYTES + longest));
        const read = bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
        for (const [start, end] of findSecrets(read, secrets)) writeWhole(fd, stars(end - start), from + start);
        const open = isOver && from + read.length >= size ? 0 : openEnd(read, secrets);
        const next = from + read.length - open;
        if (next <= covered[stream]) break;
        covered[stream] = next;
      }
    } finally {
      closeSync(fd);
    }
    return covered[stream];
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

function cutOf(path: string): Cut | null {
  const text = readIfThere(path + CUT_FILE);
  return text ? (JSON.parse(text) as Cut) : null;
}
/** How much of a stream's file was cut off. */
export const droppedFrom = (path: string): number => cutOf(path)?.dropped ?? 0;

const noteCut = (path: string, cut: Cut): void =>
  writeFileSync(path + CUT_FILE, JSON.stringify(cut), { mode: PRIVATE_FILE_MODE });

const lastLine = (dropped: number, limitBytes: number): string =>
  `\n[hansa: ${dropped} bytes more were dropped; this node keeps ${limitBytes} of each stream of a task]\n`;
