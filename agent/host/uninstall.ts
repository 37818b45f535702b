/**
 * `hansa-agent uninstall`: ends the agent with its tasks, also those that outlived their agent, takes its unit away, and
 * with --purge what it kept.
 */
import { existsSync, realpathSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { EXIT } from "./exitCodes.ts";
import { messageOf } from "./files.ts";
import { findRunFolder } from "./folders.ts";
import { readIdentity } from "./identity.ts";
import { calledAs } from "./install.ts";
import type { AgentOptions } from "./options.ts";
import { removeSlice } from "./process/cgroups.ts";
import { askDrain } from "./statusSocket.ts";
import { endAgent, hasSystemd, systemctl } from "./supervisor.ts";
import { UNIT, UNIT_PATH } from "./unit.ts";

export interface Uninstaller {
  options: AgentOptions;
  /** ends what an agent that does not run any more has left running */
  endTasks(): Promise<unknown>;
  say(line: string): void;
}

export async function uninstall({ options, endTasks, say }: Uninstaller): Promise<number> {
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
  const drained = last?.over !== undefined;
  if (drained) say("the agent and its tasks have ended");
  if (hasUnit) {
    if (hasSystemd()) systemctl("disable", "--now", UNIT);
    rmSync(UNIT_PATH);
    if (hasSystemd()) systemctl("daemon-reload");
    say(`removed ${UNIT_PATH}`);
  }
  // one that did not answer on its socket
  const ran = await endAgent(data);
  if (!drained) {
    const agent = ran ? "the agent has ended" : "no agent ran";
    say(identity ? `${agent}; ${await endedTasks(endTasks)}` : agent);
  }
  removeShared(run);
  if (purge) {
    const tasks = join(data, "tasks");
    if (existsSync(tasks)) rmSync(realpathSync(tasks), { recursive: true, force: true });
    rmSync(data, { recursive: true, force: true });
    say(`removed ${data}`);
  } else say(`kept ${data}: an install finds who it was; --purge removes it`);
  if (identity) say(`the cluster still lists it: hansa nodes rm ${identity.cluster}/${identity.node}`);
  say(`the program itself stays: ${calledAs().at(-1)}`);
  return EXIT.ok;
}

/** Folders above this agent's own, unless another has something in them. */
function removeShared(run: string): void {
  removeSlice();
  try {
    if (basename(dirname(run)) === "hansa-agent") rmdirSync(dirname(run));
  } catch {
    // another agent's too, or it never was there
  }
}

async function endedTasks(endTasks: () => Promise<unknown>): Promise<string> {
  try {
    await endTasks();
    return "the tasks that it had left have ended";
  } catch (error) {
    return `the tasks that it had left, if any, could not be ended: ${messageOf(error)}`;
  }
}

/** A damaged file is no reason to keep the rest. */
function readIdentitySafely(data: string): { cluster: string; node: string } | null {
  try {
    return readIdentity(data);
  } catch {
    return null;
  }
}
