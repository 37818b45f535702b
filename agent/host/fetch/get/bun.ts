/** By Bun's own fetch. */
import { proxyFor } from "../../broker/proxy.ts";
import { asked, type Get, lengthOf } from "./get.ts";

/** What Bun's fetch takes beyond the standard. */
interface BunRequest extends RequestInit {
  decompress: false;
  /** false: none, whatever the environment says */
  proxy: string | false;
  tls?: { ca: string[] };
}

export const get: Get = async (wanted, { caFile, environment }, signal) => {
  const { url, headers } = asked(wanted);
  const trusted = url.protocol === "https:" && caFile !== null;
  const request: BunRequest = {
    ...{ headers, redirect: "manual", keepalive: false, signal, decompress: false },
    proxy: proxyFor(url, environment) ?? false,
    ...(trusted && { tls: { ca: (await import("../../broker/nodeTransport.ts")).authorities(caFile) } }),
  };
  const response = await fetch(url, request);
  return {
    status: response.status,
    location: response.headers.get("location"),
    length: lengthOf(response.headers.get("content-length")),
    body: response.body ?? nothing(),
  };
};

async function* nothing(): AsyncGenerator<Uint8Array> {}
