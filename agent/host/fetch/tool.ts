/**
 * A program of this machine that works on a task's files before the task starts: as the task's user, in a folder that
 * is not yet to be reached by its name, and no longer than the agent lives or wants it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { FileHandle } from "node:fs/promises";
import { createInterface } from "node:readline";
import { SHELL, TASK_PATH } from "../process/environment.ts";
import type { User } from "../process/user.ts";

/** Of what it complains about so much is told. */
const MOST_WORDS = 300;
/** Unpacking may not take the machine's memory. */
const XZ_MEMORY = "--memlimit-decompress=512MiB";
/** Its own group ends with the other end of descriptor 3, which is the agent's. When memory runs out it goes first. */
const SCRIPT = `umask 022
{ echo 500 >/proc/self/oom_score_adj; } 2>/dev/null
{ read -r _ <&3; kill -s KILL 0; } >/dev/null 2>&1 &
exec 3<&-
"$@"
code=$?
kill "$!"
exit "$code"
`;
const NOT_FOUND = 127;

export interface Tool {
  argv: readonly [string, ...string[]];
  cwd: string;
  user: User;
  stdin?: FileHandle;
  /** where its output goes: to a file, */
  stdout?: FileHandle;
  /** or line by line, */
  line?: (line: string) => void;
  /** or as it comes, read from the call on: what nobody reads when it ends is lost */
  read?: (stdout: AsyncIterable<Uint8Array>) => Promise<void>;
  /** its code 1 is not a failure */
  mayWarn?: boolean;
}

/** @throws when it is missing, or says that it failed, in its words; or what the signal was aborted with */
export async function runTool(tool: Tool, signal: AbortSignal): Promise<void> {
  const { argv, cwd, user, stdin = null, stdout = null, line, read, mayWarn = false } = tool;
  signal.throwIfAborted();
  const isRead = line !== undefined || read !== undefined;
  const child = spawn(SHELL, ["-c", SCRIPT, "hansa-fetch", ...argv], {
    cwd,
    env: { PATH: TASK_PATH, LC_ALL: "C.UTF-8", XZ_DEFAULTS: XZ_MEMORY },
    detached: true,
    stdio: [stdin?.fd ?? "ignore", isRead ? "pipe" : (stdout?.fd ?? "ignore"), "pipe", "pipe"],
    ...user.ids,
  });
  const stop = () => killGroup(child);
  signal.addEventListener("abort", stop, { once: true });
  try {
    const closed = once(child, "close");
    // told by its end
    child.stdio[3]?.on("error", () => {});
    let words = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (words.length < MOST_WORDS) words += text;
    });
    try {
      if (line && child.stdout) for await (const one of createInterface({ input: child.stdout })) line(one);
      else if (read && child.stdout) await read(child.stdout);
    } catch (error) {
      stop();
      await closed.catch(() => {});
      throw error;
    }
    const [code, ended] = await closed;
    signal.throwIfAborted();
    if (code === 0 || (mayWarn && code === 1)) return;
    const missing = code === NOT_FOUND ? argv[0] : /(\S+): Cannot exec/.exec(words)?.[1];
    if (missing) throw new Error(`it needs ${missing}, which this node does not have`);
    throw new Error(wordsOf(words) || `${argv[0]} ended with ${ended ?? code}`);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // it is over
  }
}

const wordsOf = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .join("; ")
    .slice(0, MOST_WORDS);
