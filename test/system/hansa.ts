/** The built `hansa` command against a league of a test, with nothing of this machine's own settings. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "vitest";
import type { League } from "./league.ts";
import { cleanEnvironment } from "./processes.ts";

export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

export const environmentOf = ({ broker, client }: League) => ({
  ...cleanEnvironment(),
  HANSA_URL: broker.url,
  HANSA_TOKEN: client.access.token ?? "",
});

/** @returns what it said, whatever its exit code */
export const hansaOf = (league: League, words: readonly string[]): Promise<Said> =>
  promisify(execFile)(process.execPath, ["dist/hansa.mjs", ...words], { env: environmentOf(league) }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Said) => ({ code, stdout, stderr }),
  );

/** @returns what it said on standard output; the test fails when it did not succeed */
export async function saysOf(league: League, words: readonly string[]): Promise<string> {
  const said = await hansaOf(league, words);
  expect(said.code, said.stderr).toBe(0);
  return said.stdout;
}
