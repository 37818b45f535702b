/**
 * The agent's core as data: what it knows, what can happen to it, and what it wants done. The host around it reads
 * clocks, speaks HTTP and starts processes; the simulator is another host.
 */
import type { Template } from "../../src/model/job.ts";
import type { Inventory, PollReply, PollRequest, Update } from "../../src/protocol/agent.ts";

/** One try at a task on this node. */
export interface Attempt {
  readonly key: string;
  readonly task: string;
  readonly epoch: number;
  readonly item: string | null;
  /** of the node's gpus, by number */
  readonly devices: readonly number[];
  readonly ports: readonly number[];
  /** retries used before it; null: the node does not go on with it by itself */
  readonly used: number | null;
  /** the epoch that this node went on from by itself; null: it is the Cluster's hand-out */
  readonly after: number | null;
  readonly template: Template;
  /** boot in which it was accepted */
  readonly boot: string;
  /** on which it was accepted, and its folder; null: not known */
  readonly machine: string | null;
  /** `accepted`: journaled, waits for a reply that names it · `starting`: handed to the driver · `ended`: its end is journaled, not yet acked */
  readonly phase: "accepted" | "starting" | "running" | "stopping" | "ended";
  /** boot-time ms when it must be dead; null: `disconnect: keep` */
  readonly deadlineMs: number | null;
  /** boot-time ms before which it does not start: the pause after a failure */
  readonly notBeforeMs: number;
  /** boot-time ms when it starts without a reply that names it; null: never */
  readonly aloneAtMs: number | null;
  /** boot-time ms */
  readonly startedAtMs: number | null;
  /** why it is being stopped */
  readonly stopReason: "cancelled" | "timeout" | "deadline" | "shutdown" | null;
  /** set when ended */
  readonly end: Update | null;
}

/** How a process ended, as the driver says it. */
export interface Exit {
  code: number | null;
  signal: string | null;
  /** how long it ran, if the driver knows better than the core (a start before this session) */
  ranMs?: number;
  /** the process is gone and left no exit status */
  vanished?: boolean;
  /** the guard ended it */
  byGuard?: boolean;
  /** the kernel ended a process of it, because it took more memory than it may */
  oom?: { limitBytes: number };
  stdout: { size: number; crc32: number; dropped: number };
  stderr: { size: number; crc32: number; dropped: number };
}

/** A line of the journal; each is on disk before the act it allows. */
export type JournalRecord =
  | { type: "session"; session: number; boot: string }
  | (Pick<Attempt, "key" | "task" | "epoch" | "item" | "template" | "boot"> & {
      type: "accept";
      /** absent: none */
      devices?: readonly number[];
      ports?: readonly number[];
      used?: number;
      machine?: string;
      /** in one write with the end of that epoch */
      after?: number;
    })
  /** the end of an attempt: repeated to the Cluster until acked */
  | { type: "end"; key: string; update: Update }
  | { type: "forget"; key: string };

export interface AgentState {
  session: number;
  nonce: string;
  boot: string;
  /** tells this machine and this data folder from any copy; null where nothing does */
  machine: string | null;
  seq: number;
  /** the newest request while its reply is awaited; a held one may be superseded by a newer */
  inFlight: { seq: number; sentAtMs: number; held: boolean; inventoryRev: number } | null;
  attempts: ReadonlyMap<string, Attempt>;
  /** null: what this machine has is not known yet, and nothing is taken */
  inventory: Inventory | null;
  inventoryRev: number;
  /** newest inventory that the Cluster has answered to */
  inventorySentRev: number;
  /** reasons of the host's own to take nothing new */
  pressure: readonly string[];
  /** boot-time ms; a poll is due at or after it */
  nextPollAtMs: number;
  /** polls that failed in a row, and how many of those said that the credential is refused */
  failures: number;
  rejections: number;
  action: PollReply["action"];
  /** there is something to say: a held poll is overtaken */
  urgent: boolean;
  /** the wake socket is open */
  wakeable: boolean;
  /** a wake came while a poll was in flight, whose reply may not know of what it was for */
  woken: boolean;
  /** a live guard was seen: without one nothing starts */
  guarded: boolean;
  /** until then it takes nothing, as it could not start something through no fault of that; null: it does */
  restsUntilMs: number | null;
  /** what survived an earlier session is known: before that nothing is said */
  recovered: boolean;
  /** the host wants to leave: everything is being stopped */
  leaving: boolean;
  /** keys that the broker said in its last answer not to know: it must say so twice in a row */
  doubted: ReadonlySet<string>;
  /** keys whose output is followed */
  follows: readonly string[];
}

/** What the driver finds of an attempt after a restart of the agent. */
export type Found =
  /** `startedAtMs`: boot time, as its shim wrote it down */
  | { is: "running"; startedAtMs?: number }
  | { is: "never-started" }
  /** it ran in an earlier boot of the machine */
  | { is: "other-boot" }
  | { is: "ended"; exit: Exit };

export type AgentEvent =
  /** first event of a session; `deadlineMs`: what the guard's file says, null if it does not name it */
  | { type: "recovered"; attempts: { key: string; found: Found; deadlineMs: number | null }[] }
  | { type: "reply"; reply: PollReply }
  /** `retryAfterMs` from the server wins over our own backoff. `rejected`: the broker itself refuses the credential. `superseded`: a newer poll ended the hold */
  | { type: "no-reply"; seq: number; retryAfterMs: number | null; rejected: boolean }
  | { type: "started"; key: string }
  /** `nodeFault`: the task is not to blame */
  | { type: "start-failed"; key: string; message: string; nodeFault?: boolean }
  | { type: "exited"; key: string; exit: Exit }
  | { type: "tick" }
  /** the broker says that there is something to poll for */
  | { type: "wake" }
  | { type: "wake-socket"; open: boolean }
  | { type: "guard"; alive: boolean }
  | { type: "pressure"; pressure: readonly string[] }
  | { type: "inventory"; inventory: Inventory }
  /** stop every attempt and report it; the host exits when `nothingLeft(state)` or when it is tired of waiting */
  | { type: "leave" };

/** In order; those after a `journal` only when it is on disk. */
export type AgentEffect =
  | { type: "journal"; records: JournalRecord[] }
  | { type: "send"; request: PollRequest; waitS: number }
  /** for the guard, before any start that follows: the whole set of attempts that may run */
  | { type: "deadlines"; deadlines: Deadline[] }
  | { type: "start"; attempt: Attempt }
  | { type: "stop"; key: string; graceMs: number }
  /** an attempt that runs from before a restart: tell when it ends */
  | { type: "watch"; key: string }
  | { type: "follow"; keys: readonly string[] }
  /** its end is acked: remove what it left on this node once its output is uploaded */
  | { type: "forget"; key: string }
  | { type: "credential"; credential: string }
  /** end the agent, tasks live on until their deadlines */
  | { type: "exit"; code: 5; message: string };

/** boot-time ms; `deadlineMs: null`: `disconnect: keep`, the guard only watches over it by name */
export interface Deadline {
  key: string;
  termAtMs: number | null;
  deadlineMs: number | null;
  /** how long an attempt may run unrenewed: by how much a stored deadline may lag */
  stopAfterMs: number | null;
}
