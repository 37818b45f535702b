/**
 * The shell between the agent and a task. It lives as long as the task and needs no agent: it joins the cgroup, writes
 * down who it is, refuses to start past the deadline, and writes down how the command ended. Only builtins, because
 * every exec costs a millisecond.
 *
 * Descriptors: 1 the task's stdout · 2 the `run` file · 3 the task's stderr · 4 `cgroup.procs` of the attempt.
 * Arguments: boot id · deadline in 1/100 s of uptime or "" · working folder · number of NAME=VALUE · these · command.
 */

import { argvOf } from "../../../src/model/command.ts";
import type { Attempt } from "../../core/types.ts";

const SHELL = "/bin/sh";
/** The attempt's own folder in the folder the shim starts in. */
export const WORK_FOLDER = "work";
export const RUN_FILE = "run";
/** What a shell says for a command that it found and could not run; here also for a folder that can't be entered. */
const CANNOT_RUN = 126;

export interface ShimOptions {
  cgroup: boolean;
  /** the agent is protected from the out-of-memory killer; its tasks must not be */
  resetOomScore: boolean;
}

/**
 * The command runs in a subshell of its own, though a direct call would save a fork: only so the word of the shell that
 * tells a signal from an exit goes to the `run` file, and `exec` takes no word for a builtin.
 */
export function shimText({ cgroup, resetOomScore }: ShimOptions): string {
  const closeOwn = `3>&-${cgroup ? " 4>&-" : ""}`;
  return `trap : HUP INT QUIT TERM USR1 USR2 ALRM
umask 022
${resetOomScore ? "echo 0 >/proc/$$/oom_score_adj\n" : ""}${cgroup ? "echo 0 >&4 || exit 1\n" : ""}read -r _up _ </proc/uptime
echo "start $$ $_up $1" >&2
[ -e ${RUN_FILE} ] || exit 0
if [ -n "$2" ] && [ "\${_up%.*}\${_up#*.}" -ge "$2" ]; then echo "late $_up" >&2; exit 0; fi
_cwd=$3 _n=$4
shift 4
(
  exec 2>&3 ${closeOwn}
  cd "$_cwd" || exit ${CANNOT_RUN}
  unset OLDPWD
  while [ "$_n" -gt 0 ]; do export "$1"; shift; _n=$((_n - 1)); done
  exec "$@"
)
_code=$?
read -r _up _ </proc/uptime
echo "exit $_code $_up" >&2
`;
}

/** @returns what follows `sh -c TEXT sh` */
export function shimArguments(attempt: Pick<Attempt, "template" | "item" | "deadlineMs">, boot: string): string[] {
  const { template, item, deadlineMs } = attempt;
  const command = argvOf(template.command, item);
  const environment = Object.entries(template.env)
    .filter(([name]) => !name.startsWith("HANSA_"))
    .map(([name, value]) => `${name}=${value}`);
  return [
    boot,
    deadlineMs === null ? "" : String(Math.floor(deadlineMs / 10)),
    template.cwd ?? WORK_FOLDER,
    String(environment.length),
    ...environment,
    ...command,
  ];
}

export interface Place {
  league: string;
  cluster: string;
  node: string;
}

/** What every task finds in its environment; the job's own is added by the shim, and can't change `HANSA_*`. */
export function baseEnvironment(
  attempt: Pick<Attempt, "task" | "epoch" | "item">,
  place: Place,
  home: string,
  user: string,
): Record<string, string> {
  const dot = attempt.task.lastIndexOf(".");
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: home,
    USER: user,
    LOGNAME: user,
    SHELL,
    LANG: "C.UTF-8",
    HANSA_LEAGUE: place.league,
    HANSA_CLUSTER: place.cluster,
    HANSA_NODE: place.node,
    HANSA_JOB: attempt.task.slice(0, dot),
    HANSA_INDEX: attempt.task.slice(dot + 1),
    HANSA_TASK: attempt.task,
    HANSA_EPOCH: String(attempt.epoch),
    ...(attempt.item !== null && { HANSA_ITEM: attempt.item }),
  };
}
