/**
 * RecordIO: the length of each record in decimal, a line feed, the record. Kept to ASCII, because a client in wide use
 * takes the length for that of its own UTF-16 text and drops every record where the two differ.
 */

/** UTF-16 code units, as JSON escapes them. */
const WIDE = /[\u0080-\uffff]/g;

const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

export function record(event: unknown): string {
  const json = JSON.stringify(event).replaceAll(WIDE, escaped);
  return `${json.length}\n${json}`;
}
