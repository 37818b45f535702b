/** Tokens of a league, and answers that are given once per idempotency key. */
import { Problem } from "../model/problems.ts";
import type { TokenView } from "../model/views.ts";
import type { BrokerMethods, Caller, Idempotency, Page } from "./methods.ts";
import type { BrokerStore, TokenRow } from "./store.ts";

/** The league's first admin token: made of the deployment's secret, so it has a row only when it was revoked. */
const ROOT = "root";

type Args<M extends keyof BrokerMethods> = Parameters<BrokerMethods[M]>[0];

export class Access {
  readonly #store: BrokerStore;

  constructor(store: BrokerStore) {
    this.#store = store;
  }

  auth({ id, hash }: Args<"auth">, now: number): Caller | null {
    const row = this.#valid(id, hash, now);
    if (row) return { token: id, scope: row.scope, cluster: row.cluster, role: row.role };
    return id === ROOT && !this.#store.token(ROOT) ? { token: ROOT, scope: "admin", cluster: null, role: null } : null;
  }

  #valid(id: string, hash: string, now: number): TokenRow | null {
    const row = this.#store.token(id);
    const usable = row && !row.revoked && row.hash === hash && (row.expiresAt === null || now < row.expiresAt);
    return usable ? row : null;
  }

  create(args: Args<"createToken">, now: number): TokenView {
    return answerOnce(this.#store, args.idempotency, now, () => {
      const { id, hash, scope, cluster, role, uses, expiresAt, note } = args;
      const row: TokenRow = {
        id,
        hash,
        scope,
        cluster,
        role,
        usesLeft: uses,
        expiresAt,
        revoked: false,
        note,
        createdAt: now,
      };
      const known = this.#store.token(id);
      if (known && known.hash !== hash) throw new Problem("conflict", `there is a token ${id} already`);
      // A request that is repeated after its answer was forgotten must not bring a revoked token back.
      if (!known) this.#store.saveToken(row);
      return tokenView(known ?? row);
    });
  }

  list({ after, limit }: Args<"listTokens">): Page<TokenView> {
    const rows = this.#store.tokens(after, limit + 1);
    const page = rows.slice(0, limit);
    return { items: page.map(tokenView), next: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
  }

  revoke(id: string, now: number): TokenView {
    const row = this.#store.token(id) ?? (id === ROOT ? rootRow(now) : undefined);
    if (!row) throw new Problem("not-found", `there is no token ${id}`);
    const revoked = { ...row, revoked: true };
    this.#store.saveToken(revoked);
    return tokenView(revoked);
  }

  /** A join that is repeated under the same key uses the token once. */
  redeemJoin(
    { id, hash, key }: Args<"redeemJoin">,
    exists: (cluster: string) => boolean,
    now: number,
  ): { cluster: string } | null {
    const row = this.#valid(id, hash, now);
    if (row?.scope !== "join" || row.cluster === null || !exists(row.cluster)) return null;
    if (this.#store.hasUsed(id, key)) return { cluster: row.cluster };
    if (row.usesLeft !== null && row.usesLeft <= 0) {
      throw new Problem(
        "not-allowed",
        "this join token is used up; ask for a new one (hansa token create --join CLUSTER)",
      );
    }
    this.#store.noteUse(id, key);
    if (row.usesLeft !== null) this.#store.saveToken({ ...row, usesLeft: row.usesLeft - 1 });
    return { cluster: row.cluster };
  }
}

const rootRow = (now: number): TokenRow => ({
  id: ROOT,
  hash: "",
  scope: "admin",
  cluster: null,
  role: null,
  usesLeft: null,
  expiresAt: null,
  revoked: false,
  note: "root",
  createdAt: now,
});

const tokenView = ({ hash: _, ...rest }: TokenRow): TokenView => rest;

/** Runs `make` once per key: a repeated key gets the first answer, with another digest a problem. */
export function answerOnce<T>(store: BrokerStore, idempotency: Idempotency | null, now: number, make: () => T): T {
  if (idempotency === null) return make();
  const known = store.answered(idempotency.key);
  if (known) {
    if (known.digest !== idempotency.digest)
      throw new Problem(
        "idempotency-key-reused",
        "this Idempotency-Key was used for another request; choose a new key",
      );
    return known.answer as T;
  }
  const answer = make();
  store.remember(idempotency.key, idempotency.digest, answer, now);
  return answer;
}
