import { expect, test } from "vitest";
import { ObjectHome } from "../../test/sim/nodeSqlite.ts";
import type { JobSpecInput } from "../model/job.ts";
import { jobSpecSchema, templateOf } from "../model/job.ts";
import type { PollReply } from "../protocol/agent.ts";
import { Cluster } from "./cluster.ts";
import type { Preview } from "./methods.ts";

/** Two nodes of four cpus in partition default. */
function cluster() {
  const home = new ObjectHome((platform) => new Cluster(platform), {
    self: { kind: "cluster", league: "acme", name: "north" },
  });
  for (const name of ["n1", "n2"]) {
    const { node, serial } = home.call("join", { name, key: `key-of-${name}` }) as { node: string; serial: number };
    const inventory = {
      capacity: { cpus: 4000, mem: 4_096_000 },
      attributes: { arch: name === "n1" ? "x64" : "arm64" },
      drivers: ["process"],
      version: "test",
    };
    const request = { session: 1, nonce: "n", seq: 1, boot: "b", inventory, running: [], updates: [], pressure: [] };
    home.call("poll", { claims: { league: "acme", cluster: "north", node, serial }, request }) as PollReply;
  }
  home.takeEffects();
  const preview = (spec: Partial<JobSpecInput>, counts: Record<string, number>) => {
    const template = templateOf(jobSpecSchema.parse({ command: "true", ...spec }));
    const { places, isWhole } = home.call("preview", { template, counts }) as Preview;
    return { places: places.map(({ node, tasks }) => `${node} ${tasks}`).sort(), isWhole };
  };
  return { home, preview };
}

test("says which nodes would have how many, and hands nothing out", () => {
  const { home, preview } = cluster();
  const rows = home.rowsWritten;
  const whole = { places: ["n1 4", "n2 4"], isWhole: true };
  expect(preview({ resources: { cpus: 1 } }, { default: 8 })).toEqual(whole);
  expect(preview({ resources: { cpus: 1 } }, { default: 8 })).toEqual(whole);
  expect(preview({ resources: { cpus: 1 } }, { default: 12 })).toEqual(whole);
  expect(preview({ resources: { cpus: 3 } }, { default: 2 }).places).toEqual(["n1 1", "n2 1"]);
  expect(preview({ resources: { cpus: 1 }, constraints: ["arch = arm64"] }, { default: 3 }).places).toEqual(["n2 3"]);
  expect([home.rowsWritten, home.takeEffects()]).toEqual([rows, []]);
});

test("names no node that takes nothing, nor for a partition that is not there", () => {
  const { home, preview } = cluster();
  home.call("pauseNode", { name: "n1", paused: true });
  expect(preview({ resources: { cpus: 1 } }, { default: 8 }).places).toEqual(["n2 4"]);
  expect(preview({}, { gone: 1 }).places).toEqual([]);
});

test("tries a thousand tasks and says that there are more", () => {
  const { preview } = cluster();
  expect(preview({ resources: { cpus: 0.001, mem: "1KiB" } }, { default: 1001 }).isWhole).toBe(false);
  expect(preview({ resources: { cpus: 0.001, mem: "1KiB" } }, { default: 1000 }).isWhole).toBe(true);
});
