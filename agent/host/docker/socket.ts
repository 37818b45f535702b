/** Where the daemon listens: the owner's word, else DOCKER_HOST, else the usual places, Docker's before Podman's. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const UNIX = "unix://";

/** of the daemon, or why there is none */
export type Socket = { path: string } | { missing: string };

/** @returns a path, or why there is none */
export function findSocket(
  option: string | null,
  environment: NodeJS.ProcessEnv,
  exists: (path: string) => boolean = existsSync,
): Socket {
  const said = option ?? environment.DOCKER_HOST ?? null;
  if (said !== null && said !== "") {
    const path = said.startsWith(UNIX) ? said.slice(UNIX.length) : said;
    if (!path.startsWith("/")) return { missing: `${said}: only a socket of this machine will do, like unix:///PATH` };
    return { path };
  }
  const own = environment.XDG_RUNTIME_DIR;
  const places = [
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    ...(own ? [join(own, "docker.sock"), join(own, "podman/podman.sock")] : []),
  ];
  const path = places.find((place) => exists(place));
  return path ? { path } : { missing: `no socket at ${places.join(" or ")}; name another with --docker-host` };
}
