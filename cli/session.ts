/** What every command works with: the broker, the terminal, and how this command is called in hints. */
import type { Client } from "./api/client.ts";
import type { Terminal } from "./show/terminal.ts";

export interface Session {
  client: Client;
  terminal: Terminal;
  json: boolean;
  /** `hansa`, or what stands for it in a checkout */
  self: string;
}

/** One JSON document to stdout. */
export const printJson = (terminal: Terminal, value: unknown): void => terminal.out(JSON.stringify(value, null, 2));

/** One line of NDJSON to stdout. */
export const printRecord = (terminal: Terminal, value: unknown): void => terminal.out(JSON.stringify(value));
