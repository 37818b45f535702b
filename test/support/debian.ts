/** What a test needs of Debian and a machine may lack: installed when it is, so that nothing is skipped. */
import { spawnSync } from "node:child_process";

/** @param packages each with the command that it brings, where that has another name: `iproute2:ip` */
export function needs(...packages: string[]): void {
  const missing = packages
    .map((text) => text.split(":"))
    .filter(([name = "", command = name]) => spawnSync("sh", ["-c", `command -v ${command}`]).status !== 0)
    .map(([name = ""]) => name);
  if (missing.length === 0) return;
  for (const words of [["update"], ["install", "-y", "--no-install-recommends", ...missing]]) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const { status, stderr } = spawnSync("apt-get", ["-qq", ...words], { env, encoding: "utf8" });
    if (status !== 0) throw new Error(`these tests need ${missing.join(", ")}: apt-get says ${stderr}`);
  }
}
