/** Protobuf messages as data, from which both the decoder and the TypeScript types follow. */

export type Rule = "optional" | "required" | "repeated";

export type Type =
  | { readonly is: "string" | "bytes" | "bool" | "double" }
  | { readonly is: "integer"; readonly min: number; readonly max: number }
  | { readonly is: "enum"; readonly names: readonly string[] }
  | { readonly is: "map"; readonly of: Type }
  | MessageType;

export interface Field<T extends Type = Type, R extends Rule = Rule> {
  readonly type: T;
  readonly rule: R;
}
/** By the names of the `.proto` file. */
export type Fields = Readonly<Record<string, Field>>;

export interface MessageType<F extends Fields = Fields> {
  readonly is: "message";
  readonly fields: F;
}

interface Scalars {
  string: string;
  bytes: Uint8Array;
  bool: boolean;
  double: number;
  integer: number;
}

/** What the decoder makes of a type. */
export type Value<T> = T extends { readonly is: "message"; readonly fields: infer F }
  ? Message<F>
  : T extends { readonly is: "map"; readonly of: infer V }
    ? Readonly<Record<string, Value<V>>>
    : T extends { readonly is: "enum"; readonly names: readonly (infer N)[] }
      ? N
      : T extends { readonly is: infer I extends keyof Scalars }
        ? Scalars[I]
        : never;

type ValueIn<F> = F extends { readonly type: infer T } ? Value<T> : never;
type NamesOf<F, R extends Rule> = { [K in keyof F]: F[K] extends { readonly rule: R } ? K : never }[keyof F];

export type Message<F> = {
  readonly [K in NamesOf<F, "optional">]?: ValueIn<F[K]>;
} & { readonly [K in NamesOf<F, "required">]: ValueIn<F[K]> } & {
  readonly [K in NamesOf<F, "repeated">]: readonly ValueIn<F[K]>[];
};
export type Of<T extends MessageType> = Value<T>;

const scalar = <I extends "string" | "bytes" | "bool" | "double">(is: I) => ({ is }) as const;
export const string = scalar("string");
export const bytes = scalar("bytes");
export const bool = scalar("bool");
export const double = scalar("double");

/** Above 2^53 a number is rounded, by half a microsecond at most where nanoseconds are counted. */
const integer = (min: number, max: number) => ({ is: "integer", min, max }) as const;
export const int32 = integer(-(2 ** 31), 2 ** 31 - 1);
export const uint32 = integer(0, 2 ** 32 - 1);
export const int64 = integer(-(2 ** 63), 2 ** 63);
export const uint64 = integer(0, 2 ** 64);

export const enumOf = <const N extends readonly string[]>(...names: N) => ({ is: "enum", names }) as const;
export const mapOf = <T extends Type>(of: T) => ({ is: "map", of }) as const;
export const message = <const F extends Fields>(fields: F): MessageType<F> => ({ is: "message", fields });

export const optional = <T extends Type>(type: T): Field<T, "optional"> => ({ type, rule: "optional" });
export const required = <T extends Type>(type: T): Field<T, "required"> => ({ type, rule: "required" });
export const repeated = <T extends Type>(type: T): Field<T, "repeated"> => ({ type, rule: "repeated" });
