/** The Worker of `bench:round` inside of workerd, as the bench asks it. */
import { z } from "zod";
import { BenchWorkerd } from "./workerd.ts";

const answerSchema = z.object({
  ms: z.number(),
  solverBytes: z.number(),
  placed: z.array(z.object({ class: z.number(), on: z.number(), units: z.number() })),
  value: z.number(),
  bound: z.number(),
  gapPct: z.number(),
  method: z.string(),
  stats: z.record(z.string(), z.number()),
});
/** `ms` is what the Worker's own clock says. */
export type Answer = z.infer<typeof answerSchema>;

export class RoundWorkerd {
  readonly #workerd: BenchWorkerd;

  private constructor(workerd: BenchWorkerd) {
    this.#workerd = workerd;
  }

  static async start(): Promise<RoundWorkerd> {
    return new RoundWorkerd(await BenchWorkerd.start({ entry: "bench/roundWorker.ts" }));
  }

  async bring(instance: string): Promise<void> {
    const response = await fetch(this.#workerd.url, { method: "PUT", body: instance });
    if (!response.ok) throw new Error(`the Worker refused the instance: ${await response.text()}`);
  }

  cold(): Promise<Answer> {
    return this.#solve("start=cold");
  }

  /** From where the last call ended. */
  warm(seed: number): Promise<Answer> {
    return this.#solve(`start=warm&seed=${seed}`);
  }

  async #solve(query: string): Promise<Answer> {
    const response = await fetch(`${this.#workerd.url}?${query}`, { method: "POST" });
    if (!response.ok) throw new Error(`the Worker answered ${response.status}: ${await response.text()}`);
    return answerSchema.parse(await response.json());
  }

  memoryMib(): { now: number; peak: number } {
    return this.#workerd.memoryMib();
  }

  stop(): void {
    this.#workerd.stop();
  }
}
