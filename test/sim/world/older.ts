/** Messages as the version before this one writes them: with the fields that were recorded, and what may be absent is. */
import { readTemplate } from "../../../src/model/job.ts";
import { previousShapes } from "../../golden/golden.ts";
import { type Fields, isFields, type Json, within } from "../../golden/shape.ts";

/** Came after the first templates. Whoever reads one without them takes it as if they stood there so. */
const IN_TEMPLATES = Object.entries(readTemplate({})).map(([name, value]) => [name, JSON.stringify(value)] as const);

/** What was told later than the rest, by kind and place: whoever is not told goes on without. */
const LATER: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "agent.poll": [
    ["updates", "message"],
    ["updates", "ranMs"],
  ],
  "agent.reply": [["assignments", "used"]],
  "cluster.poll.answer": [["assignments", "used"]],
  "socket.poll.answer": [["reply", "assignments", "used"]],
  "broker.report": [["jobs", "silenceLeftMs"]],
};

/**
 * Fields that came with the repair of a fault, each in its place. A version that lacks them has that fault, which can't be
 * held against this one: they stay. What is sent without them is taken all the same, as the tests of what was recorded hold.
 */
const REPAIRS: Readonly<Record<string, readonly Json[]>> = {
  "agent.reply": [{ nonce: "" }],
  "cluster.poll.answer": [{ nonce: "" }],
  "socket.poll.answer": [{ reply: { nonce: "" } }],
  "broker.report": [{ jobs: [{ lacksIn: [""] }] }],
};

let shapes: ReturnType<typeof previousShapes> | null = null;

/** What the version before this one writes, or reads of a message. */
export function asPrevious(kind: string, message: Json): Json {
  shapes ??= previousShapes(REPAIRS);
  const shape = shapes.get(kind);
  return older(kind, shape ? within(shape, message) : message);
}

export function older(kind: string, message: Json): Json {
  const plain = withoutDefaults(message);
  for (const path of LATER[kind] ?? []) drop(plain, path);
  return plain;
}

/** A copy. */
function withoutDefaults(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (!isFields(value)) return value;
  const isTemplate = "stopAfterMs" in value && "retryMax" in value;
  const fields: Fields = {};
  for (const [key, field] of Object.entries(value)) {
    const isDefault =
      isTemplate && IN_TEMPLATES.some(([known, text]) => known === key && text === JSON.stringify(field));
    if (!isDefault) fields[key] = withoutDefaults(field);
  }
  return fields;
}

function drop(value: Json, [name = "", ...rest]: readonly string[]): void {
  if (Array.isArray(value)) for (const item of value) drop(item, [name, ...rest]);
  else if (isFields(value) && rest.length === 0) delete value[name];
  else if (isFields(value) && value[name] !== undefined) drop(value[name], rest);
}
