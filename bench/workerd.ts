/** A workerd on loopback with a Worker of a bench in it, and its memory as the kernel sees it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { COMPATIBILITY } from "../cli/broker/capnp.ts";
import { freePort } from "../cli/broker/listen.ts";
import { workerdBinary } from "../cli/installation.ts";
import { WORKER } from "../scripts/build.ts";
import { copyWasm, WASM_MODULE } from "../scripts/highs.ts";

const START_MS = 10_000;
const LOOK_MS = 20;

export interface BenchWorker {
  /** its source */
  entry: string;
  /** classes of its objects by the name of their binding */
  objects?: Readonly<Record<string, string>>;
}

export class BenchWorkerd {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string, port: number) {
    this.#child = child;
    this.#folder = folder;
    this.url = `http://127.0.0.1:${port}/`;
  }

  static async start({ entry, objects = {} }: BenchWorker): Promise<BenchWorkerd> {
    const folder = mkdtempSync(join(tmpdir(), "hansa-bench-"));
    await build({ ...WORKER, entryPoints: [entry], outfile: join(folder, "index.js") });
    await copyWasm(folder);
    mkdirSync(join(folder, "objects"));
    const port = await freePort({ host: "127.0.0.1", port: 0 });
    if (port === null) throw new Error("no port is free");
    writeFileSync(join(folder, "config.capnp"), config(port, join(folder, "objects"), objects));
    const child = spawn(workerdBinary(), ["serve", join(folder, "config.capnp")], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const workerd = new BenchWorkerd(child, folder, port);
    // It would go on without the bench.
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        workerd.stop();
        process.exit(1);
      });
    }
    await workerd.#answers();
    return workerd;
  }

  async #answers(): Promise<void> {
    const startedAtMs = performance.now();
    while (performance.now() - startedAtMs < START_MS) {
      // Whatever it answers to this, it runs.
      const response = await fetch(this.url, { method: "POST" }).catch(() => null);
      await response?.arrayBuffer();
      if (response) return;
      await sleep(LOOK_MS);
    }
    this.stop();
    throw new Error("workerd does not answer");
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

function config(port: number, folder: string, objects: Readonly<Record<string, string>>): string {
  const entries = Object.entries(objects);
  const namespaces = entries.map(
    ([binding, className]) => `(className = "${className}", uniqueKey = "bench-${binding}", enableSql = true)`,
  );
  const bindings = entries.map(
    ([binding, className]) => `(name = "${binding}", durableObjectNamespace = "${className}")`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "bench", worker = .bench),
    (name = "objects", disk = (path = "${folder}", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", service = "bench", http = ())],
);

const bench :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "${WASM_MODULE}", wasm = embed "${WASM_MODULE}"),
  ],
  compatibilityDate = "${COMPATIBILITY.date}",
  compatibilityFlags = [${COMPATIBILITY.flags.map((flag) => `"${flag}"`).join(", ")}],
  durableObjectNamespaces = [${namespaces.join(", ")}],
  durableObjectStorage = (localDisk = "objects"),
  bindings = [${bindings.join(", ")}],
);
`;
}
