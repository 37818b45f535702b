/**
 * The agent's core as data: what it knows, what can happen to it, and what it wants done. The host around it reads
 * clocks, speaks HTTP and starts processes; the simulator is another host.
 */
import type { Template } from "../../src/model/job.ts";
import type { Inventory, PollReply, PollRequest, Update } from "../../src/protocol/agent.ts";

/** One try at a task on this node. */
export interface Attempt {
  key: string;
  task: string;
  epoch: number;
  item: string | null;
  template: Template;
  /** `accepted`: journaled, not started · `starting`: handed to the driver · `running` · `stopping` · `ended`: terminal update journaled, not yet acked */
  phase: "accepted" | "starting" | "running" | "stopping" | "ended";
  /** boot-time ms when it must be dead; null: `disconnect: keep` */
  deadlineMs: number | null;
  /** boot-time ms when the job's timeout ends it */
  timeoutAtMs: number | null;
  startedAtMs: number | null;
  /** why it is being stopped */
  stopReason: "cancelled" | "timeout" | "deadline" | null;
  /** oldest first; the first is in flight until acked */
  updates: Update[];
}

/** How a process ended, as the driver says it. */
export interface Exit {
  code: number | null;
  signal: string | null;
  /** the process is gone and left no exit status */
  vanished?: boolean;
  /** the guard ended it */
  byGuard?: boolean;
  stdout: { size: number; crc32: number; dropped: number };
  stderr: { size: number; crc32: number; dropped: number };
}

/** A line of the journal. `attempt` and `update` come before the act they allow. */
export type JournalRecord =
  | { type: "session"; session: number; boot: string }
  | { type: "accept"; key: string; task: string; epoch: number; item: string | null; template: Template; boot: string }
  | { type: "update"; key: string; update: Update }
  | { type: "ack"; key: string; uuid: string }
  | { type: "forget"; key: string };

export interface AgentState {
  session: number;
  nonce: string;
  boot: string;
  seq: number;
  /** sending time (boot-time ms) of the newest request, while its reply is awaited */
  inFlight: { seq: number; sentAtMs: number; inventoryRev: number; updates: string[] } | null;
  attempts: Map<string, Attempt>;
  inventory: Inventory;
  inventoryRev: number;
  /** newest inventory that the Cluster has answered to */
  inventorySentRev: number;
  pressure: string[];
  /** boot-time ms; a poll is due at or after it */
  nextPollAtMs: number;
  /** there is something to say: poll with wait=0 */
  urgent: boolean;
  failures: number;
  action: PollReply["action"];
  /** `roles`, `drivers` this node accepts; null: any role */
  accepts: { roles: string[] | null; drivers: string[] };
  /** false while the guard is not seen alive: then nothing starts */
  guarded: boolean;
}

export type AgentEvent =
  /** first event after a start: what the journal says, in order, and what the driver found of it */
  | { type: "recovered"; attempts: { key: string; found: "running" | "never-started" | "gone" | Exit }[] }
  | { type: "reply"; seq: number; reply: PollReply }
  /** `retryAfterMs` from the server wins over our own backoff. `rejected`: the credential is refused */
  | { type: "no-reply"; seq: number; retryAfterMs: number | null; rejected: boolean }
  | { type: "started"; key: string }
  | { type: "start-failed"; key: string; message: string }
  | { type: "exited"; key: string; exit: Exit }
  | { type: "tick" }
  | { type: "guard"; alive: boolean }
  | { type: "pressure"; pressure: string[] }
  | { type: "inventory"; inventory: Inventory };

/** In order; those after a `journal` only when it is on disk. */
export type AgentEffect =
  | { type: "journal"; records: JournalRecord[] }
  | { type: "send"; request: PollRequest; waitS: number }
  /** deadlines go to the guard before any start: `key → deadline and TERM time`, the whole set */
  | { type: "deadlines"; deadlines: { key: string; deadlineMs: number; termAtMs: number }[] }
  | { type: "start"; key: string; attempt: Attempt }
  | { type: "stop"; key: string; graceMs: number }
  | { type: "kill"; key: string }
  /** ask the driver to watch an attempt that runs from before */
  | { type: "watch"; key: string }
  | { type: "follow"; keys: string[] }
  /** terminal update acked: remove what the attempt left on this node once its output is uploaded */
  | { type: "forget"; key: string }
  | { type: "credential"; credential: string }
  | { type: "exit"; code: 0 | 5; message: string };
