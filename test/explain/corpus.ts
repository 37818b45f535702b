/**
 * Leagues in which a job waits, why it does, and what lets it start. Each is told as people meet it; the fix is what
 * explain must suggest, and how a person carries it out.
 */
import { type JobSpecInput, jobSpecSchema } from "../../src/model/job.ts";
import type { Reason } from "../../src/model/reasons.ts";
import { milli, nodes, part, ToyLeague } from "./toyLeague.ts";

export interface Waits {
  league: ToyLeague;
  job: string;
}

export interface Case {
  name: string;
  setup: () => Waits;
  reason: Reason;
  /** null: it only has to wait */
  fix: { says: RegExp; apply: (waits: Waits) => string } | null;
}

/** Each carries a fix out and returns the job that is to start. */
const submits =
  (spec: JobSpecInput) =>
  ({ league }: Waits): string =>
    league.submit(spec);
const adds =
  (partition: string, shape: ReturnType<typeof nodes>) =>
  ({ league, job }: Waits): string => {
    league.addNodes(partition, shape);
    return job;
  };
const sets =
  (role: string, policy: Parameters<ToyLeague["role"]>[1]) =>
  ({ league, job }: Waits): string => {
    league.role(role, policy);
    return job;
  };
const lends =
  (partition: string) =>
  ({ league, job }: Waits): string => {
    league.change(partition, (level) => ({ ...level, lendable: {} }));
    return job;
  };

/** Submits all of them; the last one is the one that waits. */
function waiting(league: ToyLeague, ...specs: JobSpecInput[]): Waits {
  let job = "";
  for (const spec of specs) job = league.submit(spec);
  return { league, job };
}

const task = (resources: Record<string, number | string>, rest: Partial<JobSpecInput> = {}): JobSpecInput => ({
  command: "true",
  resources: { mem: "1MiB", ...resources },
  ...rest,
});

const four = { cpus: 4 };
const one = () => new ToyLeague({ north: [part("default", [nodes(1, four)])] });
const two = () =>
  new ToyLeague({ north: [part("default", [nodes(1, four)])], south: [part("default", [nodes(1, four)])] });
const gpus = () =>
  new ToyLeague({
    north: [part("default", [nodes(2, { cpus: 8, gpus: 1 }, { attributes: { arch: "x64", gpu_model: "T4" } })])],
    south: [part("default", [nodes(1, { cpus: 8 })])],
  });
/** north is lab's, south is shop's. */
const owned = (lend: { lab?: Record<string, number>; shop?: Record<string, number> } = {}) =>
  new ToyLeague({
    north: [part("default", [nodes(1, four)], { owner: "lab", lendable: milli(lend.lab ?? {}) })],
    south: [part("default", [nodes(1, four)], { owner: "shop", lendable: milli(lend.shop ?? {}) })],
  });
const withRole = (league: ToyLeague, name: string, policy: Parameters<ToyLeague["role"]>[1]): ToyLeague => {
  league.role(name, policy);
  return league;
};
const NODE = /add a node .* hansa token create --join/;

const misconfigured: Case[] = [
  {
    name: "an attribute is misspelt",
    setup: () => waiting(gpus(), task({ cpus: 1 }, { constraints: ["gpu_modle = T4"] })),
    reason: "misconfigured",
    fix: {
      says: /--constraint "gpu_model = T4"/,
      apply: submits(task({ cpus: 1 }, { constraints: ["gpu_model = T4"] })),
    },
  },
  {
    name: "an attribute is in the wrong case",
    setup: () => waiting(one(), task({ cpus: 1 }, { constraints: ["Arch = x64"] })),
    reason: "misconfigured",
    fix: { says: /--constraint "arch = x64"/, apply: submits(task({ cpus: 1 }, { constraints: ["arch = x64"] })) },
  },
  {
    name: "an attribute that no node has and that is like none",
    setup: () => waiting(one(), task({ cpus: 1 }, { constraints: ["datacentre = ams"] })),
    reason: "misconfigured",
    fix: { says: /leave out `datacentre = ams`/, apply: submits(task({ cpus: 1 })) },
  },
  {
    name: "has wants an attribute that no node has",
    setup: () => waiting(one(), task({ cpus: 1 }, { constraints: ["has ssd"] })),
    reason: "misconfigured",
    fix: { says: /leave out `has ssd`/, apply: submits(task({ cpus: 1 })) },
  },
  {
    name: "two values of one attribute at once",
    setup: () => waiting(two(), task({ cpus: 1 }, { constraints: ["arch = x64", "arch = arm64"] })),
    reason: "misconfigured",
    fix: { says: /leave out `arch = arm64`/, apply: submits(task({ cpus: 1 }, { constraints: ["arch = x64"] })) },
  },
  {
    name: "a value that is also excluded",
    setup: () => waiting(two(), task({ cpus: 1 }, { constraints: ["arch = x64", "arch != x64"] })),
    reason: "misconfigured",
    fix: { says: /leave out `arch != x64`/, apply: submits(task({ cpus: 1 }, { constraints: ["arch = x64"] })) },
  },
  {
    name: "a range that is empty",
    setup: () =>
      waiting(
        new ToyLeague({ north: [part("default", [nodes(1, four, { attributes: { cores: "8" } })])] }),
        task({ cpus: 1 }, { constraints: ["cores >= 16", "cores < 16"] }),
      ),
    reason: "misconfigured",
    fix: { says: /leave out `cores >= 16`/, apply: submits(task({ cpus: 1 }, { constraints: ["cores < 16"] })) },
  },
  {
    name: "a resource is misspelt",
    setup: () =>
      waiting(
        new ToyLeague({ north: [part("default", [nodes(1, { cpus: 4, licences: 2 })])] }),
        task({ cpus: 1, licenses: 1 }),
      ),
    reason: "misconfigured",
    fix: { says: /licences=1/, apply: submits(task({ cpus: 1, licences: 1 })) },
  },
  {
    name: "sets that have nothing in common",
    setup: () =>
      waiting(
        new ToyLeague({ north: [part("default", [nodes(1, four, { attributes: { region: "eu" } })])] }),
        task({ cpus: 1 }, { constraints: ["region in eu, us", "region in asia"] }),
      ),
    reason: "misconfigured",
    fix: {
      says: /leave out `region in asia`/,
      apply: submits(task({ cpus: 1 }, { constraints: ["region in eu, us"] })),
    },
  },
];

const nodesLack: Case[] = [
  {
    name: "the league has no node at all",
    setup: () => waiting(new ToyLeague({ north: [part("default", [])] }), task({ cpus: 1 })),
    reason: "no-nodes",
    fix: { says: NODE, apply: adds("north/default", nodes(1, { cpus: 1 })) },
  },
  {
    name: "no node is up in the only cluster that it may use",
    setup: () =>
      waiting(
        new ToyLeague({ north: [part("default", [nodes(1, four)])], south: [part("default", [])] }),
        task({ cpus: 1 }, { clusters: ["south"] }),
      ),
    reason: "no-nodes",
    fix: { says: /without --clusters/, apply: submits(task({ cpus: 1 })) },
  },
  {
    name: "no node is up in the two clusters that it may use",
    setup: () =>
      waiting(
        new ToyLeague({
          north: [part("default", [nodes(1, four)])],
          south: [part("default", [])],
          west: [part("default", [])],
        }),
        task({ cpus: 1 }, { clusters: ["south", "west"] }),
      ),
    reason: "no-nodes",
    fix: { says: /without --clusters/, apply: submits(task({ cpus: 1 })) },
  },
  {
    name: "no node has the value",
    setup: () => waiting(two(), task({ cpus: 1 }, { constraints: ["arch = arm64"] })),
    reason: "constraint",
    fix: { says: /leave out `arch = arm64`/, apply: submits(task({ cpus: 1 })) },
  },
  {
    name: "each condition is met by some node, all by none",
    setup: () =>
      waiting(
        new ToyLeague({
          north: [
            part("default", [
              nodes(1, four, { attributes: { arch: "x64", disk: "ssd" } }),
              nodes(1, four, { attributes: { arch: "arm64", disk: "hdd" } }),
            ]),
          ],
        }),
        task({ cpus: 1 }, { constraints: ["arch = arm64", "disk = ssd"] }),
      ),
    reason: "constraint",
    fix: { says: /leave out/, apply: submits(task({ cpus: 1 }, { constraints: ["disk = ssd"] })) },
  },
  {
    name: "the value is only in a cluster that it may not use",
    setup: () => waiting(gpus(), task({ cpus: 1 }, { constraints: ["gpu_model = T4"], clusters: ["south"] })),
    reason: "constraint",
    fix: {
      says: /leave out `gpu_model = T4`/,
      apply: submits(task({ cpus: 1 }, { clusters: ["south"] })),
    },
  },
  {
    name: "a number that no node reaches",
    setup: () =>
      waiting(
        new ToyLeague({ north: [part("default", [nodes(2, four, { attributes: { cores: "8" } })])] }),
        task({ cpus: 1 }, { constraints: ["cores >= 64"] }),
      ),
    reason: "constraint",
    fix: { says: /leave out `cores >= 64`/, apply: submits(task({ cpus: 1 })) },
  },
  {
    name: "what no node may have",
    setup: () => waiting(two(), task({ cpus: 1 }, { constraints: ["not has arch"] })),
    reason: "constraint",
    fix: { says: /leave out `not has arch`/, apply: submits(task({ cpus: 1 })) },
  },
  {
    name: "nodes take another role only",
    setup: () =>
      waiting(new ToyLeague({ north: [part("default", [nodes(1, four, { roles: ["lab"] })])] }), task({ cpus: 1 })),
    reason: "not-accepted",
    fix: { says: /--role lab/, apply: submits(task({ cpus: 1 }, { role: "lab" })) },
  },
  {
    name: "nodes take a role that the job's role is above, not under",
    setup: () =>
      waiting(
        new ToyLeague({ north: [part("default", [nodes(1, four, { roles: ["lab/ml"] })])] }),
        task({ cpus: 1 }, { role: "lab" }),
      ),
    reason: "not-accepted",
    fix: { says: /--role lab\/ml/, apply: submits(task({ cpus: 1 }, { role: "lab/ml" })) },
  },
  {
    name: "nodes have no driver for it",
    setup: () =>
      waiting(
        new ToyLeague({ north: [part("default", [nodes(1, four, { drivers: ["docker"] })])] }),
        task({ cpus: 1 }),
      ),
    reason: "not-accepted",
    fix: { says: NODE, apply: adds("north/default", nodes(1, four)) },
  },
];

const tooLarge: Case[] = [
  {
    name: "larger than any node",
    setup: () => waiting(two(), task({ cpus: 6 })),
    reason: "never-fits",
    fix: { says: /--resources cpus=3.* --count 2/, apply: submits(task({ cpus: 3 }, { count: 2 })) },
  },
  {
    name: "more memory than any node has",
    setup: () => waiting(one(), task({ cpus: 1, mem: "100000MiB" })),
    reason: "never-fits",
    fix: { says: /mem=50000MiB/, apply: submits(task({ cpus: 0.5, mem: "50000MiB" }, { count: 2 })) },
  },
  {
    name: "two GPUs at once where nodes have one",
    setup: () => waiting(gpus(), task({ cpus: 1, gpus: 2 })),
    reason: "never-fits",
    fix: { says: /gpus=1.* --count 2/, apply: submits(task({ cpus: 0.5, gpus: 1 }, { count: 2 })) },
  },
  {
    name: "a resource that no node has, nor one like it",
    setup: () => waiting(one(), task({ cpus: 1, fpgas: 1 })),
    reason: "never-fits",
    fix: { says: NODE, apply: adds("north/default", nodes(1, { cpus: 4, fpgas: 1 })) },
  },
  {
    name: "no GPU in the league",
    setup: () => waiting(one(), task({ cpus: 1, gpus: 1 })),
    reason: "never-fits",
    fix: { says: NODE, apply: adds("north/default", nodes(1, { cpus: 4, gpus: 1 })) },
  },
  {
    name: "fits on a node, but not in the slice that is all there is",
    setup: () =>
      waiting(
        new ToyLeague({
          north: [
            part("small", [nodes(1, four)], {
              isSlice: true,
              total: milli({ cpus: 1, mem: 1000 }),
              usable: milli({ cpus: 1, mem: 1000 }),
            }),
            part("default", [nodes(1, four)], { total: {}, usable: {} }),
          ],
        }),
        task({ cpus: 2 }),
      ),
    reason: "never-fits",
    fix: { says: /--resources cpus=1/, apply: submits(task({ cpus: 1 }, { count: 2 })) },
  },
  {
    name: "large enough only in a cluster that it may not use",
    setup: () =>
      waiting(
        new ToyLeague({
          north: [part("default", [nodes(1, { cpus: 16 })])],
          south: [part("default", [nodes(1, four)])],
        }),
        task({ cpus: 8 }, { clusters: ["south"] }),
      ),
    reason: "never-fits",
    fix: { says: /without --clusters/, apply: submits(task({ cpus: 8 })) },
  },
];

const limited: Case[] = [
  {
    name: "its role is at its limit",
    setup: () =>
      waiting(withRole(two(), "lab", { limit: milli({ cpus: 2 }) }), task({ cpus: 1 }, { role: "lab", count: 5 })),
    reason: "over-limit",
    fix: { says: /hansa roles set lab --limit cpus=3/, apply: sets("lab", { limit: milli({ cpus: 3 }) }) },
  },
  {
    name: "the limit is less than one task",
    setup: () => waiting(withRole(two(), "lab", { limit: milli({ cpus: 0.5 }) }), task({ cpus: 1 }, { role: "lab" })),
    reason: "over-limit",
    fix: { says: /hansa roles set lab --limit cpus=1.5/, apply: sets("lab", { limit: milli({ cpus: 1.5 }) }) },
  },
  {
    name: "the role above it is at its limit",
    setup: () =>
      waiting(
        withRole(two(), "lab", { limit: milli({ cpus: 1 }) }),
        task({ cpus: 1 }, { role: "lab/vision" }),
        task({ cpus: 1 }, { role: "lab/ml" }),
      ),
    reason: "over-limit",
    fix: { says: /hansa roles set lab --limit cpus=2/, apply: sets("lab", { limit: milli({ cpus: 2 }) }) },
  },
  {
    name: "a limit on memory binds first",
    setup: () =>
      waiting(
        withRole(two(), "lab", { limit: milli({ cpus: 100, mem: 1000 }) }),
        task({ cpus: 1, mem: "600MiB" }, { role: "lab", count: 2 }),
      ),
    reason: "over-limit",
    fix: {
      says: /hansa roles set lab --limit mem=1600MiB/,
      apply: sets("lab", { limit: milli({ cpus: 100, mem: 1600 }) }),
    },
  },
  {
    name: "its role may not borrow",
    setup: () =>
      waiting(
        withRole(two(), "lab", { guarantee: milli({ cpus: 2 }), borrow: milli({ cpus: 0 }) }),
        task({ cpus: 1 }, { role: "lab", count: 4 }),
      ),
    reason: "over-limit",
    fix: {
      says: /hansa roles set lab --borrow cpus=/,
      apply: sets("lab", { guarantee: milli({ cpus: 2 }), borrow: milli({ cpus: 3 }) }),
    },
  },
  {
    name: "its role has nothing of its own and may not borrow",
    setup: () =>
      waiting(withRole(two(), "guest", { borrow: milli({ cpus: 0 }) }), task({ cpus: 1 }, { role: "guest" })),
    reason: "over-limit",
    fix: { says: /hansa roles set guest --borrow cpus=1/, apply: sets("guest", { borrow: milli({ cpus: 1 }) }) },
  },
  {
    name: "the owner lends nothing",
    setup: () =>
      waiting(
        new ToyLeague({
          north: [part("default", [nodes(1, four)], { owner: "lab", lendable: milli({ cpus: 0, mem: 0 }) })],
        }),
        task({ cpus: 1 }, { role: "shop" }),
      ),
    reason: "over-limit",
    fix: { says: /hansa partitions set north\/default --lend all/, apply: lends("north/default") },
  },
  {
    name: "what the owner lends is in use",
    setup: () => waiting(owned({ lab: { cpus: 1 } }), task({ cpus: 1 }, { role: "shop", count: 6 })),
    reason: "over-limit",
    fix: { says: /hansa partitions set north\/default --lend all/, apply: lends("north/default") },
  },
  {
    name: "a role keeps its guarantee for itself",
    setup: () =>
      waiting(
        withRole(one(), "lab", { guarantee: milli({ cpus: 3 }), lend: milli({ cpus: 0 }) }),
        task({ cpus: 1 }, { role: "shop", count: 3 }),
      ),
    reason: "over-limit",
    fix: {
      says: /hansa roles set lab --lend cpus=/,
      apply: sets("lab", { guarantee: milli({ cpus: 3 }), lend: milli({ cpus: 2 }) }),
    },
  },
];

const full: Case[] = [
  {
    name: "a lone job fills the league",
    setup: () => waiting(one(), task({ cpus: 1 }, { count: 9 })),
    reason: "space",
    fix: { says: NODE, apply: adds("north/default", nodes(1, four)) },
  },
  {
    name: "a lone job fills the only cluster that it may use",
    setup: () => waiting(two(), task({ cpus: 1 }, { count: 9, clusters: ["north"] })),
    reason: "space",
    fix: { says: /without --clusters/, apply: submits(task({ cpus: 1 }, { count: 9 })) },
  },
  {
    name: "an equal job was there before and keeps its half",
    setup: () => waiting(one(), task({ cpus: 1 }, { count: 9, role: "a" }), task({ cpus: 1 }, { count: 9, role: "b" })),
    reason: "share",
    fix: { says: NODE, apply: adds("north/default", nodes(1, four)) },
  },
  {
    name: "a job that got its share and wants more",
    setup: () => waiting(two(), task({ cpus: 4 }, { role: "a", count: 3 }), task({ cpus: 4 }, { role: "b", count: 3 })),
    reason: "share",
    fix: { says: /--resources cpus=2|add a node/, apply: adds("north/default", nodes(4, four)) },
  },
  {
    name: "its turn comes when tasks of a role with more end",
    setup: () => waiting(two(), task({ cpus: 1 }, { role: "a", count: 8 }), task({ cpus: 1 }, { role: "b", count: 2 })),
    reason: "share",
    fix: { says: NODE, apply: adds("north/default", nodes(1, four)) },
  },
  {
    name: "a role of small weight waits for one of large weight",
    setup: () => {
      const league = withRole(withRole(one(), "big", { weight: 3 }), "small", { weight: 1 });
      return waiting(
        league,
        task({ cpus: 1 }, { role: "big", count: 9 }),
        task({ cpus: 1 }, { role: "small", count: 9 }),
      );
    },
    reason: "share",
    fix: { says: NODE, apply: adds("north/default", nodes(4, four)) },
  },
  {
    name: "what its role owns is lent to another",
    setup: () =>
      waiting(owned(), task({ cpus: 1 }, { role: "shop", count: 8 }), task({ cpus: 1 }, { role: "lab", count: 4 })),
    reason: "reclaim",
    fix: { says: NODE, apply: adds("north/default", nodes(1, four)) },
  },
  {
    name: "what its role is guaranteed is lent to another",
    setup: () =>
      waiting(
        withRole(one(), "lab", { guarantee: milli({ cpus: 2 }) }),
        task({ cpus: 1 }, { role: "shop", count: 4 }),
        task({ cpus: 1 }, { role: "lab", count: 2 }),
      ),
    reason: "reclaim",
    fix: { says: NODE, apply: adds("north/default", nodes(1, four)) },
  },
  {
    name: "what the role above it owns is lent to another",
    setup: () =>
      waiting(owned(), task({ cpus: 1 }, { role: "shop", count: 8 }), task({ cpus: 1 }, { role: "lab/ml", count: 4 })),
    reason: "reclaim",
    fix: { says: NODE, apply: adds("north/default", nodes(1, four)) },
  },
  {
    name: "two tasks that need a whole node each, and one node",
    setup: () => waiting(one(), task({ cpus: 4 }), task({ cpus: 4 })),
    reason: "share",
    fix: { says: NODE, apply: adds("north/default", nodes(1, four)) },
  },
];

const clustersSay = (reason: "backoff" | "paused" | "holding" | "mass-silence" | "fragmented"): Waits => {
  const waits = waiting(one(), task({ cpus: 1 }));
  waits.league.say("north", waits.job, { live: {}, waiting: 1, reason });
  return waits;
};
/** Granted, given back because there was no place for it, and barred there since. */
const givenBack = (reason: "fragmented" | "refused" | "does-not-fit", league = two(), cpus = 3): Waits => {
  const waits = waiting(league, task({ cpus }, { clusters: ["north"] }));
  const handout = league.cluster("north").grants.get(waits.job)?.supply[0]?.handout ?? 0;
  league.say("north", waits.job, {
    live: {},
    waiting: 0,
    returned: [{ from: 0, to: 1, handout, attemptsUsed: 0, reason }],
  });
  return waits;
};

const told: Case[] = [
  { name: "it failed and backs off", setup: () => clustersSay("backoff"), reason: "backoff", fix: null },
  {
    name: "its node is silent",
    setup: () => clustersSay("holding"),
    reason: "holding",
    fix: null,
  },
  {
    name: "many nodes fell silent together",
    setup: () => clustersSay("mass-silence"),
    reason: "mass-silence",
    fix: null,
  },
  {
    name: "the nodes are paused",
    setup: () => clustersSay("paused"),
    reason: "paused",
    fix: { says: NODE, apply: adds("north/default", nodes(1, four)) },
  },
  {
    name: "room enough, but on no one node",
    setup: () => givenBack("fragmented"),
    reason: "fragmented",
    fix: { says: /without --clusters/, apply: submits(task({ cpus: 3 })) },
  },
  {
    name: "room enough, but on no one node, in the only cluster there is",
    setup: () => givenBack("fragmented", one()),
    reason: "fragmented",
    fix: { says: /--resources cpus=1.5.* --count 2/, apply: submits(task({ cpus: 1.5 }, { count: 2 })) },
  },
  {
    name: "free GPUs, one on each of two nodes",
    setup: () => givenBack("fragmented", new ToyLeague({ north: [part("default", [nodes(2, { cpus: 8, gpus: 2 })])] })),
    reason: "fragmented",
    fix: { says: /--resources cpus=1.5.* --count 2/, apply: submits(task({ cpus: 1.5 }, { count: 2 })) },
  },
  {
    name: "every node that could run it refused it",
    setup: () => givenBack("refused"),
    reason: "refused",
    fix: { says: /without --clusters/, apply: submits(task({ cpus: 3 })) },
  },
  {
    name: "every node of the league refused it",
    setup: () => givenBack("refused", one()),
    reason: "refused",
    fix: { says: /add a node|--resources/, apply: adds("north/default", nodes(1, four)) },
  },
  {
    name: "the room is held by offers",
    setup: () => {
      const league = new ToyLeague({ north: [part("default", [nodes(1, four)], { offered: milli({ cpus: 2 }) })] });
      return waiting(league, task({ cpus: 2 }, { count: 2 }), task({ cpus: 4 }));
    },
    reason: "offers",
    fix: { says: NODE, apply: adds("north/default", nodes(1, four)) },
  },
  {
    name: "granted a moment ago",
    setup: () => {
      const league = one();
      league.home.call("submit", { id: "job9999", digest: "d", spec: GRANTED });
      return { league, job: "job9999" };
    },
    reason: "granting",
    fix: null,
  },
];

const GRANTED = jobSpecSchema.parse(task({ cpus: 1 }));

const gangOf = (size: number) => task({ cpus: 1 }, { count: 4, gang: { size } });
const inItsPlace =
  (spec: JobSpecInput) =>
  ({ league, job }: Waits): string => {
    league.home.call("cancel", { id: job });
    return league.submit(spec);
  };

const together: Case[] = [
  {
    name: "a gang that no partition holds",
    setup: () =>
      waiting(
        new ToyLeague({ north: [part("default", [nodes(3, { cpus: 1 })])] }),
        task({ cpus: 1 }, { count: 4, gang: true }),
      ),
    reason: "never-fits",
    fix: { says: /--gang 2/, apply: submits(gangOf(2)) },
  },
  {
    name: "a gang too large for a partition whose tasks are large for its nodes",
    setup: () =>
      waiting(
        new ToyLeague({ north: [part("default", [nodes(3, four)])] }),
        task({ cpus: 3 }, { count: 4, gang: true }),
      ),
    reason: "never-fits",
    fix: { says: /--gang 2/, apply: submits(task({ cpus: 3 }, { count: 4, gang: { size: 2 } })) },
  },
  {
    name: "a gang of which the cluster has places for some",
    setup: () => {
      const waits = waiting(one(), gangOf(4));
      waits.league.say("north", waits.job, { live: {}, waiting: 4, reason: "gang", held: 2 });
      return waits;
    },
    reason: "gang",
    fix: { says: /--gang 2/, apply: inItsPlace(gangOf(2)) },
  },
  {
    name: "a gang whose room others use",
    setup: () => waiting(one(), task({ cpus: 1 }, { count: 3 }), gangOf(4)),
    reason: "share",
    fix: { says: NODE, apply: adds("north/default", nodes(1, four)) },
  },
];

export const CORPUS: Case[] = [...misconfigured, ...nodesLack, ...tooLarge, ...limited, ...full, ...told, ...together];
