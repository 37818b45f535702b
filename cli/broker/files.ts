/** Files that are never seen half written. */
import { renameSync, writeFileSync } from "node:fs";

export function writeFileWhole(path: string, text: string, mode: number): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, path);
}
