/** What the agent says while it runs: a line of text each on stderr, with levels that journald understands. */

const LEVELS = { error: 3, warn: 4, info: 6 } as const;
export type Level = keyof typeof LEVELS;
export type Log = (level: Level, message: string) => void;

/** Under systemd the journal adds the time and reads the level from `<n>`. A full disk must not end the agent. */
export function stderrLog(environment: NodeJS.ProcessEnv): Log {
  const journald = environment.JOURNAL_STREAM !== undefined;
  process.stderr.on("error", () => {});
  return (level, message) => {
    const head = journald ? `<${LEVELS[level]}>` : `${new Date().toISOString()} ${level.padEnd(5)} `;
    process.stderr.write(`${head}${message}\n`);
  };
}
