/** How commands are wired: their actions end in an exit code, and those that speak to a broker share three options. */
import { type Command, InvalidArgumentError } from "commander";
import { Problem } from "../src/model/problems.ts";
import { Client } from "./api/client.ts";
import { resolveAccess, type Surroundings } from "./context.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./show/terminal.ts";

export interface App extends Surroundings {
  terminal: Terminal;
  /** how this command is called in hints: `hansa`, or what stands for it in a checkout */
  self: string;
  /** exit code of the action that ran */
  finish(code: number): void;
}

export interface AccessOptions {
  url?: string;
  token?: string;
  json?: boolean;
}

/** Makes `act` what a command does; its last two arguments are the options and the command itself. */
export function does<A extends unknown[]>(app: App, command: Command, act: (...args: A) => Promise<number>): Command {
  return command.action(async (...args: A) => app.finish(await act(...args)));
}

export const withAccess = (command: Command): Command =>
  command
    .option("--url <url>", "the broker's address (else HANSA_URL, else the nearest context)")
    .option("--token <token>", "the token to use (else HANSA_TOKEN, else the context's)")
    .option("--json", "JSON on standard output");

export const sessionOf = (app: App, options: AccessOptions): Session => ({
  client: new Client(resolveAccess(options, app)),
  terminal: app.terminal,
  json: options.json ?? false,
  self: app.self,
});

/** A command with subcommands whose bare name lists; its other words are told to whoever mistypes one. */
export function group(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .argument("[subcommand]")
    .usage("[options] [command]")
    .enablePositionalOptions();
}

/** @throws Problem when a group was given a word that is none of its subcommands */
export function refuseUnknown(command: Command, word: string | undefined): void {
  if (word === undefined) return;
  const names = command.commands.map((sub) => `${command.name()} ${sub.name()}`);
  throw new Problem("invalid-request", `"${command.name()} ${word}" is no command. There are: ${names.join(", ")}`);
}

export function wholeNumber(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number))
    throw new InvalidArgumentError("It must be a whole number.");
  return number;
}

export function anyNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number)) throw new InvalidArgumentError("It must be a number.");
  return number;
}

export const collect = (value: string, before: string[] = []): string[] => [...before, value];
