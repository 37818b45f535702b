/**
 * What is the same in many messages of one kind: which fields there are, which of them always, and of which types. Maps,
 * whose keys are names and no fields, are told by the name of the field that they are in.
 */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Fields = { [key: string]: Json };

/** Keys of these are resources, roles, partitions, jobs, attributes, variables. */
const MAPS = new Set(
  (
    "capacity attributes env resources jobs limits live room own priority lent lower keep total usable offered lendable " +
    "free used amounts resourceMs states minAllocatable roles"
  ).split(" "),
);
/** What is in these maps has fields, or is a list of what has. */
const MAPS_OF_OBJECTS = new Set(["jobs", "roles"]);
/** A list of maps, where it is not a map of such lists. */
const LISTS_OF_MAPS = new Set(["minAllocatable"]);
/** As the framework gave it: whatever is in there has no shape. */
const OPAQUE = new Set(["discovery", "container"]);
const OPAQUE_IN = "told";

export interface Shape {
  /** how many values were seen */
  seen: number;
  types: Set<string>;
  items: Shape | null;
  /** by the word in `type` of those that have one, else by "" */
  variants: Map<string, Variant>;
}
interface Variant {
  seen: number;
  fields: Map<string, Shape>;
}

export const newShape = (): Shape => ({ seen: 0, types: new Set(), items: null, variants: new Map() });

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const typeOf = (value: Json): string =>
  value === null ? "null" : Array.isArray(value) ? "list" : isFields(value) ? "object" : typeof value;
const variantOf = (fields: Fields): string => (typeof fields.type === "string" ? fields.type : "");

/** What becomes of a field: it is looked into, it is a map of such, or it is taken as it is. */
type Way = "into" | "each" | "whole";
function wayInto(above: string, name: string, value: Json): Way {
  if (above === OPAQUE_IN && OPAQUE.has(name)) return "whole";
  if (LISTS_OF_MAPS.has(name)) return "whole";
  if (!MAPS.has(name) || !isFields(value)) return "into";
  return MAPS_OF_OBJECTS.has(name) ? "each" : "whole";
}

/** Adds what is seen in one more value. */
export function look(shape: Shape, value: Json, above = ""): void {
  shape.seen++;
  shape.types.add(typeOf(value));
  if (Array.isArray(value)) {
    shape.items ??= newShape();
    for (const item of value) look(shape.items, item, above);
  } else if (isFields(value)) {
    const variant = shape.variants.get(variantOf(value)) ?? { seen: 0, fields: new Map<string, Shape>() };
    shape.variants.set(variantOf(value), variant);
    variant.seen++;
    for (const [name, field] of Object.entries(value)) lookInto(variant, above, name, field);
  }
}

function lookInto({ fields }: Variant, above: string, name: string, value: Json): void {
  const shape = fields.get(name) ?? newShape();
  fields.set(name, shape);
  const way = wayInto(above, name, value);
  if (way === "into") {
    look(shape, value, name);
    return;
  }
  shape.seen++;
  shape.types.add(typeOf(value));
  if (way === "whole" || !isFields(value)) return;
  shape.items ??= newShape();
  for (const item of Object.values(value)) look(shape.items, item, name);
}

export function shapeOf(messages: readonly Json[]): Shape {
  const shape = newShape();
  for (const message of messages) look(shape, message);
  return shape;
}

/**
 * Of what one message has, a text for each field with its type: two that have the same are alike.
 *
 * @param all of its kind: what others have and this one has not is told too
 */
export function* tracesOf(value: Json, all: Shape | null = null, at = "", above = ""): Generator<string> {
  yield `${at}:${typeOf(value)}`;
  if (Array.isArray(value)) for (const item of value) yield* tracesOf(item, all?.items, `${at}[]`, above);
  if (!isFields(value)) return;
  const variant = all?.variants.get(variantOf(value));
  const place = `${at}<${variantOf(value)}>`;
  for (const [name, field] of Object.entries(value)) {
    const shape = variant?.fields.get(name) ?? null;
    const way = wayInto(above, name, field);
    if (way === "into") yield* tracesOf(field, shape, `${place}.${name}`, name);
    else yield `${place}.${name}:${typeOf(field)}`;
    if (way === "each" && isFields(field))
      for (const item of Object.values(field)) yield* tracesOf(item, shape?.items, `${place}.${name}{}`, name);
  }
  for (const name of variant?.fields.keys() ?? []) if (!(name in value)) yield `${place} without ${name}`;
}

/**
 * @param before of what an earlier version wrote @param now of what this one writes
 * @returns a sentence for each thing that the earlier version would miss or not understand
 */
export function* missedIn(before: Shape, now: Shape, at: string): Generator<string> {
  if (before.seen === 0 || now.seen === 0) return;
  for (const type of now.types)
    if (!before.types.has(type)) yield `${at} is now ${type}, and was ${listed(before.types)}`;
  if (before.items && now.items) yield* missedIn(before.items, now.items, `${at}[]`);
  for (const [name, old] of before.variants) {
    const variant = now.variants.get(name);
    if (!variant) continue;
    const where = name === "" ? at : `${at} of type ${name}`;
    for (const [field, shape] of old.fields) {
      const present = variant.fields.get(field);
      const wasAlways = shape.seen === old.seen;
      if (wasAlways && present?.seen !== variant.seen)
        yield `${where}.${field} was in each, and is in ${present?.seen ?? 0} of ${variant.seen}`;
      if (present) yield* missedIn(shape, present, `${where}.${field}`);
    }
  }
}
const listed = (types: ReadonlySet<string>): string => [...types].sort().join(" or ");

/** Of a message only what the shape has: as one reads or writes it who knows no more. */
export function within(shape: Shape, value: Json, above = ""): Json {
  if (Array.isArray(value)) {
    const { items } = shape;
    return items === null ? value : value.map((item) => within(items, item, above));
  }
  if (!isFields(value)) return value;
  const variant = shape.variants.get(variantOf(value));
  if (!variant) return value;
  const kept: Fields = {};
  for (const [name, field] of Object.entries(value)) {
    const known = variant.fields.get(name);
    if (known) kept[name] = eachIn(above, name, field, (item) => within(known, item, name), known);
  }
  return kept;
}

function eachIn(above: string, name: string, value: Json, into: (value: Json) => Json, { items }: Shape): Json {
  const way = wayInto(above, name, value);
  if (way === "into") return into(value);
  if (way === "whole" || !isFields(value) || items === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, within(items, item, name)]));
}

/** What a later version might say too. */
export const LATER: Fields = { laterNumber: 7, laterNothing: null, laterObject: { a: [1] } };

/** The same with fields that nobody knows in each object, and all fields in another order. */
export function extended(value: Json, above = ""): Json {
  if (Array.isArray(value)) return value.map((item) => extended(item, above));
  if (!isFields(value)) return value;
  const fields: Fields = { ...LATER };
  for (const [name, field] of Object.entries(value).reverse()) {
    const way = wayInto(above, name, field);
    if (way === "into") fields[name] = extended(field, name);
    else if (way === "each" && isFields(field))
      fields[name] = Object.fromEntries(Object.entries(field).map(([key, item]) => [key, extended(item, name)]));
    else fields[name] = field;
  }
  return fields;
}

/** Without what `extended` added, wherever it was carried to. */
export const withoutLater = <M>(message: M): M => stripped(message as Json) as M;

function stripped(value: Json): Json {
  if (Array.isArray(value)) return value.map(stripped);
  if (!isFields(value)) return value;
  const rest = Object.entries(value).filter(([name]) => !(name in LATER));
  return Object.fromEntries(rest.map(([name, field]) => [name, stripped(field)]));
}
