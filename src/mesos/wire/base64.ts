/** Base64 as leniently as Mesos reads it: white space is skipped, padding may lack, what follows it is not looked at. */

const ALIEN = /[^A-Za-z0-9+/\s]/;

/** @returns the first character that does not belong there, when there is one */
export function fromBase64(text: string): { bytes: Uint8Array } | { alien: string } {
  const [data = ""] = text.split("=", 1);
  const alien = ALIEN.exec(data)?.[0];
  if (alien !== undefined) return { alien };
  const packed = data.replaceAll(/\s/g, "");
  // One character alone is six bits: no byte.
  const whole = packed.length % 4 === 1 ? packed.slice(0, -1) : packed;
  return { bytes: Uint8Array.from(atob(whole), (char) => char.charCodeAt(0)) };
}

export const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));
