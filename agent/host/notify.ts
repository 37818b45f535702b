/**
 * What the service manager is told: that the agent is up, that its loop turns, that it is about to end. Neither Node nor
 * Bun has datagram sockets in the file system, so `systemd-notify` says it, and only where NOTIFY_SOCKET asks for it.
 */
import { spawn } from "node:child_process";
import type { Log } from "./log.ts";

const PROGRAM = "systemd-notify";

export interface Notifier {
  ready(status: string): void;
  /** the watchdog is fed from now on, while `turns()` */
  watch(turns: () => boolean): void;
  stopping(): void;
}

const SILENT: Notifier = { ready: () => {}, watch: () => {}, stopping: () => {} };

/** How often the service manager wants to hear from this process, at least; null: it does not. */
export function watchdogMs(environment: NodeJS.ProcessEnv, pid: number): number | null {
  const { WATCHDOG_USEC, WATCHDOG_PID } = environment;
  if (!WATCHDOG_USEC || (WATCHDOG_PID && Number(WATCHDOG_PID) !== pid)) return null;
  const ms = Number(WATCHDOG_USEC) / 1000;
  return Number.isFinite(ms) && ms > 0 ? ms : null;
}

export function makeNotifier(environment: NodeJS.ProcessEnv, pid: number, log: Log): Notifier {
  const { NOTIFY_SOCKET, PATH } = environment;
  if (!NOTIFY_SOCKET) return SILENT;
  let told = false;
  const say = (...words: string[]) => {
    const child = spawn(PROGRAM, words, { env: { PATH, NOTIFY_SOCKET }, stdio: "ignore" });
    child.on("error", (error) => {
      if (!told) log("error", `${PROGRAM} can't be run (${error.message}): the service manager will not know of us`);
      told = true;
    });
  };
  let feeding: NodeJS.Timeout | undefined;
  return {
    ready: (status) => say("READY=1", `STATUS=${status}`),
    watch(turns) {
      const everyMs = watchdogMs(environment, pid);
      if (everyMs === null) return;
      const feed = () => {
        if (turns()) say("WATCHDOG=1");
        else log("error", "the loop stands still; the service manager is not told that all is well");
      };
      feed();
      feeding = setInterval(feed, everyMs / 3);
      feeding.unref();
    },
    stopping() {
      clearInterval(feeding);
      say("STOPPING=1");
    },
  };
}
