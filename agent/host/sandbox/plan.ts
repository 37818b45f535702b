/**
 * The sandbox driver's plan of a command: namespaces of its own for processes and mounts, the machine read-only, no
 * privileges and no way to get any. Needs util-linux alone, which every Linux has.
 *
 * The chain: shim → `unshare`, which lives as long as the sandbox → a shell that is process 1 in it, mounts what the
 * task shall see, and whose end the kernel makes the end of all → the command, given up its rights by `setpriv`. The
 * command is not process 1 itself, because that hears no signal that it has no handler for. A root agent's shim stays
 * root until there; another's is root over nothing, in a user namespace. What the job says (environment, folder,
 * command) is read only after the rights are gone.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { argvOf, shellQuote } from "../../../src/model/command.ts";
import type { Attempt } from "../../core/types.ts";
import { messageOf, PRIVATE_FILE_MODE } from "../files.ts";
import { SHELL, TASK_PATH, taskEnvironment } from "../process/environment.ts";
import type { ExecPlan } from "../process/plan.ts";
import { WORK_FOLDER } from "../process/shim.ts";
import type { User } from "../process/user.ts";
import { mountTable, parseMounts, SANDBOX_WORK } from "./view.ts";

export interface SandboxOptions {
  tasks: string;
  user: User;
  hidesGpus: boolean;
  cgroups: object | null;
  /** the agent's folders: no task may see them */
  hidden: readonly string[];
  /** folder to try one in; there only meanwhile, or until the next try if the agent is killed */
  trial: string;
}

/** Process 1. Arguments: file with the table of mounts · where the root is put together · then those of `COMMAND`. */
const INIT = `trap stop=1 HUP INT TERM
stop=
mount -a -T "$1" >&3 2>&3 && cd "$2" && pivot_root . . 2>&3 && umount -l . 2>&3 && cd / || { echo "the sandbox can't be made" >&3; exit 126; }
shift 2
[ -z "$stop" ] || exit 143
(exec 2>&3 3>&-; exec setpriv "$@")
exit $?
`;
/** Environment, `--`, folder, command. */
const COMMAND = `while [ "$1" != -- ]; do export "$1"; shift; done
cd -P "$2" || exit 126
shift 2
unset OLDPWD
exec "$@"
`;
const NO_RIGHTS = ["--no-new-privs", "--inh-caps", "-all", "--ambient-caps", "-all", "--bounding-set", "-all"];
const PROBE_MS = 10_000;

const run = promisify(execFile);

/** @returns what `setpriv` makes of the init's user */
const becoming = ({ uid, gid }: User, asRoot: boolean): string[] =>
  asRoot ? ["--reuid", String(uid), "--regid", String(gid), "--clear-groups", ...NO_RIGHTS] : NO_RIGHTS;

export interface Sandboxed {
  /** file with the table of mounts */
  table: string;
  root: string;
  user: User;
  /** the agent is root */
  asRoot: boolean;
  environment: Readonly<Record<string, string>>;
  folder: string;
  argv: readonly string[];
}

/** The whole command line. */
export function sandboxArgv({ table, root, user, asRoot, environment, folder, argv }: Sandboxed): string[] {
  const namespaces = [
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    ...(asRoot ? [] : ["--user", "--map-current-user", "--keep-caps"]),
  ];
  const exports = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return [
    ...["unshare", ...namespaces, "--", SHELL, "-c", INIT, "hansa-sandbox", table, root],
    ...becoming(user, asRoot),
    ...["--", SHELL, "-c", COMMAND, "sh", ...exports, "--", folder, ...argv],
  ];
}

export function sandboxPlan({ tasks, user, hidesGpus, cgroups, hidden, trial }: SandboxOptions): ExecPlan {
  const asRoot = process.getuid?.() === 0;
  const root = `${tasks}-root`;
  const table = `${tasks}-root.mounts`;
  /** what the table was made of */
  let seen = "";
  /** Before each start: what the machine has mounted may have changed. */
  const prepare = (): void => {
    const mountinfo = readFileSync("/proc/self/mountinfo", "utf8");
    if (mountinfo === seen && existsSync(table)) return;
    const text = mountTable(parseMounts(mountinfo), { root, hidden: [...hidden, tasks], recursive: !asRoot });
    mkdirSync(root, { recursive: true, mode: 0o700 });
    writeFileSync(`${table}.new`, text, { mode: PRIVATE_FILE_MODE });
    renameSync(`${table}.new`, table);
    seen = mountinfo;
  };
  const line = (what: Pick<Sandboxed, "environment" | "folder" | "argv">) =>
    `exec ${sandboxArgv({ table, root, user, asRoot, ...what })
      .map(shellQuote)
      .join(" ")}`;

  return {
    // most nodes never run one
    warmsUp: false,
    ids: {},
    line: (attempt: Attempt) => {
      prepare();
      const { command, cwd } = attempt.template;
      const [first = SHELL, ...rest] = argvOf(command, attempt.item);
      return line({
        environment: taskEnvironment(attempt, SANDBOX_WORK, hidesGpus),
        folder: cwd ?? SANDBOX_WORK,
        argv: [typeof command === "string" ? SHELL : first, ...rest],
      });
    },
    probe: async () => {
      if (asRoot && cgroups === null)
        return { healthy: false, detail: "needs cgroups to end its tasks; hansa-agent doctor says why there are none" };
      try {
        mkdirSync(join(trial, WORK_FOLDER), { recursive: true });
        prepare();
        const script = `{ ${line({ environment: {}, folder: "/", argv: ["true"] })}; } 3>&1 2>&1`;
        await run(SHELL, ["-c", script], { cwd: trial, env: { PATH: TASK_PATH }, timeout: PROBE_MS });
        return { healthy: true, detail: asRoot ? "namespaces" : "namespaces of the agent's user" };
      } catch (error) {
        const { stdout = "" } = error as { stdout?: string };
        const why = stdout.trim().replaceAll("\n", "; ") || messageOf(error);
        return { healthy: false, detail: `${why}; needs mount, unshare and setpriv of util-linux 2.38` };
      } finally {
        rmSync(trial, { recursive: true, force: true });
      }
    },
  };
}
