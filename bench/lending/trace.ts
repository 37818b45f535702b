/** The jobs of a lending benchmark, read from `vc,arrival_s,gpus,duration_s_est`: one gang a row, its owner the vc. */
import { z } from "zod";
import type { Gang } from "../../src/scheduling/lending/view.ts";

/** Only the simulator may look at how long it runs. */
export interface TraceJob extends Gang {
  durationMs: number;
}

export class TraceError extends Error {}

const milliseconds = z
  .string()
  .regex(/^\d+(\.\d+)?$/)
  .transform((seconds) => Math.round(Number(seconds) * 1000));
const amount = z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(1));
const COLUMNS = {
  vc: z.string().min(1),
  arrival_s: milliseconds,
  gpus: amount,
  duration_s_est: milliseconds,
} as const;
const rowSchema = z.object(COLUMNS);

/** @returns in order of arrival. @throws TraceError naming the line */
export function parseTrace(text: string): TraceJob[] {
  const [head = "", ...lines] = text.split(/\r?\n/);
  const names = head.split(",").map((name) => name.trim());
  const absent = Object.keys(COLUMNS).filter((name) => !names.includes(name));
  if (absent.length > 0) throw new TraceError(`line 1 has no column ${absent.join(", ")}`);
  const rows = lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    const cells = line.split(",");
    const row = rowSchema.safeParse(Object.fromEntries(names.map((name, c) => [name, cells[c]?.trim()])));
    if (row.success) return [row.data];
    const issue = row.error.issues[0];
    throw new TraceError(`line ${i + 2}: ${String(issue?.path[0])} is not what it should be: "${line}"`);
  });
  if (rows.length === 0) throw new TraceError("has no jobs");
  return rows
    .sort((a, b) => a.arrival_s - b.arrival_s)
    .map((row, id) => ({
      id,
      owner: row.vc,
      size: row.gpus,
      queuedAtMs: row.arrival_s,
      durationMs: row.duration_s_est,
    }));
}
