/** The files that a task's output goes to: made for its user, and measured when it has ended. */

import { closeSync, fchownSync, openSync, readFileSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "#agent/crc32";
import type { StreamEnd } from "../../../src/protocol/agent.ts";
import { hasCode, PRIVATE_FILE_MODE } from "../files.ts";
import type { User } from "./user.ts";

export const STREAMS = ["stdout", "stderr"] as const;
export type Stream = (typeof STREAMS)[number];

/** Up to this size a file is read at once; reading it in steps would cost more than it takes. */
const READ_BYTES = 256 * 1024;

/** Append-only, and the user's own, so that `/dev/stdout` can be opened anew. @returns its descriptor */
export function createOutput(folder: string, stream: Stream, user: User): number {
  const fd = openSync(join(folder, stream), "ax", PRIVATE_FILE_MODE);
  try {
    if ("uid" in user.ids) fchownSync(fd, user.ids.uid, user.ids.gid);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

export const emptyEnd = (): StreamEnd => ({ size: 0, crc32: 0, dropped: 0 });

/** Size and CRC-32 of what is there; a file that is not there is empty. */
export function measure(path: string): StreamEnd | Promise<StreamEnd> {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return emptyEnd();
  if (size > READ_BYTES) return measureInSteps(path);
  const bytes = readFileSync(path);
  return { size: bytes.length, crc32: crc32(bytes), dropped: 0 };
}

async function measureInSteps(path: string): Promise<StreamEnd> {
  const file = await open(path, "r").catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  });
  if (file === null) return emptyEnd();
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const end = emptyEnd();
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, end.size);
      if (bytesRead === 0) return end;
      end.crc32 = crc32(buffer.subarray(0, bytesRead), end.crc32);
      end.size += bytesRead;
    }
  } finally {
    await file.close();
  }
}
