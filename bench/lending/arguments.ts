/** What `npm run bench:lending` is asked for. */
import { parseArgs } from "node:util";

export interface Asked {
  jobs: string;
  gpus: number;
  /** 0: durations as in the file; otherwise the seed they are dealt anew by */
  redraw: number;
  frontier: boolean;
}

export class UsageError extends Error {}

export const USAGE = "npm run bench:lending -- --jobs FILE.csv --gpus 640 [--redraw SEED] [--frontier]";

export function parseAsked(words: readonly string[]): Asked {
  const { jobs, gpus, redraw, frontier } = parsed(words);
  if (jobs === undefined) throw new UsageError("--jobs is missing: a CSV with vc,arrival_s,gpus,duration_s_est");
  if (gpus === undefined) throw new UsageError("--gpus is missing: how many there are to share");
  return { jobs, gpus: whole("gpus", gpus, 1), redraw: whole("redraw", redraw ?? "0", 0), frontier: frontier ?? false };
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        jobs: { type: "string" },
        gpus: { type: "string" },
        redraw: { type: "string" },
        frontier: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function whole(name: string, text: string, least: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new UsageError(`--${name} wants a whole number from ${least} on, not "${text}"`);
}
