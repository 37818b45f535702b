/** What the agent says while it runs: a line of text each on stderr, with levels that journald understands. */
import { fstatSync } from "node:fs";

const LEVELS = { error: 3, warn: 4, info: 6 } as const;
export type Level = keyof typeof LEVELS;
export type Log = (level: Level, message: string) => void;

/** A program that a service starts has the variable too, and mostly another stderr: then it is no journal's. */
export function isJournal({ JOURNAL_STREAM }: NodeJS.ProcessEnv, stream: { dev: number; ino: number }): boolean {
  return JOURNAL_STREAM === `${stream.dev}:${stream.ino}`;
}

/** Under systemd the journal adds the time and reads the level from `<n>`. A full disk must not end the agent. */
export function stderrLog(environment: NodeJS.ProcessEnv): Log {
  const journald = environment.JOURNAL_STREAM !== undefined && isJournal(environment, fstatSync(2));
  process.stderr.on("error", () => {});
  return (level, message) => {
    const head = journald ? `<${LEVELS[level]}>` : `${new Date().toISOString()} ${level.padEnd(5)} `;
    process.stderr.write(`${head}${message}\n`);
  };
}
