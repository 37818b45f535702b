/** `hansa agent …`: hands everything to the agent's own program. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { Command } from "commander";
import { type App, does } from "../app.ts";
import { agentBundle } from "../installation.ts";

export function addAgent(program: Command, app: App): void {
  const command = program
    .command("agent")
    .description("the node agent: join, run, … (hansa agent help)")
    .argument("[arguments...]")
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false);
  does(app, command, passOn);
}

/** @returns its exit code, or 128 + signal as a shell does */
async function passOn(words: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [agentBundle(), ...words], { stdio: "inherit" });
  // the terminal sends Ctrl-C and Ctrl-\ to both; other signals come to this process alone
  const forward = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of ["SIGINT", "SIGQUIT"] as const) process.on(signal, () => {});
  for (const signal of ["SIGTERM", "SIGHUP", "SIGUSR1"] as const) process.on(signal, forward);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (...end) => resolve(end));
  });
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
