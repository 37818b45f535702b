/** Containers as frameworks ask for them: by Docker's own means, or Mesos' with an image of Docker's. */
import type { Container } from "../../model/container.ts";
import type { DriverName } from "../../model/driver.ts";
import { MAX_PORT } from "../../model/port.ts";
import type { ContainerInfo, DockerInfo, PortMapping, Volume } from "../messages/task.ts";

export interface ReadContainer {
  driver: DriverName;
  image: string | null;
  container: Container | null;
}

/** Of a task without a container. */
export const BARE: ReadContainer = { driver: "process", image: null, container: null };

/** @returns a text that says what is wrong or not served */
export function readContainer(wire: ContainerInfo | undefined): ReadContainer | string {
  if (!wire) return BARE;
  return commonError(wire) ?? (wire.type === "DOCKER" ? readDocker(wire) : readMesos(wire));
}

function commonError(wire: ContainerInfo): string | null {
  for (const volume of wire.volumes) {
    const error = volumeError(volume);
    if (error) return `Invalid volume: ${error}`;
  }
  if (wire.type === "DOCKER" && !wire.docker) return "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo";
  const parameters = wire.type === "DOCKER" ? (wire.docker?.parameters ?? []) : [];
  if (parameters.some(({ key }) => key === "name")) return "Parameter in DockerInfo must not be 'name'";
  if (parameters.length > 0) return "'docker.parameters' are not served: they would be options of the node's Docker";
  if (wire.network_infos.some(({ name, groups, port_mappings }) => name || groups.length + port_mappings.length > 0))
    return "Named networks ('network_infos') are not served";
  for (const part of ["linux_info", "rlimit_info", "tty_info"] as const) {
    if (wire[part]) return `'${part}' is not served`;
  }
  return null;
}

function readDocker({ docker, volumes, hostname }: ContainerInfo): ReadContainer | string {
  if (!docker) return BARE;
  const { network = "HOST", privileged, volume_driver, port_mappings } = docker;
  if (privileged) return "'docker.privileged' is not served: no task has more rights than its node's task user";
  if (network === "USER") return "Networks of type USER are not served";
  if (volume_driver !== undefined) return "'docker.volume_driver' is not served";
  const portsError = port_mappings.map(portError).find((error) => error !== null);
  if (portsError) return portsError;
  return {
    driver: "docker",
    image: docker.image,
    container: {
      network: NETWORKS[network],
      forcePull: docker.force_pull_image ?? false,
      hostname: hostname ?? null,
      portMappings: port_mappings.map(readMapping),
      volumes: volumes.map(readVolume),
      isEntrypoint: false,
    },
  };
}

/** Without a network of its own a container of Mesos is on the host's. */
function readMesos({ mesos, volumes, hostname }: ContainerInfo): ReadContainer | string {
  const image = mesos?.image;
  if (!image) {
    if (volumes.length > 0) return "'volumes' are served only of containers with an image";
    return hostname === undefined ? BARE : "'hostname' is served only of containers with an image";
  }
  if (image.type !== "DOCKER" || !image.docker) return "Only images of type DOCKER are served";
  if (image.docker.config) return "'image.docker.config' is not served: nodes hold the credentials of their registries";
  const container: Container = {
    network: "host",
    forcePull: image.cached === false,
    hostname: hostname ?? null,
    portMappings: [],
    volumes: volumes.map(readVolume),
    isEntrypoint: false,
  };
  return { driver: "docker", image: image.docker.name, container };
}

const NETWORKS = { HOST: "host", BRIDGE: "bridge", NONE: "none" } as const satisfies Partial<
  Record<NonNullable<DockerInfo["network"]>, string>
>;

const PROTOCOLS = ["tcp", "udp"] as const;

function portError({ host_port, container_port, protocol = "tcp" }: PortMapping): string | null {
  if (!PROTOCOLS.some((known) => known === protocol.toLowerCase()))
    return `Port mappings of protocol '${protocol}' are not served`;
  return Math.max(host_port, container_port) <= MAX_PORT ? null : `Port mappings end at port ${MAX_PORT}`;
}

const readMapping = ({ host_port, container_port, protocol }: PortMapping): Container["portMappings"][number] => ({
  hostPort: host_port,
  containerPort: container_port,
  protocol: protocol?.toLowerCase() === "udp" ? "udp" : "tcp",
});

const hostPathOf = ({ host_path, source }: Volume): string | undefined => host_path ?? source?.host_path?.path;

function volumeError(volume: Volume): string | null {
  const { host_path, image, source, container_path } = volume;
  if ([host_path, image, source].filter((origin) => origin !== undefined).length !== 1)
    return "Only one of them should be set: 'host_path', 'image' and 'source'";
  if (image) return "volumes of images are not served";
  if (source && source.type === undefined) return "'source.type' is unknown";
  if (source && source.type !== "HOST_PATH") return `volumes of source ${source.type} are not served`;
  const path = hostPathOf(volume);
  if (path === undefined) return "'source.host_path' is not set for HOST_PATH volume";
  if (!path.startsWith("/")) return `'${path}' is relative: only absolute paths of the host are served`;
  return container_path.startsWith("/") ? null : `'${container_path}' is relative: only absolute paths are served`;
}

const readVolume = (volume: Volume): Container["volumes"][number] => ({
  hostPath: hostPathOf(volume) ?? "",
  containerPath: volume.container_path,
  isReadOnly: volume.mode === "RO",
});
