/** Runs a Worker bundle with its objects in Miniflare (a real workerd), for tests of one part or of the whole API. */
import { readFileSync } from "node:fs";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { AGENT_MODULE } from "../../scripts/agentModule.ts";
import { AGENT_IN_WORKER, WORKER } from "../../scripts/build.ts";
import { HIGHS_WASM, WASM_MODULE } from "../../scripts/highs.ts";

export const OBJECTS = {
  BROKER: "BrokerObject",
  CLUSTER: "ClusterObject",
  FRAMEWORK: "FrameworkObject",
  SHELF: "ShelfObject",
} as const;
export const SECRET = "a secret for tests, at least 32 characters";

export interface RunningWorker {
  url: string;
  /** the next event finds the object rebuilt from its rows; its sockets stay, unless they are to be cut */
  evict(binding: keyof typeof OBJECTS, name: string, sockets?: "hibernate" | "close"): Promise<void>;
  dispose(): Promise<void>;
}

export interface WorkerOptions {
  env?: Record<string, string>;
  /** keeps the data there; otherwise it goes with the process */
  dataFolder?: string;
  /** by their bindings, in place of the Worker's own */
  objects?: Record<string, string>;
}

/** Bundles as `scripts/build.ts` does. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({ ...WORKER, entryPoints: [entry], write: false });
  const text = outputFiles?.[0]?.text;
  if (text === undefined) throw new Error(`${entry} gave no bundle`);
  return text;
}

export async function runWorker(code: string, options: WorkerOptions = {}): Promise<RunningWorker> {
  const name = "hansa";
  const objects = Object.entries(options.objects ?? OBJECTS);
  const strings = Object.entries({ HANSA_SECRET: SECRET, ...options.env });
  const agent = await AGENT_IN_WORKER.bytes();
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    logRequests: false,
    telemetry: { enabled: false },
    ...(options.dataFolder !== undefined && { resourcePersistencePath: options.dataFolder }),
    workers: [
      {
        config: {
          name,
          compatibilityDate: "2026-10-01",
          compatibilityFlags: ["enable_request_signal"],
          manifest: {
            mainModule: "index.js",
            modulesRoot: "/",
            modules: {
              "index.js": { type: "esm", contents: code },
              [WASM_MODULE]: { type: "wasm", contents: readFileSync(HIGHS_WASM) },
              [AGENT_MODULE]: { type: "data", contents: agent },
            },
          },
          exports: Object.fromEntries(
            objects.map(([, className]) => [className, { type: "durable-object", storage: "sqlite" }]),
          ),
          env: {
            ...Object.fromEntries(
              objects.map(([binding, exportName]) => [binding, { type: "durable-object", worker: name, exportName }]),
            ),
            ...Object.fromEntries(strings.map(([key, value]) => [key, { type: "json", value }])),
          },
        },
      },
    ],
  });
  const url = await miniflare.ready;
  return {
    url: url.href.replace(/\/$/, ""),
    evict: (binding, objectName, webSockets = "hibernate") =>
      miniflare.unsafeEvictDurableObject(name, OBJECTS[binding], { name: objectName, webSockets }),
    dispose: () => miniflare.dispose(),
  };
}
