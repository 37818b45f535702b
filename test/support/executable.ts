/** The agent as one executable of this machine, made anew from the sources, for the tests of a file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostTarget } from "../../scripts/bun.ts";
import { buildExecutable } from "../../scripts/executable.ts";
import { chosenAgent } from "./agentUnderTest.ts";

export interface Built {
  path: string;
  remove(): void;
}

/** @returns the agent that the environment names, if it names one */
export async function builtExecutable(): Promise<Built> {
  const chosen = chosenAgent();
  if (chosen) return { path: chosen, remove: () => {} };
  const folder = mkdtempSync(join(tmpdir(), "hansa-built-"));
  const path = await buildExecutable(hostTarget(), join(folder, "agent"));
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}
