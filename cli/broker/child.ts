/** A child process that is kept alive: when it ends unasked, its owner decides whether and when it starts again. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";

export interface ChildPlan {
  program: string;
  words: readonly string[];
  env: NodeJS.ProcessEnv;
  /** its stdout and stderr go to the end of this file; null: they are ours */
  log: string | null;
}

export interface ChildEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** how often it has ended soon after its start, this time included */
  quickEnds: number;
}

export interface ChildOwner {
  started(): void;
  /** @returns ms until it is started again; null: it stays down */
  ended(end: ChildEnd): number | null;
}

/** Who lived longer ended for a new reason, and is started again at once. */
const LIVED_WELL_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;
/** A log that has grown past this is begun anew when the child starts. */
const MAX_LOG_BYTES = 10 * 2 ** 20;

export const restartPauseMs = (quickEnds: number): number =>
  Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(10, quickEnds));

export const endText = ({ code, signal }: Pick<ChildEnd, "code" | "signal">): string =>
  signal === null ? `exit ${code}` : `signal ${signal}`;

/** Tells a process from a later one with the same number; null when it has ended, even if nobody has reaped it. */
export function startTicks(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  const grown = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES;
  return openSync(path, grown ? "w" : "a", 0o600);
}

export class Child {
  private readonly plan: ChildPlan;
  private readonly owner: ChildOwner;
  private process: ChildProcess | null = null;
  private quickEnds = 0;
  private startedAtMs = 0;
  private restart: NodeJS.Timeout | undefined;
  private stopping = false;
  private down: (() => void) | null = null;

  constructor(plan: ChildPlan, owner: ChildOwner) {
    this.plan = plan;
    this.owner = owner;
  }

  get pid(): number | null {
    return this.process?.pid ?? null;
  }

  /** In a group of its own, so that the terminal's Ctrl-C does not reach it before its owner has decided. */
  start(): void {
    clearTimeout(this.restart);
    const { program, words, env, log } = this.plan;
    const output = log === null ? 2 : openLog(log);
    const child = spawn(program, words, { env, detached: true, stdio: ["ignore", output, output] });
    if (output !== 2) closeSync(output);
    this.process = child;
    this.startedAtMs = performance.now();
    child.once("error", () => this.hasEnded(child, null, null));
    child.once("exit", (code, signal) => this.hasEnded(child, code, signal));
    if (child.pid !== undefined) this.owner.started();
  }

  private hasEnded(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.process !== child) return;
    this.process = null;
    if (this.stopping) {
      this.down?.();
      return;
    }
    const livedWell = performance.now() - this.startedAtMs > LIVED_WELL_MS;
    this.quickEnds = livedWell ? 0 : this.quickEnds + 1;
    const pauseMs = this.owner.ended({ code, signal, quickEnds: this.quickEnds });
    if (pauseMs !== null) this.restart = setTimeout(() => this.start(), pauseMs);
  }

  signal(signal: NodeJS.Signals): void {
    this.process?.kill(signal);
  }

  /** TERM, and KILL for the whole group when it is not down within `graceMs`; null: it may take its time. */
  async stop(graceMs: number | null): Promise<void> {
    this.stopping = true;
    clearTimeout(this.restart);
    const child = this.process;
    if (!child) return;
    const down = new Promise<void>((resolve) => {
      this.down = resolve;
    });
    child.kill("SIGTERM");
    const timer = graceMs === null ? undefined : setTimeout(() => killGroup(child.pid ?? null), graceMs);
    await down;
    clearTimeout(timer);
  }
}

export function killGroup(pid: number | null): void {
  if (pid === null) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // it has just ended
  }
}
