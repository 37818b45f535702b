/** What an agent that was killed leaves outside of its data folder, removed after a test. */
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { folderHash, runFolderCandidates } from "../../agent/host/folders.ts";
import { ownCgroup } from "../../agent/host/process/cgroups.ts";
import { hierarchiesOf } from "../../agent/host/process/hierarchies.ts";

/** @param data folder of an agent, of which nothing runs any more @param uid whom it ran as */
export function removeTraces(data: string, uid = process.getuid?.() ?? 0): void {
  const hash = folderHash(data);
  const tasks = ["", "-root", "-root.mounts"].map((part) => `/var/tmp/hansa-agent-${hash}${part}`);
  for (const path of [...runFolderCandidates(data, uid, process.env), ...tasks]) {
    rmSync(path, { recursive: true, force: true });
  }
  const own = ownCgroup(readFileSync("/proc/self/cgroup", "utf8")) ?? "/";
  for (const { mount } of hierarchiesOf(readFileSync("/proc/self/mountinfo", "utf8"))) {
    for (const parent of [mount, join(mount, own)]) removeCgroups(join(parent, "hansa.slice", hash));
  }
}

function removeCgroups(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroups(join(path, entry.name));
  }
  try {
    rmdirSync(path);
  } catch {
    // not ours to remove
  }
}
