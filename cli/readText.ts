/** Reads a file that was named on the command line. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { Problem } from "../src/model/problems.ts";

/** @param path `-` is standard input */
export async function readText(folder: string, path: string): Promise<string> {
  if (path === "-") return text(process.stdin);
  return readFile(resolve(folder, path), "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Problem("invalid-request", `${path} can't be read: ${error.code ?? error.message}`);
  });
}
