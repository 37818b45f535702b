/** A task's command line and environment. */
import type { Uri } from "../../model/container.ts";
import type { CommandInfo, ContainerInfo, Variable } from "../messages/task.ts";
import type { ReadContainer } from "./container.ts";

/** @returns null when it is valid */
export function commandError(command: CommandInfo, image: string | null): string | null {
  for (const variable of command.environment?.variables ?? []) {
    const error = variableError(variable);
    if (error) return error;
  }
  if (command.value === undefined && (command.shell ?? true)) return "Shell specified but no command value provided";
  // An image may have a command of its own.
  return command.value === undefined && image === null ? "'value' is not set, and there is no image to run" : null;
}

function variableError({ name, type = "VALUE", value, secret }: Variable): string | null {
  if (type === "UNKNOWN") return "Environment variable of type 'UNKNOWN' is not allowed";
  const which = `Environment variable '${name}'`;
  if (type === "SECRET") return `${which} is of type 'SECRET', which is not served`;
  if (value === undefined) return `${which} of type 'VALUE' must have a value set`;
  if (secret) return `${which} of type 'VALUE' must not have a secret set`;
  if (name === "" || /[=\0]/.test(name)) return `${which} has a name that no environment can have`;
  return value.includes("\0") ? `${which} has a value containing null bytes` : null;
}

interface Words {
  command: string | string[];
  isEntrypoint: boolean;
}

/**
 * A text is for a shell. Else `arguments` begins with the program's own name for itself, as execlp(3) wants it; but
 * not for Docker's means, where all of the words are arguments of the image's entrypoint.
 */
export function wordsOf(command: CommandInfo, container: ContainerInfo | undefined): Words {
  const { value, shell = true, arguments: words } = command;
  if (shell) return { command: value ?? "", isEntrypoint: false };
  if (container?.type === "DOCKER") {
    return { command: value === undefined ? [...words] : [value, ...words], isEntrypoint: true };
  }
  if (value === undefined) return { command: [...words], isEntrypoint: true };
  return { command: [value, ...words.slice(1)], isEntrypoint: false };
}

export const withWords = (read: ReadContainer, { isEntrypoint }: Words): ReadContainer =>
  read.container === null ? read : { ...read, container: { ...read.container, isEntrypoint } };

/** @param ids what Mesos itself tells a task, which is not the framework's to change */
export const environmentOf = (command: CommandInfo, ids: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries([
    ...(command.environment?.variables ?? []).map(({ name, value = "" }) => [name, value]),
    ...Object.entries(ids),
  ]);

export const urisOf = (command: CommandInfo): Uri[] =>
  command.uris.map(({ value, executable = false, extract = true, output_file = null }) => ({
    value,
    executable,
    extract,
    outputFile: output_file,
  }));
