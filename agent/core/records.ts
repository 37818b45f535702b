/** An attempt as the journal has it, and as it is until something is known of it. */
import type { Attempt, JournalRecord } from "./types.ts";

export type AcceptRecord = Extract<JournalRecord, { type: "accept" }>;

export function acceptRecord(attempt: Attempt): AcceptRecord {
  const { key, task, epoch, item, template, boot, devices, ports, used, machine, after } = attempt;
  return {
    ...{ type: "accept", key, task, epoch, item, template, boot },
    ...(devices.length > 0 && { devices }),
    ...(ports.length > 0 && { ports }),
    ...(used !== null && { used }),
    ...(used !== null && machine !== null && { machine }),
    ...(after !== null && { after }),
  };
}

export function acceptedAttempt({ type: _, devices, ports, used, machine, after, ...identity }: AcceptRecord): Attempt {
  return {
    ...identity,
    devices: devices ?? [],
    ports: ports ?? [],
    used: used ?? null,
    machine: machine ?? null,
    after: after ?? null,
    phase: "accepted",
    deadlineMs: null,
    notBeforeMs: 0,
    aloneAtMs: null,
    startedAtMs: null,
    stopReason: null,
    end: null,
  };
}
