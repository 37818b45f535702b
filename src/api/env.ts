/** What the Worker is given by its deployment, and what a request carries on its way through the house. */
import type { Claims } from "../model/credential.ts";
import type { Token } from "../model/token.ts";
import type { Namespaces, Purpose } from "../platform/namespaces.ts";

export interface Env extends Namespaces {
  /** key of all MACs: tokens, credentials */
  HANSA_SECRET?: string;
  /** still verifies while what it signed is renewed */
  HANSA_SECRET_PREVIOUS?: string;
  /** base URL of compiled agents and their SHA256SUMS, for `/install` */
  AGENT_URL?: string;
  /** `LEAGUE` or `LEAGUE:ROLE`: for whom requests of Mesos frameworks act that have no credentials */
  HANSA_MESOS?: string;
  /** seconds between heartbeats of their streams */
  HANSA_MESOS_HEARTBEAT?: string;
}

/** A token whose MAC was right; whether it still holds, its Broker says. */
export interface Presented {
  text: string;
  token: Token;
}

export interface ApiEnv {
  Bindings: Env;
  Variables: {
    presented: Presented;
    /** of the agent that asks */
    claims: Claims;
    /** what the request asks of objects for */
    purpose: Purpose | undefined;
  };
}
