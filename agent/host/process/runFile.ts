/**
 * The `run` file of an attempt: what its shim writes down, so that its exit status outlives the agent.
 *
 *     cgroup NAME                the agent's line, always the first; `-` when there is none
 *     start PID UPTIME BOOT      before the command
 *     late UPTIME                instead of it: the deadline had passed
 *     exit CODE UPTIME           after it
 *
 * Of a container it has `container -` in place of the first, and the second is the agent's too.
 *
 * Any other line is the shell's own word, e.g. `Killed` in front of `exit 137`. The agent opened the file and the
 * command does not inherit it, so a task can't write to it.
 */
import { constants } from "node:os";
import { parseUptime } from "../clock.ts";

export interface Run {
  cgroup: string | null;
  start: { pid: number; upMs: number; boot: string } | null;
  late: boolean;
  exit: { code: number; signal: string | null; upMs: number } | null;
  /** what the shell had to say */
  message: string;
}

const NO_CGROUP = "-";
export const cgroupLine = (name: string | null): string => `cgroup ${name ?? NO_CGROUP}\n`;

/** The first line of a container's: the guard then knows what it has to end by its folder, too. */
export const CONTAINER_LINE = "container -\n";
/** @param pid of a container's first process */
export const startLine = (pid: number, upMs: number, boot: string): string =>
  `start ${pid} ${Math.floor(upMs / 1000)}.${String(Math.floor((upMs % 1000) / 10)).padStart(2, "0")} ${boot}\n`;

const SIGNAL_NAMES = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
/** What a shell adds to the number of the signal that ended a command. */
const SIGNAL_BASE = 128;

export function parseRun(text: string): Run {
  const run: Run = { cgroup: null, start: null, late: false, exit: null, message: "" };
  const words: string[] = [];
  let spoke = false;
  // a line without its end was being written when the machine stopped
  for (const line of text.split("\n").slice(0, -1)) {
    const cgroup = /^cgroup (\S+)$/.exec(line)?.[1];
    const start = /^start (\d+) (\d+\.\d\d) (\S+)$/.exec(line);
    const exit = /^exit (\d+) (\d+\.\d\d)$/.exec(line);
    if (cgroup) run.cgroup ??= cgroup === NO_CGROUP ? null : cgroup;
    else if (`${line}\n` === CONTAINER_LINE) continue;
    else if (start) {
      const [, pid = "", up = "", boot = ""] = start;
      run.start ??= { pid: Number(pid), upMs: parseUptime(up), boot };
      spoke = false;
    } else if (exit) {
      const [, code = "", up = ""] = exit;
      run.exit ??= { ...statusOf(Number(code), spoke), upMs: parseUptime(up) };
    } else if (/^late /.test(line)) run.late = true;
    else {
      words.push(line);
      spoke = true;
    }
  }
  return { ...run, message: words.join("\n") };
}

/**
 * A command that ended by a signal and one that said `exit 137` leave the same number; but of the former the shell says
 * so in words (save for INT and PIPE, which then look like an exit).
 */
function statusOf(code: number, shellSpoke: boolean): { code: number; signal: string | null } {
  const signal = shellSpoke && code > SIGNAL_BASE ? SIGNAL_NAMES.get(code - SIGNAL_BASE) : undefined;
  return { code, signal: signal ?? null };
}
