/** Addresses to listen at: reading them, asking whether one is free, and how to reach them from this machine. */
import { createServer } from "node:net";
import { MAX_PORT } from "../../src/model/port.ts";
import { Problem } from "../../src/model/problems.ts";

export interface Listen {
  /** a name, an address, or `*` for all */
  host: string;
  port: number;
}

export const DEFAULT_LISTEN = "127.0.0.1:8787";
/** How many ports after the wanted one are tried. */
const PORTS_TRIED = 100;

/** Reads `HOST:PORT`, `[ADDRESS]:PORT`, `:PORT` (all addresses). */
export function parseListen(text: string): Listen {
  const [, host, digits] = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]*):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (host === undefined || port > MAX_PORT) {
    throw new Problem(
      "invalid-request",
      `"${text}" is not an address to listen at; write it like 127.0.0.1:8787 or :443`,
    );
  }
  return { host: host === "" ? "*" : host, port };
}

export const listenText = ({ host, port }: Listen): string => `${host}:${port}`;

const ANY = new Set(["*", "0.0.0.0", "[::]"]);

/** The URL under which this machine itself reaches what listens there. */
export const localUrl = ({ host, port }: Listen, tls: boolean): string =>
  `${tls ? "https" : "http"}://${ANY.has(host) ? "127.0.0.1" : host}:${port}`;

/** The port, or which one it became if it was 0; null when it is busy. */
export function freePort({ host, port }: Listen): Promise<number | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(null));
    const bare = host.replace(/^\[|\]$/g, "");
    probe.listen({ port, exclusive: true, ...(host !== "*" && { host: bare }) }, () => {
      const address = probe.address();
      const taken = typeof address === "object" && address !== null ? address.port : port;
      probe.close(() => resolve(taken));
    });
  });
}

/** The wanted port, or the next one that is free; port 0 is any free one. */
export async function nextFree(wanted: Listen): Promise<Listen> {
  for (let port = wanted.port; port <= Math.min(MAX_PORT, wanted.port + PORTS_TRIED); port++) {
    const free = await freePort({ ...wanted, port });
    if (free !== null) return { ...wanted, port: free };
  }
  throw new Problem("unavailable", `no port from ${wanted.port} on is free on ${wanted.host}. Name another one`);
}
