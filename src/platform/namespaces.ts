/** How an object is found: its kind's binding and its name, `league` or `league/name`. */
import type { Answer } from "./answer.ts";
import type { ObjectKind, ObjectRef } from "./seam.ts";

/** `metrics`: only to read the counters; then it is not counted among them. */
export type Purpose = "work" | "metrics";

/** What every object answers to; see durableObject.ts. */
export interface ObjectStub {
  invoke(method: string, args: unknown, purpose?: Purpose): Promise<Answer>;
  fetch(url: string, init: { headers: Record<string, string> }): Promise<Response>;
}
export interface ObjectNamespace {
  getByName(name: string): ObjectStub;
}
export interface Namespaces {
  BROKER: ObjectNamespace;
  CLUSTER: ObjectNamespace;
  FRAMEWORK: ObjectNamespace;
  SHELF: ObjectNamespace;
}

const BINDINGS = {
  broker: "BROKER",
  cluster: "CLUSTER",
  framework: "FRAMEWORK",
  shelf: "SHELF",
} as const satisfies Record<ObjectKind, keyof Namespaces>;

export const stubOf = (namespaces: Namespaces, ref: ObjectRef): ObjectStub =>
  namespaces[BINDINGS[ref.kind]].getByName(nameOf(ref));

export const nameOf = ({ league, name }: ObjectRef): string => (name === "" ? league : `${league}/${name}`);

/** Names of leagues have no slash. */
export function refOf(kind: ObjectKind, objectName: string): ObjectRef {
  const [league = "", name = ""] = objectName.split("/");
  return { kind, league, name };
}
