/** Files that are whole or not there: written aside, synced, renamed, and the folder synced. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export const PRIVATE_FILE_MODE = 0o600;

export function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A write that meets the end of the disk may write a part and say nothing: only the next one fails. @throws then */
export function writeWhole(fd: number, bytes: Buffer, position: number | null = null): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(fd, bytes, done, bytes.length - done, position === null ? null : position + done);
}

/** Survives a power cut. @throws when it can't be written: then it is as it was */
export function writeDurably(path: string, text: string): void {
  const aside = `${path}.new`;
  const fd = openSync(aside, "w", PRIVATE_FILE_MODE);
  try {
    writeWhole(fd, Buffer.from(text));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(aside, path);
  syncFolder(dirname(path));
}

export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return null;
    throw error;
  }
}

export const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
