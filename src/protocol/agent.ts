/**
 * The wire between an agent and its Cluster: one idempotent, level-triggered poll; see docs/protocol.md. An agent may be
 * newer than its broker: what it says that is not known here is passed over.
 */
import { z } from "zod";
import { NAME, TASK_ID } from "../model/ids.ts";
import type { Template } from "../model/job.ts";
import { MAX_PORT } from "../model/port.ts";
import { MAX_ATTRIBUTES, MAX_GPUS, MAX_RESOURCES } from "./limits.ts";

export { AGENT_PROTOCOL, MAX_WAIT_S } from "./limits.ts";

const int = z.int().min(0);
const task = z.string().regex(TASK_ID);
const atMost = (most: number, what: string) =>
  [
    (record: Record<string, unknown>) => Object.keys(record).length <= most,
    { error: `names more than ${most} ${what}` },
  ] as const;
const attributes = z
  .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,62}$/), z.string().max(256))
  .refine(...atMost(MAX_ATTRIBUTES, "attributes"));
const amounts = z
  .record(z.string().max(63), int.max(2 ** 43))
  .refine(...atMost(MAX_RESOURCES, "resources"))
  .refine(({ gpus = 0 }) => gpus <= MAX_GPUS * 1000, {
    path: ["gpus"],
    error: `is more than ${MAX_GPUS} gpus: amounts are in thousandths`,
  });
const port = z.int().min(1).max(MAX_PORT);
const ports = z
  .array(z.tuple([port, port]))
  .max(100)
  .refine((ranges) => ranges.every(([from, to]) => from <= to), {
    error: "has a range whose last port is before its first",
  })
  .refine((ranges) => ranges.every(([from], i) => ranges.every(([a, b], j) => i === j || from < a || from > b)), {
    error: "names a port twice",
  });

/** What a node has and what it accepts; sent with the first poll of a session and when it changes. */
export const inventorySchema = z
  .object({
    capacity: amounts,
    attributes,
    /** roles whose tasks it runs; absent: every role */
    roles: z.array(z.string().max(63)).max(100).optional(),
    drivers: z.array(z.string().max(63)).max(20),
    /** first and last of each range that tasks may use; as many as `capacity.ports` says */
    ports: ports.optional(),
    version: z.string().max(63),
  })
  .refine(({ ports: ranges = [], capacity }) => ranges.length === 0 || capacity.ports === 1000 * countOf(ranges), {
    path: ["capacity", "ports"],
    error: "is another number of ports than the ranges in `ports` have",
  });
const countOf = (ranges: readonly (readonly [number, number])[]): number =>
  ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
export type Inventory = z.infer<typeof inventorySchema>;

export const joinRequestSchema = z.object({
  name: z.string().regex(NAME).describe("Wished for; a number is added when another node has it."),
  key: z.string().min(16).max(64).describe("Random; a repeated join with the same key is the same node."),
});
export type JoinRequest = z.infer<typeof joinRequestSchema>;
export interface JoinReply {
  league: string;
  cluster: string;
  node: string;
  credential: string;
}

const outputSchema = z.object({ size: int, crc32: int, dropped: int });
export type StreamEnd = z.infer<typeof outputSchema>;

const UPDATE_REASONS = [
  "exit",
  "signal",
  "out-of-memory",
  "timeout",
  "deadline",
  "cancelled",
  "refused",
  "start-failed",
  "rebooted",
  "vanished",
  "shutdown",
  "node-fault",
] as const;

export const updateSchema = z.object({
  uuid: z.string().min(8).max(64),
  task,
  epoch: int,
  state: z.enum(["succeeded", "failed", "cancelled", "refused"]),
  code: z.int().min(0).max(255).optional(),
  signal: z.string().max(20).optional(),
  reason: z
    .string()
    .max(63)
    // A later agent has more words: then the state alone says how it ended.
    .transform((word) => UPDATE_REASONS.find((reason) => reason === word))
    .optional()
    .describe(`One of ${UPDATE_REASONS.join(", ")}; any other counts as none.`),
  message: z.string().max(1000).optional(),
  /** how long it ran, on the node's own clock */
  ranMs: int.optional(),
  /** final sizes of the streams; a stream of size 0 is never uploaded */
  stdout: outputSchema.optional(),
  stderr: outputSchema.optional(),
});
export type Update = z.infer<typeof updateSchema>;

export const pollRequestSchema = z.object({
  /** rises by one at each start of the agent, journaled */
  session: int,
  /** random per start: two agents with one state folder show themselves by it */
  nonce: z.string().min(8).max(64),
  /** rises by one with each poll of a session */
  seq: int,
  /** the kernel's boot id */
  boot: z.string().max(64),
  inventory: inventorySchema.optional(),
  /** every attempt that is accepted and not yet reported as ended, started or not */
  running: z.array(z.tuple([task, int])).max(10_000),
  updates: z.array(updateSchema).max(1000),
  /** reasons to place nothing new here, e.g. `disk`, `draining`, `no-guard`, `start-failed` */
  pressure: z.array(z.string().max(63)).max(10),
});
export type PollRequest = z.infer<typeof pollRequestSchema>;

/** `rejoin`: another agent uses this credential, or it is not valid any more; `gone`: the node was removed. */
export type Action = "run" | "pause" | "drain" | "rejoin" | "gone";

export interface Assignment {
  task: string;
  epoch: number;
  item: string | null;
  /** retries used before; of what the node may go on with by itself */
  used?: number;
  /** of the node's gpus, by number */
  devices?: readonly number[];
  /** fixed ones first, then those that may be any */
  ports?: readonly number[];
}
export interface Stop {
  task: string;
  epoch: number;
  graceMs: number;
  reason: StopReason;
}
/** `reclaimed`: another has a better right to its place; `drained`: its node shall be empty; both are tried again elsewhere */
export type StopReason = "cancelled" | "timeout" | "superseded" | "unknown" | "reclaimed" | "drained" | "gang";

export interface PollReply {
  /** echo: the agent drops a reply that is not to its newest request */
  session: number;
  seq: number;
  /** echo: sessions begin anew with an empty journal; absent: a Cluster of an earlier version answers */
  nonce?: string;
  /** `task@epoch` of each attempt that may run on until the sending time of this poll + its stopAfter */
  renews: string[];
  /** templates of the jobs that `assignments` name */
  jobs: Record<string, Template>;
  assignments: Assignment[];
  stops: Stop[];
  /** uuids of updates that are stored */
  acked: string[];
  /** `task@epoch` of attempts whose output a person follows now */
  follows: string[];
  /** the agent polls again no later than this after the reply */
  nextPollMs: number;
  action: Action;
  /** the Cluster has no inventory of this session: send it with the next poll */
  wantInventory: boolean;
  credential?: string;
}
