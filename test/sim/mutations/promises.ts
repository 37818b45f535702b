/** What jobs, owners and frameworks are promised of where, how long and beside whom things run. */
import type { Mutation } from "./mutations.ts";

export const PROMISES: readonly Mutation[] = [
  {
    rule: "device exclusivity",
    so: "a Cluster takes any gpu of a node for free that has one free",
    patches: [
      {
        file: "src/scheduling/packing/fleet.ts",
        find: "left[device] = (left[device] as number) - milli * times",
        replace: "left[device] = left[device] as number",
      },
      {
        file: "src/scheduling/place/occupancy.ts",
        find: "(entry.devices[device] ?? 0) + shape.devices.milli * times",
        replace: "entry.devices[device] ?? 0",
      },
    ],
  },
  {
    rule: "port exclusivity",
    so: "a Cluster gives each task the lowest ports of its node",
    patches: [
      {
        file: "src/scheduling/place/ports.ts",
        find: "!used.has(port) && !fixed.includes(port)",
        replace: "!fixed.includes(port)",
      },
    ],
  },
  {
    rule: "fixed ports are free",
    so: "a port that a task must have is given to it whoever has it",
    patches: [
      {
        file: "src/scheduling/place/ports.ts",
        find: "isIn(ranges, port) && !used.has(port)",
        replace: "isIn(ranges, port)",
      },
    ],
  },
  {
    rule: "licence count",
    so: "a Cluster counts only what every node has",
    patches: [
      {
        file: "src/scheduling/packing/fleet.ts",
        find: "(name) => shape.amounts[name] ?? 0",
        replace: '(name) => (name === "licences" ? 0 : (shape.amounts[name] ?? 0))',
      },
    ],
  },
  {
    rule: "tasks that stay apart",
    so: "a Cluster puts a task beside those that it may not be with",
    patches: [
      {
        file: "src/scheduling/place/neighbours.ts",
        find: "if (this.has(facts, job, over, this.valueAt(node, over))) return true;",
        replace: "if (this.has(facts, job, over, this.valueAt(node, over))) return false;",
      },
    ],
  },
  {
    rule: "limit of a role in the round",
    so: "a round gives a role whatever is free",
    patches: [
      {
        file: "src/scheduling/shares/bounds.ts",
        find: "Math.floor((at(above.limit, r) - at(above.used, r)) / wanted)",
        replace: "1e6",
      },
    ],
  },
  {
    rule: "lending policy in the round",
    so: "a round gives others what an owner does not lend",
    patches: [
      {
        file: "src/scheduling/filling/where.ts",
        find: "Math.min(free, timesIn(demand, room.lendableLeft))",
        replace: "free",
      },
    ],
  },
  {
    rule: "gang all or nothing",
    so: "a Cluster hands a gang out but for its first task",
    patches: [
      {
        file: "src/cluster/gangPlaces.ts",
        find: "turn.give(job, index, hold.partition, places[i] as Place);",
        replace: "if (i > 0) turn.give(job, index, hold.partition, places[i] as Place);",
      },
    ],
  },
  {
    rule: "minRun",
    so: "what runs may be stopped for others at once",
    patches: [
      {
        file: "src/broker/grants.ts",
        find: "return { graceMs, minRunMs };",
        replace: "return { graceMs, minRunMs: 0 };",
      },
    ],
  },
  {
    rule: "grace before KILL",
    so: "a Cluster has everything killed at once that it stops",
    patches: [
      {
        file: "src/cluster/poll.ts",
        find: "graceMs: job.template.stopGraceMs, reason });",
        replace: "graceMs: 0, reason });",
      },
    ],
  },
  {
    rule: "grace before the deadline",
    so: "an agent tells what must end by its deadline five seconds before",
    patches: [
      {
        file: "agent/core/poll.ts",
        find: "attempt.deadlineMs - attempt.template.stopGraceMs - GUARD_MARGIN_MS",
        replace: "attempt.deadlineMs - GUARD_MARGIN_MS",
      },
    ],
  },
  {
    rule: "timeouts enforced",
    so: "an agent lets everything run as long as it likes",
    patches: [
      {
        file: "agent/core/poll.ts",
        find: "attempt.startedAtMs + timeoutMs",
        replace: "attempt.startedAtMs + 100 * timeoutMs",
      },
    ],
  },
  {
    rule: "retries counted",
    so: "a Cluster tries what failed again for ever",
    patches: [
      {
        file: "src/cluster/ends.ts",
        find: "blamed && !isMove && attemptsUsed > retryMax",
        replace: "blamed && !isMove && attemptsUsed > retryMax + 1",
      },
    ],
  },
  {
    rule: "a cancellation is final when nothing lives",
    so: "a Broker calls a job cancelled as soon as a person does",
    patches: [
      {
        file: "src/broker/book.ts",
        find: "if (terminalSize(terminal) < job.count || live) return null;",
        replace: 'if ((terminalSize(terminal) < job.count || live) && job.state !== "cancelling") return null;',
      },
    ],
  },
];
