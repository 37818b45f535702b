/** By node:http, through proxies as Node's own agents know them. */
import http from "node:http";
import https from "node:https";
import { authorities } from "../../broker/nodeTransport.ts";
import { proxyOf } from "../../broker/proxy.ts";
import { asked, type Get, lengthOf } from "./get.ts";

export const get: Get = (wanted, { caFile, environment }, signal) =>
  new Promise((resolve, reject) => {
    const { url, headers } = asked(wanted);
    const proxyEnv = proxyOf(environment);
    const isSecure = url.protocol === "https:";
    const settings = { ...(proxyEnv && { proxyEnv }), ...(isSecure && caFile !== null && { ca: authorities(caFile) }) };
    const agent = isSecure ? new https.Agent(settings) : new http.Agent(settings);
    const request = (isSecure ? https : http).get(url, { agent, headers, signal });
    request.on("error", reject);
    request.on("response", (response) =>
      resolve({
        status: response.statusCode ?? 0,
        location: response.headers.location ?? null,
        length: lengthOf(response.headers["content-length"]),
        body: response,
      }),
    );
  });
