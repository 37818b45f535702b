/**
 * What a sandboxed task sees of the file system, as a table of mounts for `mount -a`: the machine read-only, without the
 * folders of the agent and of other tasks, with folders of its own where everybody may write.
 */
import { existsSync, realpathSync } from "node:fs";
import { WORK_FOLDER } from "../process/shim.ts";

/** A line of /proc/self/mountinfo; paths as written there, which is as in a table. */
export interface Mounted {
  path: string;
  type: string;
  options: readonly string[];
}

export interface View {
  /** where the new root is put together */
  root: string;
  /** folders that the task must not see */
  hidden: readonly string[];
  /** in a user namespace of its own a mount can't be parted from those below it */
  recursive: boolean;
}

/** Every task gets these anew and empty, in its own memory. */
export const PRIVATE_FOLDERS = ["/tmp", "/var/tmp", "/dev/shm"];
/** The task's own folder: the same path on every node, and there in no other sandbox. */
export const SANDBOX_WORK = "/tmp/work";
/** The agent's cgroups; only there when mounts come with those below them. */
const CGROUPS = "/sys/fs/cgroup";
/** What is of the disk, or of memory like it. Kernel interfaces are not handed on, save for those named below. */
const STORES =
  /^(ext[234]|xfs|btrfs|bcachefs|f2fs|zfs|jfs|reiserfs|vfat|exfat|ntfs3?|iso9660|udf|squashfs|erofs|overlay|tmpfs|ramfs|nfs4?|cifs|smb3|ceph|9p|virtiofs|lustre|beegfs|fuse\..+|fuseblk)$/;
const INTERFACES = ["/dev", "/dev/pts", "/sys"];
/** What a mount forbids, it forbids in the sandbox too. */
const KEPT = ["nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime"];

export function parseMounts(mountinfo: string): Mounted[] {
  return mountinfo
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [left = "", right = ""] = line.split(" - ");
      const [, , , , path = "", options = ""] = left.split(" ");
      return { path, type: right.split(" ")[0] ?? "", options: options.split(",") };
    });
}

const escaped = (path: string): string =>
  path.replace(/[ \t\n\\]/g, (letter) => `\\${letter.charCodeAt(0).toString(8).padStart(3, "0")}`);
const unescaped = (path: string): string =>
  path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** Those that are below none of the others. */
export const outermost = (paths: readonly string[]): string[] =>
  [...new Set(paths)].filter((path) => !paths.some((other) => other !== path && isBelow(path, other)));

/** @returns the table: each line a mount, in order */
export function mountTable(mounts: readonly Mounted[], { root, hidden, recursive }: View): string {
  const isThere = (path: string) => existsSync(path);
  const real = (path: string) => (isThere(path) ? realpathSync(path) : path);
  const privates = PRIVATE_FOLDERS.filter(isThere).map(real);
  const covered = outermost([...privates, ...hidden.filter(isThere).map(real), ...(recursive ? [CGROUPS] : [])]);
  const top = mounts.findLast(({ path }) => path === "/");
  const shown = new Map<string, Mounted>();
  for (const mounted of mounts) {
    const path = unescaped(mounted.path);
    const isShown = STORES.test(mounted.type) || INTERFACES.includes(path);
    if (path === "/" || !isShown || !isThere(path) || covered.some((folder) => isBelow(path, folder))) continue;
    shown.set(path, mounted);
  }
  const bind = recursive ? "rbind" : "bind";
  const kept = ({ options }: Mounted) => KEPT.filter((word) => word !== "nosuid" && options.includes(word));
  const line = (from: string, to: string, type: string, ...options: string[]) =>
    `${from} ${escaped(`${root}${to}`)} ${type} ${options.join()} 0 0`;
  const inOrder = [...shown].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    line("/", "", "none", bind, "ro", "nosuid", ...(top ? kept(top) : [])),
    ...inOrder.map(([path, mounted]) => line(escaped(path), path, "none", bind, "ro", "nosuid", ...kept(mounted))),
    line("proc", "/proc", "proc", "nosuid", "nodev", "noexec"),
    ...covered.map((path) =>
      line("tmpfs", path, "tmpfs", "nosuid", "nodev", privates.includes(path) ? "mode=1777" : "mode=755"),
    ),
    // of the folder that its shim is in, by which one table does for all tasks; written with a small x, `mount` would
    // keep it in a file of the machine's
    line(WORK_FOLDER, SANDBOX_WORK, "none", "bind", "nosuid", "nodev", "X-mount.mkdir"),
    "",
  ].join("\n");
}
