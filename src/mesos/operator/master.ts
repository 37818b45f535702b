/** What answers, as a master of Mesos. */
import { MESOS_VERSION_INFO } from "../../api/version.ts";
import { masterInfoJson } from "../events/events.ts";
import type { Json } from "../events/offeredResources.ts";
import type { Binding } from "../settings.ts";

/** Those of Mesos' flags that have a meaning here. @param isBound requests without credentials are served */
export const flagsOf = ({ league }: Binding, isBound: boolean): Record<string, string> => ({
  authenticate_http_frameworks: String(!isBound),
  authenticate_http_readonly: String(!isBound),
  cluster: league,
  http_authenticators: "basic",
});

/** The begin of `/state` and `/state-summary`. */
export function leaderJson(url: URL, { league }: Binding): Json {
  const { id, pid, hostname, port, capabilities } = masterInfoJson(url);
  return {
    ...MESOS_VERSION_INFO,
    id,
    pid,
    hostname,
    capabilities: capabilities.map(({ type }) => type),
    leader: pid,
    leader_info: { id, pid, port, hostname },
    cluster: league,
  };
}
