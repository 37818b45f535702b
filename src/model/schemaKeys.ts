/** Looks into a zod schema for the names that an object at a path may have. */
import { z } from "zod";

export type Path = readonly PropertyKey[];

type Schema = z.core.$ZodType;

export function keysAt(schema: Schema, path: Path): string[] {
  const options = objectsIn(schema);
  const [key, ...rest] = path;
  if (key === undefined) return [...new Set(options.flatMap((option) => Object.keys(option.shape)))];
  return [...new Set(childrenOf(schema, key).flatMap((child) => keysAt(child, rest)))];
}

/** The schema itself, or what it wraps, or its options. */
function unwrapped(schema: Schema): Schema[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return unwrapped(schema.def.innerType);
  }
  if (schema instanceof z.ZodPipe) return unwrapped(schema.def.in);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => unwrapped(option));
  return [schema];
}

const objectsIn = (schema: Schema): z.ZodObject[] =>
  unwrapped(schema).filter((option) => option instanceof z.ZodObject);

function childrenOf(schema: Schema, key: PropertyKey): Schema[] {
  return unwrapped(schema).flatMap((option): Schema[] => {
    if (option instanceof z.ZodArray) return [option.def.element];
    if (option instanceof z.ZodRecord) return [option.def.valueType];
    if (!(option instanceof z.ZodObject)) return [];
    const child: Schema | undefined = option.shape[String(key)];
    return child ? [child] : [];
  });
}
