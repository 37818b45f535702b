/**
 * Tokens of people and programs: `hns_<scope>_<league>_<id>_<secret><mac>`. The MAC lets the Worker refuse what was
 * never issued without asking anyone; whether a token still holds, its league's Broker says.
 */
import { type MacKey, macHex, macKey, sameText } from "./digest.ts";
import { NAME } from "./ids.ts";
import { type Scope, scopeSchema } from "./views.ts";

export interface Token {
  scope: Scope;
  league: string;
  id: string;
  secret: string;
}

/** The id of a league's first token, which whoever holds the service's secret can compute. */
export const ROOT_TOKEN_ID = "root";
/** 16 bytes in hex */
const MAC_CHARS = 32;
const MAX_TOKEN_CHARS = 256;

/** @returns null when it is not even shaped like a token; the MAC is not looked at */
function parse(text: string): { token: Token; mac: string } | null {
  if (text.length > MAX_TOKEN_CHARS) return null;
  const [prefix, scopeText, league, id, tail, ...more] = text.split("_");
  const scope = scopeSchema.safeParse(scopeText);
  if (prefix !== "hns" || !scope.success || league === undefined || id === undefined || tail === undefined) return null;
  if (more.length > 0 || !NAME.test(league) || !/^[0-9a-zA-Z]+$/.test(id + tail) || tail.length <= MAC_CHARS)
    return null;
  const secret = tail.slice(0, -MAC_CHARS);
  return { token: { scope: scope.data, league, id, secret }, mac: tail.slice(-MAC_CHARS) };
}

const signed = ({ scope, league, id, secret }: Token): string => `hns_${scope}_${league}_${id}_${secret}`;

const macOf = async (key: MacKey, token: Token): Promise<string> =>
  (await macHex(key, signed(token))).slice(0, MAC_CHARS);

export const composeToken = async (key: MacKey, token: Token): Promise<string> =>
  signed(token) + (await macOf(key, token));

/** @param keys any of them may have made the MAC: the present secret and the one before it */
export async function verifyToken(keys: readonly MacKey[], text: string): Promise<Token | null> {
  const parsed = parse(text);
  if (!parsed) return null;
  for (const key of keys) if (sameText(await macOf(key, parsed.token), parsed.mac)) return parsed.token;
  return null;
}

/** The admin token that a league has from the start. @param secret the service's `HANSA_SECRET` */
export async function rootToken(secret: string, league: string): Promise<string> {
  const key = await macKey(secret);
  const own = (await macHex(key, `root/${league}`)).slice(0, MAC_CHARS);
  return composeToken(key, { scope: "admin", league, id: ROOT_TOKEN_ID, secret: own });
}
