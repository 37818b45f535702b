import { describe, expect, test } from "vitest";
import { cpus, taskOf } from "../fixture/decoded.ts";
import { readTask } from "./task.ts";

const CONTEXT = { frameworkId: "f1", executorId: null };
const read = (task: object = {}) => readTask(taskOf(task), CONTEXT);
const errorOf = (task: object) => read(task).error?.message ?? null;
const templateOf = (task: object) => read(task).template;

test("31 a command task is its own executor's, and runs at most once", () => {
  const task = read();
  expect(task).toMatchObject({ taskId: "t1", name: "sleeper", agentId: "north.n1.1", executorId: null, error: null });
  expect(task.pieces).toEqual([{ reservation: null, amounts: { cpus: 500 }, ports: [] }]);
  expect(task.template).toMatchObject({
    name: "sleeper",
    command: "sleep 1",
    driver: "process",
    image: null,
    container: null,
    retryMax: 0,
    copies: "at-most-one",
    stopGraceMs: 3000,
    stopAfterMs: 600_000,
    lostAfterMs: 621_000,
    timeoutMs: null,
    gang: null,
  });
});

test("its environment is the framework's, and what Mesos tells a task", () => {
  const variables = [
    { name: "HOST", value: "10.0.0.7" },
    { name: "MESOS_TASK_ID", value: "forged" },
  ];
  expect(templateOf({ command: { value: "x", environment: { variables } } }).env).toEqual({
    HOST: "10.0.0.7",
    MESOS_TASK_ID: "t1",
    MESOS_FRAMEWORK_ID: "f1",
    MESOS_AGENT_ID: "north.n1.1",
    MESOS_EXECUTOR_ID: "t1",
  });
});

test("without a shell the arguments begin with the program's name for itself, as for execlp", () => {
  const wordsOf = (command: object) => templateOf({ command }).command;
  expect(wordsOf({ shell: true, value: "echo hi", arguments: ["ignored"] })).toBe("echo hi");
  expect(wordsOf({ shell: false, value: "/bin/echo", arguments: ["echo", "hi"] })).toEqual(["/bin/echo", "hi"]);
  expect(wordsOf({ shell: false, value: "/bin/true" })).toEqual(["/bin/true"]);
});

test("URIs have Mesos' defaults", () => {
  const uris = [
    { value: "http://x/a.tgz" },
    { value: "http://x/b", executable: true, extract: false, output_file: "c" },
  ];
  expect(templateOf({ command: { value: "x", uris } }).uris).toEqual([
    { value: "http://x/a.tgz", executable: false, extract: true, outputFile: null },
    { value: "http://x/b", executable: true, extract: false, outputFile: "c" },
  ]);
});

test("a long grace is at most an hour, and the time unrenewed leaves room for it", () => {
  const graceOf = (nanoseconds: number | string) => templateOf({ kill_policy: { grace_period: { nanoseconds } } });
  expect(graceOf(0).stopGraceMs).toBe(0);
  expect(graceOf(600e9)).toMatchObject({ stopGraceMs: 600_000, stopAfterMs: 1_210_000 });
  expect(graceOf("9223372036854775807")).toMatchObject({ stopGraceMs: 3_600_000, stopAfterMs: 7_210_000 });
});

test("a longest time is the timeout, however long", () => {
  const timeoutOf = (nanoseconds: number | string) => templateOf({ max_completion_time: { nanoseconds } }).timeoutMs;
  expect(timeoutOf(1_500_000_000)).toBe(1500);
  expect(timeoutOf("9007199254740993000")).toBe(9_007_199_254_741);
  expect(timeoutOf(0)).toBe(1);
});

describe("containers", () => {
  const docker = (more: object = {}, container: object = {}) => ({
    container: { type: "DOCKER", docker: { image: "alpine", ...more }, ...container },
  });

  test("Docker's, with its network, ports, volumes and name", () => {
    const volumes = [
      { host_path: "/srv", container_path: "/data", mode: "RO" },
      { source: { type: "HOST_PATH", host_path: { path: "/tmp" } }, container_path: "/t", mode: "RW" },
    ];
    const port_mappings = [
      { host_port: 31000, container_port: 80 },
      { host_port: 31001, container_port: 53, protocol: "UDP" },
    ];
    const more = { network: "BRIDGE", port_mappings, force_pull_image: true };
    expect(templateOf(docker(more, { volumes, hostname: "h" }))).toMatchObject({
      driver: "docker",
      image: "alpine",
      command: "sleep 1",
      container: {
        network: "bridge",
        forcePull: true,
        hostname: "h",
        portMappings: [
          { hostPort: 31000, containerPort: 80, protocol: "tcp" },
          { hostPort: 31001, containerPort: 53, protocol: "udp" },
        ],
        volumes: [
          { hostPath: "/srv", containerPath: "/data", isReadOnly: true },
          { hostPath: "/tmp", containerPath: "/t", isReadOnly: false },
        ],
        isEntrypoint: false,
      },
    });
  });

  test("Docker's without a shell: all words are the entrypoint's", () => {
    const words = { shell: false, value: "a", arguments: ["b", "c"] };
    expect(templateOf({ ...docker(), command: words })).toMatchObject({
      command: ["a", "b", "c"],
      container: { network: "host", isEntrypoint: true },
    });
    expect(templateOf({ ...docker(), command: { shell: false } }).command).toEqual([]);
  });

  test("Mesos' with an image of Docker's", () => {
    const container = {
      type: "MESOS",
      mesos: { image: { type: "DOCKER", docker: { name: "alpine" }, cached: false } },
    };
    const words = { shell: false, value: "/bin/echo", arguments: ["echo", "hi"] };
    expect(templateOf({ container, command: words })).toMatchObject({
      driver: "docker",
      image: "alpine",
      command: ["/bin/echo", "hi"],
      container: { network: "host", forcePull: true, isEntrypoint: false },
    });
  });

  test("Mesos' without an image is a process", () => {
    expect(templateOf({ container: { type: "MESOS" } })).toMatchObject({ driver: "process", container: null });
  });

  test("what is not served is refused, and named", () => {
    const refused: [object, string][] = [
      [docker({ parameters: [{ key: "name", value: "x" }] }), "Parameter in DockerInfo must not be 'name'"],
      [docker({ parameters: [{ key: "cap-add", value: "ALL" }] }), "'docker.parameters' are not served"],
      [docker({ privileged: true }), "'docker.privileged' is not served"],
      [docker({ network: "USER" }), "Networks of type USER are not served"],
      [docker({ port_mappings: [{ host_port: 1, container_port: 2, protocol: "sctp" }] }), "protocol 'sctp'"],
      [docker({}, { network_infos: [{ name: "overlay" }] }), "'network_infos'"],
      [docker({}, { linux_info: {} }), "'linux_info' is not served"],
      [docker({}, { volumes: [{ container_path: "/x", mode: "RW" }] }), "Only one of them should be set"],
      [docker({}, { volumes: [{ container_path: "/x", host_path: "rel", mode: "RW" }] }), "'rel' is relative"],
      [{ container: { type: "DOCKER" } }, "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"],
      [{ container: { type: "MESOS", volumes: [{ container_path: "/x", host_path: "/y", mode: "RW" }] } }, "'volumes'"],
      [{ container: { type: "MESOS", mesos: { image: { type: "APPC" } } } }, "Only images of type DOCKER"],
    ];
    for (const [task, text] of refused) {
      expect(errorOf(task), text).toContain("Task's `ContainerInfo` is invalid: ");
      expect(errorOf(task)).toContain(text);
    }
  });
});

describe("what is wrong with a task, the first of it, in Mesos' order", () => {
  const negative = { kill_policy: { grace_period: { nanoseconds: -1 } } };

  test("its id comes before anything", () => {
    expect(read({ task_id: { value: "" }, ...negative }).error).toEqual({
      message: "ID must not be empty",
      isId: true,
    });
    expect(errorOf({ task_id: { value: "a/b" } })).toBe("'a/b' contains invalid characters");
    expect(read(negative).error?.isId).toBe(false);
  });

  test("then times, checks, resources, command, limits, executor", () => {
    const wrongs: [object, string][] = [
      [negative, "Task's 'kill_policy.grace_period' must be non-negative"],
      [{ max_completion_time: { nanoseconds: -1 } }, "Task's `max_completion_time` must be non-negative"],
      [{ check: {} }, "Task uses invalid check: Hansa does not run checks yet"],
      [{ health_check: {} }, "Task uses invalid health check: Hansa does not run health checks yet"],
      [{ resources: [] }, "Task uses no resources"],
      [
        { resources: [cpus(-1)] },
        "Task uses invalid resources: Invalid resources: Resource 'cpus:-1' is invalid: Invalid scalar resource: value < 0",
      ],
      [
        { command: { environment: { variables: [{ name: "A" }] } } },
        "Task's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have a value set",
      ],
      [{ limits: { mem: { value: 5 } } }, "Agent is not capable of handling task resource limits"],
      [{ command: null }, "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"],
    ];
    for (const [task, text] of wrongs) expect(errorOf(task)).toBe(text);
    const all = Object.assign({}, ...wrongs.map(([wrong]) => wrong).reverse());
    expect(errorOf(all)).toBe(wrongs[0]?.[1]);
  });

  test("a custom executor is refused, and why", () => {
    const executor = (more: object) => ({ command: null, executor: { executor_id: { value: "e" }, ...more } });
    expect(errorOf(executor({ type: "DEFAULT" }))).toBe("'ExecutorInfo.type' must be 'CUSTOM'");
    expect(errorOf(executor({}))).toBe("'ExecutorInfo.command' must be set");
    expect(errorOf(executor({ command: { value: "x" } }))).toContain("needs the agent's executor API");
  });

  test("secrets and names that no environment can have are refused", () => {
    const of = (variable: object) => errorOf({ command: { value: "x", environment: { variables: [variable] } } });
    expect(of({ name: "A", type: "SECRET", secret: {} })).toContain("of type 'SECRET', which is not served");
    expect(of({ name: "A=B", value: "" })).toContain("a name that no environment can have");
    expect(of({ name: "A", value: "\0" })).toContain("null bytes");
  });
});
