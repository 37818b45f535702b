/**
 * Which agent tests start: `HANSA_AGENT=PATH` chooses, the default is the bundle. What ends in `.cjs` or `.ts` runs in
 * this Node, anything else is an executable.
 */
const DEFAULT = "dist/hansa-agent.cjs";

/** The agent that the environment names, if any. */
export const chosenAgent = (environment = process.env): string | null => environment.HANSA_AGENT || null;

/** Program and first words. */
export function agentCommand(
  path = chosenAgent() ?? DEFAULT,
  nodeWords: readonly string[] = [],
): [string, ...string[]] {
  return /\.(cjs|ts)$/.test(path) ? [process.execPath, ...nodeWords, path] : [path];
}
