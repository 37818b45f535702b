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

/** @returns by key, the boot in which each attempt was accepted that has no end in the journal */
export function openAttempts(records: readonly JournalRecord[]): Map<string, string> {
  const open = new Map<string, string>();
  for (const record of records) {
    if (record.type === "accept") open.set(record.key, record.boot);
    else if (record.type !== "session") open.delete(record.key);
  }
  return open;
}
