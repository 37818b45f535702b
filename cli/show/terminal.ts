/** Where the command writes: results to stdout, all else to stderr, and on a terminal one live line below both. */
import { styleText } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow";

export interface Terminal {
  /** a person watches stderr: a live line makes sense, and so does a question */
  readonly interactive: boolean;
  /** columns to fit tables in; null: stdout is no terminal, nothing is cut */
  readonly columns: number | null;
  /** a whole line to stdout */
  out(line: string): void;
  /** bytes as they are to stdout */
  raw(bytes: Uint8Array): void;
  /** a whole line to stderr */
  note(line: string): void;
  /** replaces the live line; without a terminal nothing happens */
  live(line: string): void;
  paint(style: Style, text: string): string;
}

type Out = Pick<NodeJS.WriteStream, "isTTY" | "columns" | "write">;
/** A terminal may not tell its width, or tell 0. */
const USUAL_COLUMNS = 80;
const widthOf = ({ columns }: Out): number => columns || USUAL_COLUMNS;
const CLEAR_LINE = "\r\x1b[K";

export function terminalOf(stdout: Out, stderr: Out, env: NodeJS.ProcessEnv): Terminal {
  const interactive = Boolean(stderr.isTTY) && env.TERM !== "dumb";
  const colour = Boolean(stdout.isTTY) && !env.NO_COLOR && env.TERM !== "dumb";
  let shown = "";
  const around = (write: () => void) => {
    if (shown) stderr.write(CLEAR_LINE);
    write();
    if (shown) stderr.write(shown);
  };
  return {
    interactive,
    columns: stdout.isTTY ? widthOf(stdout) : null,
    out: (line) => around(() => stdout.write(`${line}\n`)),
    raw: (bytes) => void stdout.write(bytes),
    note: (line) => around(() => stderr.write(`${line}\n`)),
    live(line) {
      const fitting = line.slice(0, widthOf(stderr) - 1);
      if (!interactive || fitting === shown) return;
      if (shown) stderr.write(CLEAR_LINE);
      shown = fitting;
      if (shown) stderr.write(shown);
    },
    paint: (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text),
  };
}
