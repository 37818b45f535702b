import { describe, expect, it } from "vitest";
import { eachItems, itemsOf, pairs, specOf } from "./spec.ts";

describe("specOf", () => {
  it("takes one word as a line for the shell and several as they are", () => {
    expect(specOf(["echo hi from $HANSA_NODE"], {}, null)).toEqual({ command: "echo hi from $HANSA_NODE" });
    expect(specOf(["echo", "hi there"], {}, null)).toEqual({ command: ["echo", "hi there"] });
  });

  it("says where the command belongs when there is none", () => {
    expect(() => specOf([], { count: 2 }, null)).toThrow(/after --/);
  });

  it("takes a driver that there is", () => {
    expect(specOf(["true"], { driver: "sandbox" }, null)).toEqual({ command: "true", driver: "sandbox" });
  });

  it("makes one gang of all tasks, or gangs of a size", () => {
    expect(specOf(["true"], { count: 8, gang: true }, null)).toEqual({ command: "true", count: 8, gang: true });
    expect(specOf(["true"], { count: 8, gang: 4 }, null)).toEqual({ command: "true", count: 8, gang: { size: 4 } });
  });

  it("runs an image in a container, unless another driver is named", () => {
    expect(specOf(["true"], { image: "busybox:1" }, null)).toEqual({
      ...{ command: "true", driver: "docker", image: "busybox:1" },
    });
    expect(specOf(["true"], { driver: "process" }, null)).toEqual({ command: "true", driver: "process" });
  });

  it("puts every option into its field and leaves out what was not said", () => {
    const spec = specOf(
      ["true"],
      {
        count: 3,
        name: "sums",
        role: "lab",
        cpus: "0.5",
        mem: "128MiB",
        resources: "gpus=1, licences=2",
        clusters: "north, south",
        constraint: ["arch = x64", "has ssd"],
        retry: 2,
        timeout: "10m",
        env: ["A=1", "B=x=y"],
        cwd: "/srv",
      },
      null,
    );
    expect(spec).toEqual({
      command: "true",
      count: 3,
      name: "sums",
      role: "lab",
      resources: { gpus: "1", licences: "2", cpus: "0.5", mem: "128MiB" },
      clusters: ["north", "south"],
      constraints: ["arch = x64", "has ssd"],
      retry: { max: 2 },
      timeout: "10m",
      env: { A: "1", B: "x=y" },
      cwd: "/srv",
    });
  });

  it("makes a task of each item", () => {
    expect(specOf(["sha256sum {}"], {}, ["a b", "c"])).toEqual({ command: "sha256sum {}", each: ["a b", "c"] });
  });
});

describe("items", () => {
  it("are the lines, spaces kept, empty ones and line ends of Windows left out", () => {
    expect(itemsOf(" a b\r\n\nc")).toEqual([" a b", "c"]);
  });

  it("must be there", () => {
    expect(() => eachItems("\n\n", "files.txt")).toThrow(/files.txt has no line/);
    expect(() => eachItems("", "-")).toThrow(/standard input has no line/);
  });
});

it("a pair without a name or an equals sign is told with its option", () => {
  expect(() => pairs(["PATH"], "--env")).toThrow('--env wants NAME=VALUE, not "PATH"');
  expect(() => pairs(["=1"], "--env")).toThrow(/NAME=VALUE/);
});
