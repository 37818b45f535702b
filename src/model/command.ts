/** How a task's command line is made of a job's command and one item. */

export const shellQuote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** @returns argv; `{}` stands for the item, shell-quoted where a shell will read it */
export function argvOf(command: string | string[], item: string | null): string[] {
  if (typeof command === "string") {
    return ["sh", "-c", item === null ? command : command.replaceAll("{}", () => shellQuote(item))];
  }
  return item === null ? command : command.map((word) => word.replaceAll("{}", () => item));
}
