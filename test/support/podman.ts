/**
 * A container daemon for tests: a real Podman that serves the Docker API on a socket in a folder of its own, with
 * storage, settings and an image of its own, so that nothing of the machine's is touched and no registry is asked.
 * What is missing is installed from the distribution, by root; nothing is skipped.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DockerApi } from "../../agent/host/docker/api.ts";
import { until } from "../system/processes.ts";

/** With `sh` and the usual small commands. */
export const IMAGE = "localhost/busybox:1";
const PACKAGES = ["podman", "conmon", "runc", "catatonit", "busybox-static"];
const NEEDED = ["podman", "conmon", "runc", "busybox"];
/** Several test files may find something missing at the same time. */
const INSTALL_LOCK = join(tmpdir(), "hansa-test-podman.lock");
/** On a machine that is busy it takes its time. */
const START_MS = 120_000;
const PASSABLE_MODE = 0o711;
const APPLETS =
  "awk cat cut dd echo env false grep head id kill ls mkdir printf pwd rm sed seq setsid sh sleep tail test touch tr true wc yes";

function install(): void {
  const script = `
    for each in ${NEEDED.join(" ")}; do command -v "$each" >/dev/null || missing=1; done
    [ -n "$missing" ] || exit 0
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update && apt-get -qy --no-install-recommends install ${PACKAGES.join(" ")}`;
  const { status, stdout, stderr } = spawnSync("flock", [INSTALL_LOCK, "sh", "-c", script], { encoding: "utf8" });
  if (status !== 0) throw new Error(`these tests need ${PACKAGES.join(", ")}:\n${stdout}${stderr}`);
}

/** Without what a machine in a container may not do (raise limits), and without systemd. */
const settings = (root: string) => `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "${root}/tmp"
`;

export class Podman {
  readonly root: string;
  readonly #child: ChildProcess;

  private constructor(root: string, child: ChildProcess) {
    this.root = root;
    this.#child = child;
  }

  get socket(): string {
    return join(this.root, "api.sock");
  }
  /** As DOCKER_HOST has it. */
  get host(): string {
    return `unix://${this.socket}`;
  }

  static async start(): Promise<Podman> {
    install();
    const root = mkdtempSync(join(tmpdir(), "hansa-podman-"));
    chmodSync(root, PASSABLE_MODE);
    writeFileSync(join(root, "containers.conf"), settings(root));
    const log = openSync(join(root, "log"), "a");
    const child = spawn("podman", [...storage(root), "system", "service", "--time=0", `unix://${root}/api.sock`], {
      cwd: root, // conmon leaves a file named oom in it
      stdio: ["ignore", log, log],
      env: environment(root),
    });
    closeSync(log);
    const podman = new Podman(root, child);
    try {
      const api = new DockerApi(podman.socket);
      await until(
        "podman answers",
        () => {
          if (child.exitCode !== null) throw new Error(readFileSync(join(root, "log"), "utf8"));
          return (
            existsSync(podman.socket) &&
            api.version(1000).then(
              () => true,
              () => false,
            )
          );
        },
        START_MS,
      );
      podman.#importImage();
      return podman;
    } catch (error) {
      await podman.end();
      throw error;
    }
  }

  #run(words: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync("podman", [...storage(this.root), ...words], {
      encoding: "utf8",
      env: environment(this.root),
    });
    if (status !== 0) throw new Error(`podman ${words.join(" ")}: ${stderr}`);
    return stdout;
  }

  #importImage(): void {
    const rootfs = join(this.root, "rootfs");
    for (const folder of ["bin", "dev", "etc", "proc", "sys", "tmp", "usr"])
      mkdirSync(join(rootfs, folder), { recursive: true });
    chmodSync(join(rootfs, "tmp"), 0o1777);
    copyFileSync("/bin/busybox", join(rootfs, "bin/busybox"));
    for (const name of APPLETS.split(" ")) symlinkSync("busybox", join(rootfs, "bin", name));
    writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n");
    const tar = join(this.root, "rootfs.tar");
    const { status, stderr } = spawnSync("tar", ["-C", rootfs, "-cf", tar, "."], { encoding: "utf8" });
    if (status !== 0) throw new Error(`tar: ${stderr}`);
    this.#run(["import", "-q", tar, IMAGE]);
  }

  /** Names of all that are there. */
  containers(): string[] {
    return this.#run(["ps", "-a", "--format", "{{.Names}}"]).split("\n").filter(Boolean);
  }

  /** How often a container of this name was started, removed ones too. */
  starts(name: string): number {
    const only = ["--filter", `container=${name}`, "--filter", "event=start"];
    return this.#run(["events", "--stream=false", "--since", "24h", ...only])
      .split("\n")
      .filter(Boolean).length;
  }

  /** The daemon answers nothing for a while. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }
  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** Ends every container, the daemon, and all that it kept. */
  async end(): Promise<void> {
    this.thaw();
    try {
      this.#run(["rm", "-fa", "-t", "0"]);
    } finally {
      if (this.#child.exitCode === null && this.#child.signalCode === null) {
        const gone = once(this.#child, "exit");
        this.#child.kill("SIGKILL");
        await gone;
      }
      rmSync(this.root, { recursive: true, force: true, maxRetries: 3 });
    }
  }
}

const storage = (root: string): string[] => [
  ...["--root", join(root, "storage"), "--runroot", join(root, "run"), "--storage-driver", "vfs"],
];

const environment = (root: string): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: root,
  CONTAINERS_CONF: join(root, "containers.conf"),
});
