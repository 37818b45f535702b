/** The objects of the league that a request's token or credential names. */
import type { Context } from "hono";
import type { BrokerMethods } from "../broker/methods.ts";
import type { ClusterMethods } from "../cluster/methods.ts";
import type { Purpose } from "../platform/namespaces.ts";
import type { ObjectClient } from "../platform/objectClient.ts";
import { objectClient } from "../platform/objects.ts";
import type { ShelfMethods } from "../shelf/methods.ts";
import { shelfAt, shelfOf } from "../shelf/shelfOf.ts";
import { BoundedMap } from "./boundedMap.ts";
import type { ApiEnv, Env } from "./env.ts";

const KNOWN_TTL_MS = 30_000;
const MAX_KNOWN = 10_000;
const knownClusters = new BoundedMap<string, number>(MAX_KNOWN);

export const leagueOf = (c: Context<ApiEnv>): string => c.get("presented").token.league;

export const brokerOf = (c: Context<ApiEnv>): ObjectClient<BrokerMethods> =>
  brokerAt(c.env, leagueOf(c), c.get("purpose"));

export const brokerAt = (env: Env, league: string, purpose?: Purpose): ObjectClient<BrokerMethods> =>
  objectClient(env, { kind: "broker", league, name: "" }, purpose);

export const clusterAt = (env: Env, league: string, name: string, purpose?: Purpose): ObjectClient<ClusterMethods> =>
  objectClient(env, { kind: "cluster", league, name }, purpose);

/** A Cluster that its Broker knows: asking any other would bring it into being. @throws Problem `not-found` */
export async function clusterOf(c: Context<ApiEnv>, name: string): Promise<ObjectClient<ClusterMethods>> {
  const league = leagueOf(c);
  const key = `${league}/${name}`;
  if ((knownClusters.get(key) ?? 0) < Date.now()) {
    knownClusters.delete(key);
    await brokerOf(c).call("cluster", { name });
    knownClusters.set(key, Date.now() + KNOWN_TTL_MS);
  }
  return clusterAt(c.env, league, name);
}

export const shelfFor = (env: Env, league: string, task: string): ObjectClient<ShelfMethods> =>
  objectClient(env, shelfOf(league, task));

export const shelfNumber = (env: Env, league: string, number: number, purpose?: Purpose): ObjectClient<ShelfMethods> =>
  objectClient(env, shelfAt(league, number), purpose);
