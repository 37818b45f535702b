/**
 * The disk of a small machine with Debian and systemd, made from Debian's own packages, and kept below `node_modules`:
 * its maker takes minutes. Nothing of it runs here.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { needs } from "../support/debian.ts";

const CACHE = "node_modules/.cache/vm";
const RELEASE = "bookworm";
/** Sparse: what is free in it must be more than an agent calls want of room. */
const DISK_BYTES = 6 * 2 ** 30;
const TEXT_BYTES = 2 ** 26;

const PACKAGES = ["systemd-sysv", "udev", "kmod", "iproute2", "procps", "curl", "linux-image-cloud-amd64"];

/** The port by which a test has the machine run commands; see `vm.ts`. */
export const CONTROL = "control";

const CONTROL_SCRIPT = `#!/bin/sh
exec <>/dev/virtio-ports/${CONTROL} >&0
echo "up $(cat /proc/sys/kernel/random/boot_id)"
while read -r line; do
  echo "$line" | base64 -d >/run/control.sh
  sh /run/control.sh >/run/control.out 2>/run/control.err </dev/null
  echo "$? $(base64 -w0 /run/control.out) $(base64 -w0 /run/control.err)"
done
`;

const CONTROL_UNIT = `[Unit]
Description=Runs what the test says
[Service]
ExecStart=/usr/local/sbin/control
WorkingDirectory=/root
Environment=HOME=/root
Restart=always
[Install]
WantedBy=multi-user.target
`;

/** QEMU's user network: this machine's loopback is its 10.0.2.2. */
const NETWORK = `[Match]
Name=e*
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
`;

const FILES: Record<string, [text: string, mode: number]> = {
  "etc/systemd/network/net.network": [NETWORK, 0o644],
  "etc/systemd/system/control.service": [CONTROL_UNIT, 0o644],
  "usr/local/sbin/control": [CONTROL_SCRIPT, 0o755],
  "etc/hostname": ["vm\n", 0o644],
  "etc/hosts": ["127.0.0.1 localhost vm\n", 0o644],
  "etc/fstab": ["/dev/vda / ext4 rw 0 0\n", 0o644],
};

const WANTED: Record<string, string> = {
  "multi-user.target.wants/control.service": "/etc/systemd/system/control.service",
  "multi-user.target.wants/systemd-networkd.service": "/lib/systemd/system/systemd-networkd.service",
  "network-online.target.wants/systemd-networkd-wait-online.service":
    "/lib/systemd/system/systemd-networkd-wait-online.service",
};

export interface Image {
  kernel: string;
  initrd: string;
  disk: string;
}

/** @param say what it does, as it takes its time */
export async function makeImage(say: (line: string) => void): Promise<Image> {
  needs("qemu-system-x86:qemu-system-x86_64", "debootstrap", "e2fsprogs:mke2fs");
  const recipe = JSON.stringify([RELEASE, DISK_BYTES, PACKAGES, FILES, WANTED]);
  const folder = join(CACHE, createHash("sha256").update(recipe).digest("hex").slice(0, 12));
  if (existsSync(folder)) say(`the image is that of ${folder}`);
  else await make(folder, say);
  return { kernel: join(folder, "kernel"), initrd: join(folder, "initrd"), disk: join(folder, "disk") };
}

async function make(folder: string, say: (line: string) => void): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("only root can make the image: debootstrap asks for that");
  rmSync(CACHE, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  const making = mkdtempSync(join(CACHE, "making-"));
  const root = mkdtempSync(join(tmpdir(), "hansa-vm-"));
  try {
    say(`debootstrap ${RELEASE}, a minute or three`);
    await run("debootstrap", "--variant=minbase", `--include=${PACKAGES.join()}`, RELEASE, root);
    furnish(root);
    say("mke2fs");
    const disk = join(making, "disk");
    writeFileSync(disk, "");
    truncateSync(disk, DISK_BYTES);
    await run("mke2fs", "-q", "-t", "ext4", "-d", root, disk);
    for (const [name, start] of [
      ["kernel", "vmlinuz-"],
      ["initrd", "initrd.img-"],
    ] as const) {
      const found = readdirSync(join(root, "boot")).find((file) => file.startsWith(start));
      if (!found) throw new Error(`the kernel's package brought no ${start}*`);
      copyFileSync(join(root, "boot", found), join(making, name));
    }
    renameSync(making, folder);
    say(`made ${folder}`);
  } finally {
    rmSync(root, { recursive: true, force: true });
    rmSync(making, { recursive: true, force: true });
  }
}

function furnish(root: string): void {
  for (const [path, [text, mode]] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    chmodSync(join(root, path), mode);
  }
  for (const [path, target] of Object.entries(WANTED)) {
    const link = join(root, "etc/systemd/system", path);
    mkdirSync(dirname(link), { recursive: true });
    if (!existsSync(link)) symlinkSync(target, link);
  }
  // each disk's machine is another
  writeFileSync(join(root, "etc/machine-id"), "");
  for (const path of ["var/cache/apt", "var/lib/apt/lists"]) rmSync(join(root, path), { recursive: true, force: true });
}

async function run(program: string, ...words: string[]): Promise<void> {
  const options = { cwd: process.cwd(), maxBuffer: TEXT_BYTES };
  await promisify(execFile)("nice", [program, ...words], options).catch(({ stdout, stderr }) => {
    throw new Error(`${program} failed:\n${`${stdout}${stderr}`.slice(-4000)}`);
  });
}
