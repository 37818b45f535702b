/** What the daemon says of a container, read as far as it matters here, and what that means. Pure. */
import { constants } from "node:os";
import type { Exit } from "../../core/types.ts";

export interface Inspected {
  id: string;
  labels: Readonly<Record<string, string>>;
  /** `created`: it has not run */
  stage: "created" | "running" | "ended";
  /** of its first process, on this machine; 0 when it does not run */
  pid: number;
  code: number;
  oomKilled: boolean;
  /** how long it ran by the daemon's clock; null when that can't be read */
  ranMs: number | null;
  /** 0: no limit */
  memoryBytes: number;
}

const NOT_YET = new Set(["created", "configured", "initialized"]);
const OVER = new Set(["exited", "stopped", "dead", "removing"]);

/** @param said what `/containers/NAME/json` answers @returns null when it is nothing of that kind */
export function readInspected(said: unknown): Inspected | null {
  const { Id, State, Config, HostConfig } = fieldsOf(said);
  if (typeof Id !== "string" || typeof State !== "object" || State === null) return null;
  const { Status, Pid, ExitCode, OOMKilled, StartedAt, FinishedAt } = fieldsOf(State);
  const stage = NOT_YET.has(String(Status)) ? "created" : OVER.has(String(Status)) ? "ended" : "running";
  return {
    id: Id,
    labels: Object.fromEntries(
      Object.entries(fieldsOf(fieldsOf(Config).Labels)).map(([name, value]) => [name, String(value)]),
    ),
    stage,
    pid: stage === "running" ? numberOf(Pid) : 0,
    code: numberOf(ExitCode),
    oomKilled: OOMKilled === true,
    ranMs: betweenMs(StartedAt, FinishedAt),
    memoryBytes: numberOf(fieldsOf(HostConfig).Memory),
  };
}

const fieldsOf = (said: unknown): Record<string, unknown> =>
  typeof said === "object" && said !== null ? (said as Record<string, unknown>) : {};
const numberOf = (said: unknown): number => (typeof said === "number" ? said : 0);

/** Both are one machine's; Podman writes down the end first when they are close. */
function betweenMs(from: unknown, to: unknown): number | null {
  const [start, end] = [from, to].map((at) => Date.parse(String(at).replace(/(\.\d{3})\d+/, "$1")));
  if (start === undefined || end === undefined || !Number.isFinite(start) || !Number.isFinite(end)) return null;
  return start < 0 || end < 0 ? null : Math.max(0, end - start);
}

const SIGNAL_BASE = 128;
const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** Who ended it or what it had started, as the marks in the attempt's folder and the kernel's log tell. */
export interface Enders {
  guard: boolean;
  /** a process of it, perhaps not the first */
  kernelForMemory: boolean;
}

/**
 * The daemon tells a signal and `exit 137` by the same number. It is taken for the signal, which it is nearly always.
 */
export function exitOf(inspected: Inspected, enders: Enders): Pick<Exit, "code" | "signal" | "oom" | "byGuard"> {
  const { code, oomKilled, memoryBytes } = inspected;
  const also = {
    ...((oomKilled || enders.kernelForMemory) && { oom: { limitBytes: memoryBytes } }),
    ...(enders.guard && { byGuard: true }),
  };
  const signal = code > SIGNAL_BASE ? SIGNALS.get(code - SIGNAL_BASE) : undefined;
  return signal === undefined ? { code, signal: null, ...also } : { code: null, signal, ...also };
}
