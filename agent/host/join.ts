/** Becoming a node of a cluster: a join token for a name and a credential. */
import { setTimeout as sleep } from "node:timers/promises";
import { Transport } from "#agent/transport";
import { Broker } from "./broker/broker.ts";
import { type Identity, joinKey, writeIdentity } from "./identity.ts";
import type { Log } from "./log.ts";

const RETRY_BASE_MS = 500;
const RETRY_MAX_MS = 15_000;

export interface JoinOptions {
  url: string;
  token: string;
  name: string;
  data: string;
  caFile: string | null;
  environment: NodeJS.ProcessEnv;
  log: Log;
  /** tries before it is given up; the supervisor starts us again */
  tries: number;
}

/** @returns why not, and whether another try with the same token may do */
export async function join(options: JoinOptions): Promise<Identity | { message: string; final: boolean }> {
  const { url, token, name, data, caFile, environment, log, tries } = options;
  const transport = new Transport({ url, caFile, environment });
  const broker = new Broker(transport, token);
  const key = joinKey(data);
  try {
    for (let i = 0; ; i++) {
      const outcome = await broker.join({ name, key });
      switch (outcome.kind) {
        case "joined": {
          const identity: Identity = { url, ...outcome.reply };
          writeIdentity(data, identity);
          return identity;
        }
        case "refused":
          return { message: outcome.message, final: true };
        case "no-reply": {
          if (i + 1 >= tries) return { message: outcome.message, final: false };
          const backoffMs = Math.random() * Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** i);
          log("warn", `joining: ${outcome.message}; trying again`);
          await sleep((outcome.retryAfterMs ?? 0) + backoffMs);
        }
      }
    }
  } finally {
    transport.close();
  }
}
