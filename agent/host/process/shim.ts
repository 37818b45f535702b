/**
 * The shell between the agent and a task. It lives as long as the task and needs no agent: it joins its cgroup, waits
 * for its task, writes down who it is, refuses to start past the deadline, writes down how the command ended, and waits
 * for the next. Only builtins, because every exec costs a millisecond.
 *
 * Shims are started ahead of their tasks and kept for more: a start costs the agent a fork of itself, to enter a cgroup
 * takes the kernel some 8 ms of waiting, and a shell 2 ms to come up. What it has to do comes as text on descriptor 0,
 * which it reads in blocks; the end of it (the agent is gone) ends the shim, after the task that it has.
 *
 * Descriptors: 0 from the agent · 1 the task's stdout · 2 the `run` file · 3 the task's stderr · 4 to the agent, a line
 * for each task that is over · 5 and up `cgroup.procs`, one for each tree that the task is in.
 */

import { argvOf, shellQuote } from "../../../src/model/command.ts";
import type { Attempt } from "../../core/types.ts";
import { type Named, SHELL, taskEnvironment } from "./environment.ts";

/** The attempt's own folder in the folder the shim starts in. */
export const WORK_FOLDER = "work";
export const RUN_FILE = "run";
/** Its descriptor to the agent. */
export const CHANNEL = 4;
/** What a shell says for a command that it found and could not run; here also for a folder that can't be entered. */
const CANNOT_RUN = 126;

/** Its first descriptor of a cgroup. */
const FIRST_CGROUP = 5;
/** When memory runs out a task goes before its shim and before the agent. Only more can be asked for without rights. */
const TASK_OOM_SCORE = 500;

export interface ShimOptions {
  /** how many cgroups it enters */
  cgroups: number;
  /** the agent is protected from the out-of-memory killer; its tasks must not be */
  resetOomScore: boolean;
}

/**
 * Its first words; argument: boot id. The command runs in a subshell: so the word of the shell that tells a signal from
 * an exit goes to the `run` file, `exec` takes no word for a builtin, and nothing of one task is left for the next. The
 * text of the task says where descriptors 2 and 3 go.
 */
export function shimText({ cgroups, resetOomScore }: ShimOptions): string {
  const enter = Array.from({ length: cgroups }, (_, i) => FIRST_CGROUP + i)
    .map((fd) => `echo 0 >&${fd} || exit 1\nexec ${fd}>&-\n`)
    .join("");
  return `trap : HUP INT QUIT TERM USR1 USR2 ALRM
umask 022
${resetOomScore ? "echo 0 >/proc/$$/oom_score_adj\n" : ""}${enter}task() {
read -r _up _ </proc/uptime
echo "start $$ $_up $_boot" >&2
[ -e ${RUN_FILE} ] || exit 0
if [ "$1" != - ] && [ "\${_up%.*}\${_up#*.}" -ge "$1" ]; then echo "late $_up" >&2; exit 0; fi
(exec </dev/null ${CHANNEL}>&-; { echo ${TASK_OOM_SCORE} >/proc/self/oom_score_adj; } 2>/dev/null; eval "$2")
_code=$?
read -r _up _ </proc/uptime
echo "exit $_code $_up" >&2
echo >&${CHANNEL}
}
_boot=$1
`;
}

/**
 * What gives a shim its task, with the deadline in 1/100 s of uptime. The braces: of a text that breaks off the shell
 * runs nothing. The task is one word, because some shells repeat the text of a command that a signal ended.
 */
export function taskText({ deadlineMs }: Pick<Attempt, "deadlineMs">, line: string): string {
  const deadline = deadlineMs === null ? "-" : Math.floor(deadlineMs / 10);
  return `{ task ${deadline} ${shellQuote(line)}; }\n`;
}

/** The task in words of shell: its environment, its folder, and its command in place of the shell. */
export function jobLine(attempt: Named, home: string, hidesGpus: boolean): string {
  const { template, item } = attempt;
  const environment = taskEnvironment(attempt, home, hidesGpus);
  const exports = Object.entries(environment).map(([name, value]) => `export ${name}=${shellQuote(value)}`);
  const [command = SHELL, ...rest] = argvOf(template.command, item);
  // the shell by its path, so that it is not looked for; and `cd -P`, because the folder has got its name only now
  const argv = [typeof template.command === "string" ? SHELL : command, ...rest];
  const enter = template.cwd === null ? `cd -P ${WORK_FOLDER}` : `cd ${shellQuote(template.cwd)}`;
  return [
    "exec 2>&3 3>&-",
    ...exports,
    `${enter} || exit ${CANNOT_RUN}`,
    "unset OLDPWD",
    `exec ${argv.map(shellQuote).join(" ")}`,
  ].join("; ");
}
