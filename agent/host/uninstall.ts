/** `hansa-agent uninstall`: ends the agent with its tasks, takes its unit away, and with --purge what it kept. */
import { existsSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EXIT } from "./exitCodes.ts";
import { findRunFolder } from "./folders.ts";
import { readIdentity } from "./identity.ts";
import type { AgentOptions } from "./options.ts";
import { askDrain } from "./statusSocket.ts";
import { endAgent, hasSystemd, systemctl } from "./supervisor.ts";
import { UNIT, UNIT_PATH } from "./unit.ts";

export async function uninstall(options: AgentOptions, say: (line: string) => void): Promise<number> {
  const { data, purge, dryRun, deadlineMs } = options;
  const hasUnit = process.getuid?.() === 0 && existsSync(UNIT_PATH);
  if (dryRun) {
    say(`drain the agent on ${data}, stopping what still runs ${deadlineMs === null ? "at once" : "at the deadline"}`);
    if (hasUnit) say(`disable ${UNIT} and remove ${UNIT_PATH}`);
    say(purge ? `remove ${data}` : `keep ${data}`);
    return EXIT.ok;
  }
  const identity = readIdentitySafely(data);
  const run = findRunFolder(options.runFolder, data, process.getuid?.() ?? 0, process.env);
  const last = await askDrain(run, deadlineMs ?? 0, () => {});
  say(last ? "the agent and its tasks have ended" : "no agent ran");
  if (hasUnit) {
    if (hasSystemd()) systemctl("disable", "--now", UNIT);
    rmSync(UNIT_PATH);
    if (hasSystemd()) systemctl("daemon-reload");
    say(`removed ${UNIT_PATH}`);
  }
  // one that did not answer on its socket
  await endAgent(data);
  if (purge) {
    const tasks = join(data, "tasks");
    if (existsSync(tasks)) rmSync(realpathSync(tasks), { recursive: true, force: true });
    rmSync(data, { recursive: true, force: true });
    say(`removed ${data}`);
  } else say(`kept ${data}: an install finds who it was; --purge removes it`);
  if (identity) say(`the cluster still lists it: hansa nodes rm ${identity.cluster}/${identity.node}`);
  say(`the program itself stays: ${process.argv[1] ?? process.execPath}`);
  return EXIT.ok;
}

/** A damaged file is no reason to keep the rest. */
function readIdentitySafely(data: string): { cluster: string; node: string } | null {
  try {
    return readIdentity(data);
  } catch {
    return null;
  }
}
