/** Whether tasks, which run as another user when the league is root's, can read a file. */
import { statSync } from "node:fs";
import { dirname } from "node:path";

const OTHERS_READ = 0o004;
const OTHERS_PASS = 0o001;

export function readableByAll(file: string): boolean {
  if ((statSync(file).mode & OTHERS_READ) === 0) return false;
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & OTHERS_PASS) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
