/** HTTPS to a broker whose authority nobody knows, straight and through a proxy: polls and the wake socket alike. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createProxy, type Server as HttpServer } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Transport } from "#agent/transport";

let folder: string;
let caFile: string;
let server: Server;
let proxy: HttpServer;
let tunnels: (string | undefined)[];
const ends = new Set<Duplex>();

const portOf = (listening: Server | HttpServer) => (listening.address() as AddressInfo).port;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hansa-tls-"));
  caFile = join(folder, "cert.pem");
  const key = join(folder, "key.pem");
  const names = ["-subj", "/CN=broker.test", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", caFile, ...names], { stdio: "ignore" });
  server = createServer({ key: readFileSync(key), cert: readFileSync(caFile) }, (_request, response) =>
    response.end("safe"),
  );
  server.on("upgrade", (_request, socket) => {
    ends.add(socket);
    socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  tunnels = [];
  proxy = createProxy();
  proxy.on("connect", (request, socket: Duplex) => {
    tunnels.push(request.url);
    const far = connect(portOf(server), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      far.pipe(socket).pipe(far);
    });
    for (const end of [far, socket]) {
      ends.add(end);
      end.on("error", () => {});
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
});
afterAll(() => {
  for (const end of ends) end.destroy();
  for (const listening of [server, proxy]) {
    listening.closeAllConnections();
    listening.close();
  }
  rmSync(folder, { recursive: true });
});

const transportOf = (trusted: string | null, environment: NodeJS.ProcessEnv = {}) =>
  new Transport({ url: `https://127.0.0.1:${portOf(server)}`, caFile: trusted, environment });
const ask = async (transport: Transport): Promise<string> => {
  try {
    return (await transport.exchange({ method: "GET", path: "/healthz", deadlineMs: 5000 })).body.toString();
  } finally {
    transport.close();
  }
};
/** The first bytes behind an upgrade. */
const hear = async (transport: Transport): Promise<string> => {
  const headers = { connection: "Upgrade", upgrade: "websocket" };
  const request = await transport.request({ method: "GET", path: "/agent/v1/wake", headers });
  request.end();
  const [, socket, head]: [unknown, Duplex, Buffer] = (await once(request, "upgrade")) as never;
  const first = head.length > 0 ? head : ((await once(socket, "data")) as [Buffer])[0];
  socket.destroy();
  transport.close();
  return first.toString();
};

test("an authority is trusted only when --ca-file names it", async () => {
  await expect(ask(transportOf(null))).rejects.toThrow(/self.signed|certificate/i);
  expect(await ask(transportOf(caFile))).toBe("safe");
});

test("the wake socket trusts the same", async () => {
  await expect(hear(transportOf(null))).rejects.toThrow(/self.signed|certificate/i);
  expect(await hear(transportOf(caFile))).toBe("hello");
});

test("polls and the wake socket go through the proxy's tunnel", async () => {
  const environment = { HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}` };
  expect(await ask(transportOf(caFile, environment))).toBe("safe");
  expect(await hear(transportOf(caFile, environment))).toBe("hello");
  expect(tunnels).toEqual([`127.0.0.1:${portOf(server)}`, `127.0.0.1:${portOf(server)}`]);
});
