/** A machine of a test that becomes a node: somebody's empty home, or a system whose root folders are thrown away. */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Said } from "./hansa.ts";
import { cleanEnvironment } from "./processes.ts";

export const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
/** Where Node is, before anything else that is called so. */
const path = `${dirname(process.execPath)}:${process.env.PATH}`;

const said = (work: Promise<{ stdout: string; stderr: string }>): Promise<Said> =>
  work.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Said) => ({ code, stdout, stderr }),
  );

/** Whoever runs the tests; root runs them as nobody. */
export class Home {
  readonly path: string;
  readonly #ids = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

  constructor(root: string) {
    this.path = join(root, "home");
    mkdirSync(this.path);
    if (isRoot) chownSync(this.path, NOBODY, NOBODY);
  }

  /** Why nothing can be shown here; null when all is well. */
  get obstacle(): string | null {
    const { status } = spawnSync(process.execPath, ["--version"], { ...this.#ids, cwd: "/" });
    return status === 0 ? null : `nobody can't run ${process.execPath}`;
  }

  run(line: string): Promise<Said> {
    const { XDG_RUNTIME_DIR: _, ...environment } = cleanEnvironment();
    const env = { ...environment, HOME: this.path, PATH: `${this.path}/.local/bin:${path}` };
    return said(promisify(execFile)("/bin/sh", ["-c", line], { ...this.#ids, cwd: "/", env }));
  }
}

/**
 * A mount namespace where what an install as root writes is on file systems of its own, with a small stand-in for
 * systemd: it starts what the unit says and waits for READY=1, as systemd does.
 */
export class System {
  readonly #folder: string;
  readonly #holder: ChildProcess;

  private constructor(folder: string, holder: ChildProcess) {
    this.#folder = folder;
    this.#holder = holder;
  }

  /** @returns why there can be none here, as a sentence */
  static async make(root: string): Promise<System | string> {
    if (!isRoot) return "only root can make a mount namespace";
    const folder = join(root, "system");
    mkdirSync(folder);
    const mounts = ["/usr/local/bin", "/usr/local/lib", "/etc/systemd/system", "/run"];
    const script = [
      "set -e",
      ...mounts.map((mount) => `mkdir -p ${mount}; mount -t tmpfs -o mode=755 none ${mount}`),
      "mkdir -p /run/systemd/system",
      "echo made",
      "read -r _ || exit 0",
    ].join("\n");
    const holder = spawn("unshare", ["-m", "--propagation", "private", "sh", "-c", script], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    const first = await Promise.race([once(holder.stdout, "data"), once(holder, "exit"), once(holder, "error")]);
    if (String(first[0]) !== "made\n") return `a mount namespace can't be made: ${holder.stderr.read() ?? first[0]}`;
    const system = new System(folder, holder);
    system.#standIns();
    return system;
  }

  #standIns(): void {
    const tools = join(this.#folder, "bin");
    mkdirSync(tools);
    const write = (name: string, text: string) => {
      writeFileSync(join(tools, name), `#!/bin/sh\n${text}`);
      chmodSync(join(tools, name), 0o755);
    };
    write("systemd-notify", `echo "$*" >>${this.#folder}/told\n`);
    write(
      "systemctl",
      `cd ${this.#folder}
echo "$*" >>calls
unit=/etc/systemd/system/hansa-agent.service
end() {
  [ -e pid ] || return 0
  kill -TERM "$(cat pid)" 2>/dev/null
  while read -r _ _ state _ <"/proc/$(cat pid)/stat" && [ "$state" != Z ]; do sleep 0.02; done 2>/dev/null
  rm pid
}
case $1 in
  start)
    : >told
    NOTIFY_SOCKET=${this.#folder}/notify WATCHDOG_USEC=300000 setsid sh -c "exec $(sed -n 's/^ExecStart=//p' $unit)" >>log 2>&1 </dev/null &
    echo $! >pid
    until grep -q READY=1 told; do [ -d "/proc/$!" ] || exit 1; sleep 0.02; done
    ;;
  stop) end ;;
  disable) [ -e $unit ] && end ;;
esac
`,
    );
  }

  run(line: string): Promise<Said> {
    const env = { ...cleanEnvironment(), PATH: `${join(this.#folder, "bin")}:/usr/local/bin:${path}` };
    const words = ["-m", "-t", String(this.#holder.pid), "/bin/sh", "-c", line];
    return said(promisify(execFile)("nsenter", words, { cwd: "/", env }));
  }

  read = (name: "calls" | "told" | "log"): string => readFileSync(join(this.#folder, name), "utf8");

  async end(): Promise<void> {
    const over = once(this.#holder, "exit");
    this.#holder.stdin?.end();
    await over;
  }
}
