/** A job file (YAML, and so JSON) as the body to submit. What is wrong in its fields the broker says. */
import { dirname, resolve } from "node:path";
import { isMap, isScalar, isSeq, parseDocument } from "yaml";
import { Problem } from "../../src/model/problems.ts";
import { readText } from "../readText.ts";
import { eachItems } from "./spec.ts";

/** YAML reads `010` as a number; where only text makes sense it is taken as it was written. */
const asWritten = (node: unknown): unknown =>
  isScalar(node) && node.value !== null ? (node.source ?? String(node.value)) : null;

function textField(node: unknown): unknown {
  if (isSeq(node)) return node.items.map(asWritten);
  if (isMap(node)) return Object.fromEntries(node.items.map(({ key, value }) => [asWritten(key), asWritten(value)]));
  return undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * @param source the file's name, for messages
 * @param readLines reads what `each: FILE` names; the path is as written in the job file
 */
export async function parseJobFile(
  text: string,
  source: string,
  readLines: (path: string) => Promise<string>,
): Promise<Record<string, unknown>> {
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error) throw new Problem("invalid-request", `${source}: ${error.message.trimEnd()}`);
  const body: unknown = document.toJS();
  if (!isRecord(body)) {
    throw new Problem("invalid-request", `${source} holds no job. It wants at least a line like "command: echo hi"`);
  }
  for (const field of ["each", "command", "env"]) {
    const text = textField(document.get(field, true));
    if (text !== undefined) body[field] = text;
  }
  const { each } = body;
  return typeof each === "string" ? { ...body, each: eachItems(await readLines(each), each) } : body;
}

/** @param path of the job file, `-`: standard input; what it names is beside it */
export async function jobBody({ cwd }: { cwd: string }, path: string): Promise<Record<string, unknown>> {
  const folder = path === "-" ? cwd : dirname(resolve(cwd, path));
  return parseJobFile(await readText(cwd, path), path, (each) => readText(folder, each));
}
