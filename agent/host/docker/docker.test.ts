/** The pure parts of the docker driver. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Container } from "../../../src/model/container.ts";
import type { Template } from "../../../src/model/job.ts";
import { attemptOf } from "../process/attempt.fixture.ts";
import { apiVersion, DockerError, wordsOf } from "./api.ts";
import { isNameTaken, lacksInit } from "./containers.ts";
import { Frames, type Piece } from "./frames.ts";
import { closeGate } from "./gate.ts";
import { mayPass, pullFailure, pullQuery } from "./image.ts";
import { endedForMemory } from "./kernelLog.ts";
import { findSocket } from "./socket.ts";
import { containerName, createBody, memoryBytes, type SpecOptions } from "./spec.ts";
import { exitOf, type Inspected, readInspected } from "./state.ts";

const options: SpecOptions = {
  ...{ data: "0badcafe", boot: "boot-1", place: { league: "lab", cluster: "north", node: "n1" } },
  ...{ user: { name: "nobody", uid: 65534, gid: 65534 }, rootless: false, init: true, hidesGpus: false, nvidia: false },
  limits: { pids: 4096, cpuQuota: false },
};
const job = { driver: "docker", image: "busybox:1", resources: { cpus: 500, mem: 128_000 } } as const;
const host = (body: Record<string, unknown>) => body.HostConfig as Record<string, unknown>;

describe("an attempt as a container", () => {
  test("has the command past the image's own, its labels, its folder and its limits", () => {
    const body = createBody(attemptOf({ ...job, command: "echo hi" }), "/t/7k2m.0@1/work", [], options);
    expect(body).toMatchObject({
      ...{ Image: "busybox:1", Entrypoint: ["sh"], Cmd: ["-c", "echo hi"], User: "65534:65534" },
      WorkingDir: "/hansa/work",
      Labels: { "hansa.key": "7k2m.0@1", "hansa.data": "0badcafe", "hansa.boot": "boot-1" },
      HostConfig: { Memory: 134_217_728, MemorySwap: 134_217_728, CpuShares: 512, Init: true, CapDrop: ["ALL"] },
    });
    expect(host(body).Mounts).toEqual([{ Type: "bind", Source: "/t/7k2m.0@1/work", Target: "/hansa/work" }]);
    expect(host(body)).not.toHaveProperty("AutoRemove");
  });

  test("leaves PATH to the image and gives it what a task finds", () => {
    const attempt = attemptOf({ ...job, command: ["env"], env: { A: "b=c" } }, { ports: [31_000] });
    const env = createBody(attempt, "/w", [], options).Env as string[];
    expect(env).toEqual(expect.arrayContaining(["A=b=c", "HANSA_EPOCH=1", "HOME=/hansa/work", "HANSA_PORT_0=31000"]));
    expect(env.filter((one) => one.startsWith("PATH="))).toEqual([]);
  });

  test("is root inside only where that is the daemon's own user", () => {
    expect(createBody(attemptOf(job), "/w", [], { ...options, rootless: true }).User).toBe("0:0");
  });

  test("is handed its devices, which it counts anew", () => {
    const attempt = attemptOf(job, { devices: [2, 5] });
    const body = createBody(attempt, "/w", [], { ...options, nvidia: true });
    expect(host(body).DeviceRequests).toMatchObject([{ DeviceIDs: ["2", "5"] }]);
    expect(body.Env).toEqual(expect.arrayContaining(["CUDA_VISIBLE_DEVICES=0,1", "HANSA_DEVICES=2,5"]));
    expect(host(createBody(attempt, "/w", [], options))).not.toHaveProperty("DeviceRequests");
    expect(createBody(attempt, "/w", [], options).Env).toContain("CUDA_VISIBLE_DEVICES=2,5");
  });

  test("shares the cpus by weight, and is held to its own only where the owner says so", () => {
    expect(host(createBody(attemptOf(job), "/w", [], options))).not.toHaveProperty("NanoCpus");
    const held = createBody(attemptOf(job), "/w", [], { ...options, limits: { pids: 99, cpuQuota: true } });
    expect(held).toMatchObject({ HostConfig: { NanoCpus: 500_000_000, CpuShares: 512, PidsLimit: 99 } });
  });

  describe("that its job wants otherwise", () => {
    const container: Container = {
      ...{ network: null, forcePull: false, hostname: null, portMappings: [], volumes: [], isEntrypoint: false },
    };
    const bodyOf = (more: Partial<Container>, rest: Partial<Template> = {}, ports: number[] = []) =>
      createBody(attemptOf({ ...job, container: { ...container, ...more }, ...rest }, { ports }), "/w", [], options);

    test("is in the network that it asks for, else in the node's", () => {
      expect(bodyOf({})).toMatchObject({ HostConfig: { NetworkMode: "host" } });
      expect(bodyOf({ network: "none", hostname: "box" })).toMatchObject({
        ...{ Hostname: "box", HostConfig: { NetworkMode: "none" } },
      });
    });

    test("has those of its ports mapped that it wants so", () => {
      const portMappings = [
        { hostPort: 31_000, containerPort: 80, protocol: "tcp" },
        { hostPort: 31_001, containerPort: 80, protocol: "tcp" },
        { hostPort: 31_001, containerPort: 53, protocol: "udp" },
      ] as const;
      expect(bodyOf({ network: "bridge", portMappings }, {}, [31_000, 31_001])).toMatchObject({
        ExposedPorts: { "80/tcp": {}, "53/udp": {} },
        HostConfig: {
          PortBindings: { "80/tcp": [{ HostPort: "31000" }, { HostPort: "31001" }], "53/udp": [{ HostPort: "31001" }] },
        },
      });
      expect(() => bodyOf({ network: "bridge", portMappings }, {}, [31_000])).toThrow("port 31001 is not one");
      expect(() => bodyOf({ portMappings }, {}, [31_000, 31_001])).toThrow(
        "in network bridge only, and this task's is host",
      );
    });

    test("runs the image's own program, with its words or with the image's", () => {
      const own = bodyOf({ isEntrypoint: true }, { command: ["serve", "-v"] });
      expect(own).not.toHaveProperty("Entrypoint");
      expect(own.Cmd).toEqual(["serve", "-v"]);
      expect(bodyOf({ isEntrypoint: true }, { command: [] })).not.toHaveProperty("Cmd");
      expect(bodyOf({ isEntrypoint: true }, { command: "a text" })).toMatchObject({ Entrypoint: ["sh"] });
    });

    test("has folders of the node beside its own", () => {
      const mounts = [{ source: "/srv/data", target: "/data", isReadOnly: true }];
      expect(host(createBody(attemptOf(job), "/w", mounts, options)).Mounts).toEqual([
        { Type: "bind", Source: "/w", Target: "/hansa/work" },
        { Type: "bind", Source: "/srv/data", Target: "/data", ReadOnly: true },
      ]);
    });

    test("of a Mesos framework finds its folder where those look for it", () => {
      const body = createBody(attemptOf({ ...job, env: { MESOS_TASK_ID: "t1" } }), "/w", [], options);
      expect(body.Env).toContain("MESOS_SANDBOX=/mnt/mesos/sandbox");
      expect(host(body).Mounts).toContainEqual({ Type: "bind", Source: "/w", Target: "/mnt/mesos/sandbox" });
    });
  });

  test("has a name that a container may have, another one for each key and data folder", () => {
    expect(containerName("0badcafe", "7k2m.0@1")).toBe("hansa-0badcafe-7k2m.0_1");
    expect(containerName("0badcafe", "7k2m.0@1")).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/);
  });

  test("has as much memory as a daemon takes at least, and no limit without a demand", () => {
    expect([memoryBytes(1000), memoryBytes(64_000), memoryBytes(0), memoryBytes()]).toEqual([
      ...[6_291_456, 67_108_864, 0, 0],
    ]);
  });
});

describe("frames", () => {
  const frame = (stream: number, text: string) => {
    const head = Buffer.alloc(8);
    head[0] = stream;
    head.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  const textOf = (pieces: Piece[], stream: string) =>
    pieces.flatMap((piece) => (piece.stream === stream ? [piece.bytes.toString()] : [])).join("");

  test("come out whole however they are cut", () => {
    const said = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.string({ unit: "binary-ascii", maxLength: 20 })));
    fc.assert(
      fc.property(said, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (parts, cuts) => {
        const all = Buffer.concat(parts.map(([stream, text]) => frame(stream, text)));
        const frames = new Frames();
        const pieces: Piece[] = [];
        for (let at = 0, i = 0; at < all.length; i++) {
          const length = cuts[i % cuts.length] ?? 1;
          pieces.push(...frames.push(all.subarray(at, at + length)));
          at += length;
        }
        for (const [number, name] of [[1, "stdout"] as const, [2, "stderr"] as const])
          expect(textOf(pieces, name)).toBe(
            parts.flatMap(([stream, text]) => (stream === number ? [text] : [])).join(""),
          );
      }),
    );
  });

  test("of no stream that we know are left out", () => {
    expect(new Frames().push(Buffer.concat([frame(0, "in"), frame(1, "out")]))).toMatchObject([{ stream: "stdout" }]);
  });
});

describe("what the daemon says of a container", () => {
  const said = (State: object) => ({ Id: "ab", Config: { Labels: { a: "b" } }, HostConfig: { Memory: 64 }, State });
  const over = (code: number, rest: Partial<Inspected> = {}): Inspected => ({
    ...{ id: "ab", labels: {}, stage: "ended", pid: 0, code, oomKilled: false, ranMs: 5, memoryBytes: 64, ...rest },
  });
  const nobody = { guard: false, kernelForMemory: false };

  test.each([
    ["created", "created"],
    ["initialized", "created"],
    ["running", "running"],
    ["paused", "running"],
    ["stopping", "running"],
    ["exited", "ended"],
    ["dead", "ended"],
  ])("%s is %s", (Status, stage) => {
    expect(readInspected(said({ Status, Pid: 7, ExitCode: 0 }))?.stage).toBe(stage);
  });

  test("is read with its times, which may be the wrong way round by a breath", () => {
    const StartedAt = "2026-01-01T00:00:01.250000001Z";
    const of = (FinishedAt: string) => readInspected(said({ Status: "exited", StartedAt, FinishedAt }))?.ranMs;
    expect(of("2026-01-01T00:00:03.750999999Z")).toBe(2500);
    expect(of("2026-01-01T00:00:01.249Z")).toBe(0);
    expect(of("0001-01-01T00:00:00Z")).toBeNull();
  });

  test("may be nothing that we know", () => {
    expect([null, 7, {}, { Id: "ab" }].map(readInspected)).toEqual([null, null, null, null]);
  });

  test("tells code, signal, memory and who ended it", () => {
    expect(exitOf(over(3), nobody)).toEqual({ code: 3, signal: null });
    expect(exitOf(over(139), nobody)).toEqual({ code: null, signal: "SIGSEGV" });
    expect(exitOf(over(255), nobody)).toEqual({ code: 255, signal: null });
    expect(exitOf(over(137), nobody)).toEqual({ code: null, signal: "SIGKILL" });
    expect(exitOf(over(137, { oomKilled: true }), nobody)).toMatchObject({ oom: { limitBytes: 64 } });
    expect(exitOf(over(137), { ...nobody, kernelForMemory: true })).toMatchObject({ oom: { limitBytes: 64 } });
    expect(exitOf(over(3), { ...nobody, guard: true })).toEqual({ code: 3, signal: null, byGuard: true });
    // a child of its was ended for memory, and it went on
    expect(exitOf(over(0, { oomKilled: true }), nobody)).toEqual({ code: 0, signal: null, oom: { limitBytes: 64 } });
  });

  test("the kernel's log names the container that it ended for memory", () => {
    const line = "6,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),task_memcg=/p/libpod-abc123,task=dd";
    expect(endedForMemory(`x\n${line}\n`, "abc123")).toBe(true);
    expect(endedForMemory(`${line}\n`, "def456")).toBe(false);
    expect(endedForMemory("6,1,2,-;libpod-abc123 up\n", "abc123")).toBe(false);
  });
});

describe("images", () => {
  test.each([
    ["busybox", { fromImage: "busybox", tag: "latest" }],
    ["busybox:1.36", { fromImage: "busybox", tag: "1.36" }],
    ["host:5000/a/b", { fromImage: "host:5000/a/b", tag: "latest" }],
    ["host:5000/a/b:2", { fromImage: "host:5000/a/b", tag: "2" }],
    ["a@sha256:0123", { fromImage: "a@sha256:0123" }],
  ])("%s is asked for as one", (image, query) => {
    expect(pullQuery(image)).toEqual(query);
  });

  test("a pull's failure is in its progress", () => {
    expect(pullFailure('{"status":"Pulling","progressDetail":{}}')).toBeNull();
    expect(pullFailure('{"error":"denied","errorDetail":{"message":"access denied"}}')).toBe("access denied");
    expect(pullFailure("not json")).toBeNull();
  });

  test.each([
    ["manifest for a:1 not found: manifest unknown", false],
    ["pull access denied for a, repository does not exist or may require 'docker login'", false],
    ["dial tcp 192.0.2.1:443: i/o timeout", true],
    ["toomanyrequests: You have reached your pull rate limit", true],
    ["write /x: no space left on device", false],
    ["received unexpected HTTP status: 503 Service Unavailable", true],
  ])("is tried again or not: %s", (words, again) => {
    expect(mayPass(words)).toBe(again);
  });
});

test("a name that is taken and a missing first process are known by both daemons' words", () => {
  expect(
    isNameTaken(new DockerError('Conflict. The container name "/a" is already in use by container "b"', 409)),
  ).toBe(true);
  expect(isNameTaken(new DockerError('the container name "a" is already in use by b.', 500))).toBe(true);
  expect(isNameTaken(new DockerError("no space left", 500))).toBe(false);
  expect(lacksInit(new DockerError("container-init binary not found on the host: stat /x", 500))).toBe(true);
  expect(lacksInit(new DockerError("no space left", 500))).toBe(false);
});

test("the daemon's words are told as they are, and its version is asked for when ours is too old for it", () => {
  expect(wordsOf('{"message":"no such image: a\\n"}')).toBe("no such image: a");
  expect(wordsOf("Bad Gateway\n")).toBe("Bad Gateway");
  expect(["1.24", "1.44", "4.0.0", undefined].map(apiVersion)).toEqual(["1.41", "1.44", "1.41", "1.41"]);
});

describe("the daemon's socket", () => {
  const there =
    (...paths: string[]) =>
    (path: string) =>
      paths.includes(path);

  test("is the option's, else DOCKER_HOST's, else the first that is there", () => {
    const environment = { DOCKER_HOST: "unix:///env.sock", XDG_RUNTIME_DIR: "/run/user/7" };
    expect(findSocket("unix:///opt.sock", environment)).toEqual({ path: "/opt.sock" });
    expect(findSocket(null, environment)).toEqual({ path: "/env.sock" });
    const { DOCKER_HOST: _, ...rest } = environment;
    const podman = "/run/podman/podman.sock";
    expect(findSocket(null, rest, there(podman, "/var/run/docker.sock"))).toEqual({ path: "/var/run/docker.sock" });
    expect(findSocket(null, rest, there(podman))).toEqual({ path: podman });
    expect(findSocket(null, rest, there("/run/user/7/podman/podman.sock"))).toEqual({
      path: "/run/user/7/podman/podman.sock",
    });
    expect(findSocket(null, rest, there())).toMatchObject({ missing: expect.stringContaining("--docker-host") });
  });

  test("is of this machine", () => {
    expect(findSocket("tcp://192.0.2.1:2375", {})).toMatchObject({ missing: expect.stringContaining("tcp://") });
  });
});

test("a gate is closed once, and again", () => {
  const folder = mkdtempSync(join(tmpdir(), "hansa-gate-"));
  mkdirSync(join(folder, "work"));
  closeGate(folder);
  closeGate(folder);
  expect(() => rmSync(join(folder, "work"))).toThrow(/ENOENT/);
  rmSync(folder, { recursive: true });
});
