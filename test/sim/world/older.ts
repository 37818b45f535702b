/** Messages of a version that knew less than the shapes that were recorded: what may be absent is. */
import { readTemplate } from "../../../src/model/job.ts";
import { type Fields, isFields, type Json } from "../../golden/shape.ts";

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
