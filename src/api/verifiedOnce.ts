/**
 * Texts whose MAC was found right, so that it is computed once an isolate: the same token or credential comes with
 * every request. Only good ones are kept, or junk would push them out.
 */
import type { NamedKey } from "../model/credential.ts";
import { BoundedMap } from "./boundedMap.ts";
import type { Env } from "./env.ts";
import { keysOf } from "./keys.ts";

const MAX_KEPT = 10_000;

export class VerifiedOnce<T> {
  readonly #verify: (keys: readonly NamedKey[], text: string) => Promise<T | null>;
  #kept = new BoundedMap<string, T>(MAX_KEPT);
  #keptFor: readonly NamedKey[] | null = null;

  constructor(verify: (keys: readonly NamedKey[], text: string) => Promise<T | null>) {
    this.#verify = verify;
  }

  async get(env: Env, text: string): Promise<T | null> {
    const { all } = await keysOf(env);
    if (all !== this.#keptFor) {
      this.#kept = new BoundedMap(MAX_KEPT);
      this.#keptFor = all;
    }
    const known = this.#kept.get(text);
    if (known !== undefined) return known;
    const found = await this.#verify(all, text);
    if (found !== null) this.#kept.set(text, found);
    return found;
  }
}
