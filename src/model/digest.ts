/** Hashes, MACs and short ids over WebCrypto alone, so that Worker, CLI and agent make the same ones. */

export type MacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

const ID_CHARS = 10;
const ID_SPACE = 36n ** BigInt(ID_CHARS);

const encoder = new TextEncoder();

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}

export const sha256Hex = async (text: string): Promise<string> => hex(await sha256(text));

/** Importing costs more than using it: do it once a secret. */
export const macKey = (secret: string): Promise<MacKey> =>
  crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);

/** HMAC-SHA256, in hex. */
export const macHex = async (key: MacKey, text: string): Promise<string> =>
  hex(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text))));

/** Takes as long for a near miss as for a far one. */
export function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

/** Ten characters of [0-9a-z] made of the first eight bytes. */
export function shortId(bytes: Uint8Array): string {
  const number = bytes.subarray(0, 8).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return (number % ID_SPACE).toString(36).padStart(ID_CHARS, "0");
}

export const randomId = (): string => shortId(crypto.getRandomValues(new Uint8Array(8)));

/** 128 bits */
export const randomSecret = (): string => hex(crypto.getRandomValues(new Uint8Array(16)));
