/**
 * JSON into protobuf messages, with the leniency and the words of Mesos (stout/protobuf.hpp): null is unset, unknown
 * fields are passed over, numbers and booleans may be texts, one value may stand for a list of one.
 */
import { fromBase64 } from "./base64.ts";
import type { Field, Fields, Message, MessageType, Type } from "./schema.ts";

export type Decoded<T> = { ok: true; value: T } | { ok: false; error: string };

class WireError extends Error {}

export function decode<F extends Fields>(type: MessageType<F>, json: unknown): Decoded<Message<F>> {
  if (!isObject(json)) return { ok: false, error: "Expecting a JSON object" };
  const missing: string[] = [];
  try {
    // It was made after `F`, from which its type follows.
    const value = readMessage(type, json, "", missing) as Message<F>;
    if (missing.length === 0) return { ok: true, value };
    return { ok: false, error: `Missing required fields: ${missing.join(", ")}` };
  } catch (error) {
    if (error instanceof WireError) return { ok: false, error: error.message };
    throw error;
  }
}

type Json = Record<string, unknown>;
const isObject = (json: unknown): json is Json => typeof json === "object" && json !== null && !Array.isArray(json);
const own = (json: Json, name: string): unknown => (Object.hasOwn(json, name) ? json[name] : undefined);

/** @param missing required fields that are not there: said when all else is right */
function readMessage({ fields }: MessageType, json: Json, path: string, missing: string[]): Json {
  const message: Json = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = readField(field, own(json, name) ?? null, name, `${path}${name}`, missing);
    if (value !== undefined) message[name] = value;
    else if (field.rule === "required") missing.push(`${path}${name}`);
  }
  return message;
}

function readField({ type, rule }: Field, json: unknown, name: string, path: string, missing: string[]): unknown {
  if (rule === "repeated") return readList(type, json, name, path, missing);
  if (json === null) return undefined;
  if (Array.isArray(json)) throw notExpecting("array", name);
  const value = readValue(type, json, name, path, missing);
  if (value === undefined && rule === "required") throw new WireError(`Failed to find enum for '${String(json)}'`);
  return value;
}

function readList(type: Type, json: unknown, name: string, path: string, missing: string[]): unknown[] {
  const items: unknown[] = json === null ? [] : Array.isArray(json) ? json : [json];
  const list: unknown[] = [];
  for (const item of items) {
    if (Array.isArray(item)) throw notExpecting("array", name);
    if (item === null) continue;
    const value = readValue(type, item, name, `${path}[${list.length}]`, missing);
    if (value !== undefined) list.push(value);
  }
  return list;
}

/** @returns undefined for a name that an enum does not have */
function readValue(type: Type, json: unknown, name: string, path: string, missing: string[]): unknown {
  switch (type.is) {
    case "message":
      if (!isObject(json)) throw notExpecting(kindOf(json), name);
      return readMessage(type, json, `${path}.`, missing);
    case "map":
      if (!isObject(json)) throw notExpecting(kindOf(json), name);
      return readMap(type.of, json, name, path, missing);
    case "enum":
      if (typeof json !== "string") throw notExpecting(kindOf(json), name);
      return type.names.includes(json) ? json : undefined;
    case "string":
      if (typeof json !== "string") throw notExpecting(kindOf(json), name);
      return json;
    case "bytes":
      if (typeof json !== "string") throw notExpecting(kindOf(json), name);
      return readBytes(json, name);
    case "bool":
      return readBool(json, name);
    case "double":
      return readNumber(json, name);
    case "integer":
      return Math.min(type.max, Math.max(type.min, Math.trunc(readInteger(json, name))));
  }
}

function readMap(of: Type, json: Json, name: string, path: string, missing: string[]): Json {
  const entries: [string, unknown][] = [];
  for (const [key, item] of Object.entries(json)) {
    if (item === null) continue;
    const value = readValue(of, item, name, `${path}[${key}]`, missing);
    if (value !== undefined) entries.push([key, value]);
  }
  // Whatever a key is called, it becomes one of the object's own.
  return Object.fromEntries(entries);
}

function readBytes(text: string, name: string): Uint8Array {
  const read = fromBase64(text);
  if ("bytes" in read) return read.bytes;
  throw new WireError(`Failed to base64 decode bytes field '${name}': Invalid character '${read.alien}'`);
}

function readBool(json: unknown, name: string): boolean {
  if (typeof json === "boolean") return json;
  if (typeof json !== "string") throw notExpecting(kindOf(json), name);
  if (json.trim() === "true") return true;
  if (json.trim() === "false") return false;
  throw new WireError(`Failed to parse '${json}' as a JSON boolean for field '${name}': unexpected value`);
}

const NUMBER = /^\s*-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\s*$/;

function readNumber(json: unknown, name: string): number {
  if (json === "Infinity") return Number.POSITIVE_INFINITY;
  if (json === "-Infinity") return Number.NEGATIVE_INFINITY;
  return readInteger(json, name);
}

function readInteger(json: unknown, name: string): number {
  if (typeof json === "number") return json;
  if (typeof json !== "string") throw notExpecting(kindOf(json), name);
  if (NUMBER.test(json)) return Number(json);
  throw new WireError(`Failed to parse '${json}' as a JSON number for field '${name}': unexpected value`);
}

const kindOf = (json: unknown): string => (Array.isArray(json) ? "array" : typeof json);

const notExpecting = (kind: string, name: string): WireError =>
  new WireError(`Not expecting a JSON ${kind} for field '${name}'`);
