/**
 * How the agent gets into the Worker, which gives it to machines that are to be nodes: its bundle lies beside the
 * Worker's as a module of bytes, and its sha256 is a constant in the Worker's code.
 */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";

/** Beside the Worker's bundle, in all three runtimes; by its ending wrangler takes it for bytes. */
export const AGENT_MODULE = "agent.bin";

export interface AgentModule {
  plugin: Plugin;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  write(folder: string): Promise<void>;
}

/** @param options how the agent is bundled */
export function agentModule(options: BuildOptions): AgentModule {
  let made: Promise<Uint8Array<ArrayBuffer>> | null = null;
  const bytes = () => {
    made ??= bundled(options);
    return made;
  };
  return {
    bytes,
    plugin: {
      name: "agent",
      setup(worker) {
        worker.onResolve({ filter: /^hansa\/agent-bytes$/ }, () => ({ path: `./${AGENT_MODULE}`, external: true }));
        worker.onResolve({ filter: /^hansa\/agent-sha256$/ }, ({ path }) => ({ path, namespace: "agent" }));
        worker.onLoad({ filter: /.*/, namespace: "agent" }, async () => ({
          contents: `export default ${JSON.stringify(sha256(await bytes()))};`,
        }));
      },
    },
    async write(folder) {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, AGENT_MODULE), await bytes());
    },
  };
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function bundled(options: BuildOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { outputFiles } = await build({ ...options, write: false });
  const [file] = outputFiles ?? [];
  if (!file) throw new Error("the agent gave no bundle");
  return new Uint8Array(file.contents);
}
