/** What a framework wants launched. */
import {
  bool,
  bytes,
  enumOf,
  mapOf,
  message,
  type Of,
  optional,
  repeated,
  required,
  string,
  uint32,
} from "../wire/schema.ts";
import { Anything, Duration, Id, KillPolicy, Labels, Resource, Scalar } from "./common.ts";

const Uri = message({
  value: required(string),
  executable: optional(bool),
  extract: optional(bool),
  cache: optional(bool),
  output_file: optional(string),
});
const Variable = message({
  name: required(string),
  type: optional(enumOf("UNKNOWN", "VALUE", "SECRET")),
  value: optional(string),
  secret: optional(Anything),
});
export type Variable = Of<typeof Variable>;
export const CommandInfo = message({
  uris: repeated(Uri),
  environment: optional(message({ variables: repeated(Variable) })),
  shell: optional(bool),
  value: optional(string),
  arguments: repeated(string),
  user: optional(string),
});
export type CommandInfo = Of<typeof CommandInfo>;

const Image = message({
  type: required(enumOf("APPC", "DOCKER")),
  docker: optional(message({ name: required(string), config: optional(Anything) })),
  cached: optional(bool),
});
const Volume = message({
  mode: required(enumOf("RW", "RO")),
  container_path: required(string),
  host_path: optional(string),
  image: optional(Anything),
  source: optional(
    message({
      type: optional(enumOf("UNKNOWN", "DOCKER_VOLUME", "HOST_PATH", "SANDBOX_PATH", "SECRET", "CSI_VOLUME")),
      host_path: optional(message({ path: required(string) })),
    }),
  ),
});
export type Volume = Of<typeof Volume>;
const PortMapping = message({
  host_port: required(uint32),
  container_port: required(uint32),
  protocol: optional(string),
});
export type PortMapping = Of<typeof PortMapping>;
const DockerInfo = message({
  image: required(string),
  network: optional(enumOf("HOST", "BRIDGE", "NONE", "USER")),
  port_mappings: repeated(PortMapping),
  privileged: optional(bool),
  parameters: repeated(message({ key: required(string), value: required(string) })),
  force_pull_image: optional(bool),
  volume_driver: optional(string),
});
export type DockerInfo = Of<typeof DockerInfo>;
const NetworkInfo = message({
  name: optional(string),
  groups: repeated(string),
  port_mappings: repeated(PortMapping),
});
export const ContainerInfo = message({
  type: required(enumOf("DOCKER", "MESOS")),
  volumes: repeated(Volume),
  hostname: optional(string),
  docker: optional(DockerInfo),
  mesos: optional(message({ image: optional(Image) })),
  network_infos: repeated(NetworkInfo),
  linux_info: optional(message({ share_cgroups: optional(bool) })),
  rlimit_info: optional(Anything),
  tty_info: optional(Anything),
});
export type ContainerInfo = Of<typeof ContainerInfo>;

export const ExecutorInfo = message({
  type: optional(enumOf("UNKNOWN", "DEFAULT", "CUSTOM")),
  executor_id: required(Id),
  framework_id: optional(Id),
  command: optional(CommandInfo),
  container: optional(ContainerInfo),
  resources: repeated(Resource),
  shutdown_grace_period: optional(Duration),
});
export type ExecutorInfo = Of<typeof ExecutorInfo>;

const Visibility = enumOf("FRAMEWORK", "CLUSTER", "EXTERNAL");
const Port = message({
  number: required(uint32),
  name: optional(string),
  protocol: optional(string),
  visibility: optional(Visibility),
  labels: optional(Labels),
});
const DiscoveryInfo = message({
  visibility: required(Visibility),
  name: optional(string),
  environment: optional(string),
  location: optional(string),
  version: optional(string),
  ports: optional(message({ ports: repeated(Port) })),
  labels: optional(Labels),
});

export const TaskInfo = message({
  name: required(string),
  task_id: required(Id),
  agent_id: required(Id),
  resources: repeated(Resource),
  executor: optional(ExecutorInfo),
  command: optional(CommandInfo),
  container: optional(ContainerInfo),
  health_check: optional(Anything),
  check: optional(Anything),
  kill_policy: optional(KillPolicy),
  data: optional(bytes),
  labels: optional(Labels),
  discovery: optional(DiscoveryInfo),
  max_completion_time: optional(Duration),
  limits: optional(mapOf(Scalar)),
});
export type TaskInfo = Of<typeof TaskInfo>;
