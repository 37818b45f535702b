/** A workerd on loopback with the bench's Worker in it, and its memory as the kernel sees it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { z } from "zod";
import { COMPATIBILITY } from "../cli/broker/capnp.ts";
import { freePort } from "../cli/broker/listen.ts";
import { workerdBinary } from "../cli/installation.ts";
import { WORKER } from "../scripts/build.ts";
import { copyWasm, WASM_MODULE } from "../scripts/highs.ts";

const START_MS = 10_000;
const LOOK_MS = 20;

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
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #url: string;

  private constructor(child: ChildProcess, folder: string, port: number) {
    this.#child = child;
    this.#folder = folder;
    this.#url = `http://127.0.0.1:${port}/`;
  }

  static async start(): Promise<RoundWorkerd> {
    const folder = mkdtempSync(join(tmpdir(), "hansa-round-"));
    await build({ ...WORKER, entryPoints: ["bench/roundWorker.ts"], outfile: join(folder, "index.js") });
    await copyWasm(folder);
    const port = await freePort({ host: "127.0.0.1", port: 0 });
    if (port === null) throw new Error("no port is free");
    writeFileSync(join(folder, "config.capnp"), config(port));
    const child = spawn(workerdBinary(), ["serve", join(folder, "config.capnp")], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const workerd = new RoundWorkerd(child, folder, port);
    await workerd.#answers();
    return workerd;
  }

  async #answers(): Promise<void> {
    const startedAtMs = performance.now();
    while (performance.now() - startedAtMs < START_MS) {
      // Until an instance is there it answers with a conflict.
      const response = await fetch(this.#url, { method: "POST" }).catch(() => null);
      await response?.arrayBuffer();
      if (response) return;
      await sleep(LOOK_MS);
    }
    this.stop();
    throw new Error("workerd does not answer");
  }

  async bring(instance: string): Promise<void> {
    const response = await fetch(this.#url, { method: "PUT", body: instance });
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
    const response = await fetch(`${this.#url}?${query}`, { method: "POST" });
    if (!response.ok) throw new Error(`the Worker answered ${response.status}: ${await response.text()}`);
    return answerSchema.parse(await response.json());
  }

  /** What is resident now, and the most that ever was. */
  memoryMib(): { now: number; peak: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    const mib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
    return { now: mib("VmRSS"), peak: mib("VmHWM") };
  }

  stop(): void {
    this.#child.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const config = (port: number): string => `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "round", worker = .round)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", service = "round", http = ())],
);

const round :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "${WASM_MODULE}", wasm = embed "${WASM_MODULE}"),
  ],
  compatibilityDate = "${COMPATIBILITY.date}",
  compatibilityFlags = [${COMPATIBILITY.flags.map((flag) => `"${flag}"`).join(", ")}],
);
`;
