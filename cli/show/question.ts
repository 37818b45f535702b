/** A question to the person at the terminal. */
import { createInterface } from "node:readline/promises";

/** Ctrl-C is no. */
export async function saysYes(question: string): Promise<boolean> {
  const person = createInterface({ input: process.stdin, output: process.stderr });
  const left = new AbortController();
  person.once("SIGINT", () => left.abort());
  const answer = await person.question(question, { signal: left.signal }).catch(() => "no");
  person.close();
  return /^y(es)?$/i.test(answer.trim());
}
