/** A machine of its own for a test: QEMU without hardware help, one cpu, no network but this machine's loopback. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Said } from "../system/hansa.ts";
import { until } from "../system/processes.ts";
import { CONTROL, type Image } from "./image.ts";

const BOOT_MS = 300_000;
const RUN_MS = 120_000;
const TAIL_LINES = 40;
/** This machine's loopback, as the guest sees it. */
export const HOST = "10.0.2.2";

/** Of no use in a machine that lives for minutes. */
const MASKED = ["e2scrub_reap.service", "getty-static.service", "systemd-timesyncd.service", "apt-daily.timer"];

const WORDS = (image: Image, log: string) => [
  ...["-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1024"],
  ...["-nodefaults", "-no-user-config", "-display", "none"],
  ...["-kernel", image.kernel, "-initrd", image.initrd],
  "-append",
  ["root=/dev/vda", "rw", "console=ttyS0", "quiet", ...MASKED.map((unit) => `systemd.mask=${unit}`)].join(" "),
  // what is written is kept over reboots, and gone with QEMU
  ...["-drive", `file=${image.disk},if=virtio,format=raw,snapshot=on`],
  ...["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="],
  ...["-chardev", `stdio,id=${CONTROL},signal=off`, "-device", "virtio-serial-pci"],
  ...["-device", `virtserialport,chardev=${CONTROL},name=${CONTROL}`],
  ...["-serial", `file:${log}`],
];

export class Vm {
  /** ids of the boots so far, each told when commands can be run in it */
  readonly boots: string[] = [];
  readonly #qemu: ChildProcess;
  readonly #log: string;
  #stderr = "";
  #answered: ((said: Said) => void) | null = null;

  private constructor(image: Image, folder: string) {
    this.#log = join(folder, "console.log");
    // the kernel ends it with this process, however that ends
    const words = ["-n", "19", "setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", ...WORDS(image, this.#log)];
    const qemu = spawn("nice", words, { stdio: ["pipe", "pipe", "pipe"] });
    this.#qemu = qemu;
    qemu.stdin.on("error", () => {});
    qemu.stderr.on("data", (data) => {
      this.#stderr += data;
    });
    createInterface(qemu.stdout).on("line", (line) => this.#hears(line));
  }

  static async boot(image: Image, folder: string): Promise<Vm> {
    const vm = new Vm(image, folder);
    try {
      await vm.bootsAgain(0);
      return vm;
    } catch (error) {
      await vm.end();
      throw error;
    }
  }

  #hears(line: string): void {
    const [first = "", ...rest] = line.split(" ");
    if (first === "up") {
      this.boots.push(rest[0] ?? "");
      return;
    }
    const [stdout = "", stderr = ""] = rest.map((text) => Buffer.from(text, "base64").toString());
    this.#answered?.({ code: Number(first), stdout, stderr });
    this.#answered = null;
  }

  #mustRun(): void {
    const { exitCode, signalCode } = this.#qemu;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`QEMU has ended (${exitCode ?? signalCode}): ${this.#stderr}`);
  }

  /** Has root's shell there run it. @returns what it said, whatever its exit code */
  async run(script: string, timeoutMs = RUN_MS): Promise<Said> {
    if (this.#answered) throw new Error("one command at a time");
    let said: Said | undefined;
    this.#answered = (answer) => {
      said = answer;
    };
    this.#qemu.stdin?.write(`${Buffer.from(script).toString("base64")}\n`);
    const over = () => {
      this.#mustRun();
      return said !== undefined;
    };
    try {
      await until(`the machine answers to: ${script}`, over, timeoutMs);
    } finally {
      this.#answered = null;
    }
    return said as Said;
  }

  /** Says something that gets no answer, such as to cut its own power. */
  tell(script: string): void {
    this.#qemu.stdin?.write(`${Buffer.from(script).toString("base64")}\n`);
  }

  /** @param before boots that were there already */
  async bootsAgain(before: number): Promise<void> {
    const up = () => {
      this.#mustRun();
      return this.boots.length > before;
    };
    await until("the machine is up", up, BOOT_MS);
  }

  /** What it wrote to its console. */
  get console(): string {
    return existsSync(this.#log) ? readFileSync(this.#log, "utf8") : "";
  }

  get tail(): string {
    return this.console.split("\n").slice(-TAIL_LINES).join("\n");
  }

  async end(): Promise<void> {
    if (this.#qemu.exitCode !== null || this.#qemu.signalCode !== null) return;
    const over = once(this.#qemu, "exit");
    this.#qemu.kill("SIGKILL");
    await over;
  }
}
