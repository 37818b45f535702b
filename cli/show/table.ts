/** Text tables: columns as wide as their cells, two spaces between, the last one cut to the terminal. */
import { cut, printable } from "./figures.ts";

export interface Column<T> {
  title: string;
  cell: (row: T) => string;
  align?: "right";
}

const GAP = "  ";

/** @param columns width of the terminal; null: nothing is cut */
export function table<T>(rows: readonly T[], layout: readonly Column<T>[], columns: number | null): string[] {
  const cells = rows.map((row) => layout.map((column) => printable(column.cell(row))));
  const widths = layout.map((column, i) => Math.max(column.title.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const line = (texts: readonly string[]): string => {
    const padded = texts.map((text, i) => {
      const width = widths[i] ?? 0;
      return layout[i]?.align === "right" ? text.padStart(width) : text.padEnd(width);
    });
    const whole = padded.join(GAP).trimEnd();
    return columns === null ? whole : cut(whole, columns);
  };
  return [layout.map((column) => column.title), ...cells].map(line);
}
