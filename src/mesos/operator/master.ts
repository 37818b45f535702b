/** What answers: a version of Mesos that this surface behaves like, and which Hansa it is. */
import { VERSION } from "../../api/version.ts";
import { MESOS_VERSION, masterInfoJson } from "../events/events.ts";
import type { Json } from "../events/offeredResources.ts";
import type { Binding } from "../settings.ts";

/** When and where it was built is not known. */
export const VERSION_INFO = { version: MESOS_VERSION, git_tag: `hansa-${VERSION}`, build_user: "hansa" };

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
    ...VERSION_INFO,
    id,
    pid,
    hostname,
    capabilities: capabilities.map(({ type }) => type),
    leader: pid,
    leader_info: { id, pid, port, hostname },
    cluster: league,
  };
}
