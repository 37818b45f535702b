/**
 * Requests that are done once however often they are sent. Without a key of the sender's the Worker makes one, so that
 * its own repetition after a passing fault is one request too.
 */
import type { Idempotency } from "../broker/methods.ts";
import { randomSecret, sha256, sha256Hex, shortId } from "../model/digest.ts";

export const keyOr = (given: string | undefined): string => given ?? randomSecret();

/** @param body as validated, so that the order of fields or the spelling of a duration is no difference */
export const digestOf = (what: string, body: unknown): Promise<string> => sha256Hex(`${what}\n${JSON.stringify(body)}`);

export const idempotency = async (given: string | undefined, what: string, body: unknown): Promise<Idempotency> => ({
  key: keyOr(given),
  digest: await digestOf(what, body),
});

/** Ten characters that the same key always gives, in one league. */
export const idFrom = async (league: string, what: string, key: string): Promise<string> =>
  shortId(await sha256(`${league}\n${what}\n${key}`));
